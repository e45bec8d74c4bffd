//! Addresses that lead nowhere, and what cannot be read: a page answers, as all pages, and leads back.

use super::*;

#[test]
fn whoever_is_lost_in_the_console_gets_a_page() {
    let browser = Browser::new();
    let long = "usage=".to_owned() + &"x".repeat(3 * 1024 * 1024);
    let cases: [(&str, Option<&str>, u16, &str); 12] = [
        ("/console/nothing", None, 404, "There is no such page"),
        ("/console/customers/", None, 404, "There is no such page"),
        ("/console", None, 404, "There is no such page"),
        ("/console/access/revoke", None, 405, "takes a form"),
        ("/console/alerts/1/resend", None, 405, "takes a form"),
        ("/console/customers/%ff", None, 400, "cannot be read"),
        ("/console/policy?before=abc", None, 400, "before: invalid digit"),
        ("/console/policy/draft?version=abc", None, 400, "version: invalid digit"),
        ("/console/calls?customer=a&customer=b", None, 400, "`customer` is said twice"),
        ("/console/prices?page=x", None, 400, "page: invalid digit"),
        ("/console/alerts/x/resend", Some(""), 400, "cannot be read"),
        ("/console/reconciliation", Some(&long), 413, "too long for a page"),
    ];
    for (path, form, status, text) in cases {
        let (agent, address) = (browser.agent(), format!("{}{path}", browser.address));
        let mut response = match form {
            None => agent.get(address).call().unwrap(),
            Some(fields) => {
                let request = agent.post(address).header("origin", &browser.address);
                request.content_type("application/x-www-form-urlencoded").send(fields).unwrap()
            }
        };
        let headers = response.headers().clone();
        let said = response.body_mut().read_to_string().unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}: {said}");
        assert!(said.contains(text) && said.contains("Back to the overview"), "{path}: {said}");
        assert!(!said.contains("i64") && !said.contains("usize"), "{path}: {said}");
        assert!(headers.contains_key("content-security-policy"), "{path}");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8", "{path}");
    }
}

#[test]
fn a_filter_that_is_misspelt_shows_nothing_and_says_so() {
    let browser = Browser::new();
    let (head, end, ..) = example();
    browser.book(head, end);
    for (path, text) in [
        ("/console/calls?custmer=acme", "`custmer` filters nothing here"),
        ("/console/tasks?custmer=acme", "`custmer` filters nothing here"),
        ("/console/calls?outcome=nonsense", "parameter `outcome` is none of"),
        ("/console/calls?refused=zzz", "parameter `refused` is none of"),
        ("/console/alerts?state=zzz", "`zzz` is none of: standing, resolved, seeded"),
        ("/?span=zzz", "`zzz` is none of: day, week, month"),
    ] {
        let (status, page) = browser.open(path);
        assert!(status == 400 && page.contains(text), "{path}: {page}");
        assert!(!page.contains("/console/calls/0"), "{path} lists a call: {page}");
    }
    for path in ["/console/calls?customer=&cursor=", "/console/alerts?state=", "/?span="] {
        assert_eq!(browser.open(path).0, 200, "{path}");
    }
}
