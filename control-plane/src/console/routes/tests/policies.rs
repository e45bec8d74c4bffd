//! The pages of the policy, as a browser sees them.

use super::{
    pages::{call, contains},
    *,
};
use crate::policy::Policy;

const PAGE: &str = "/console/policy";
const DRAFT: &str = "/console/policy/draft";
const SECRET: &str = "https://hooks.slack.com/services/T0/B0/secret";
const WITH_SECRET: &str = "version: 1
customers: {'</textarea><b>': {}, acme: {}}
caps: [{name: day, each: customer, limit_usd: 1, window: day}]
destinations: {ops: {url: 'https://hooks.slack.com/services/T0/B0/secret', kind: slack}}
";

/// Sends a form of a page of ours.
fn post(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let request = browser.agent().post(format!("{}{path}", browser.address));
    let mut response = request.header("origin", &browser.address).send_form(fields.to_vec()).unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

fn check(browser: &Browser, text: &str, days: &str) -> (u16, String) {
    post(browser, DRAFT, &[("text", text), ("days", days)])
}

fn apply(browser: &Browser, text: &str, version: &str) -> (u16, String) {
    let fields = url_encoded(&[("text", text), ("version", version)]);
    browser.send(PAGE, &fields, &[("origin", &browser.address)])
}

fn url_encoded(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", crate::console::page::encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// What stands in the text field of a page, as a browser reads it.
fn text_of(page: &str) -> String {
    let (_, rest) = page.split_once("<textarea").unwrap();
    let text = rest.split_once(">\n").unwrap().1.split_once("</textarea>").unwrap().0;
    let marks = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    marks.iter().fold(text.to_owned(), |text, (mark, letter)| text.replace(mark, letter))
}

/// What a text says, once addresses stand in it again.
fn meant(browser: &Browser, text: &str) -> Policy {
    policy::parse_over(text, "shown", browser.app.rules().policy()).unwrap()
}

#[test]
fn the_policy_in_force_stands_on_its_page_without_secrets_and_can_be_read_back() {
    let browser = Browser::with(WITH_SECRET);
    let (status, page) = browser.open(PAGE);
    assert_eq!(status, 200);
    contains(
        &page,
        &[
            "Version 1, in force since 2026-11-24 14:03:20 UTC.",
            "url: https://hooks.slack.com/…",
            "<a href=\"/console/policy/versions/1\">1</a>",
            "aria-current=\"page\">Policy</a>",
            "<option value=\"7\" selected>7 days</option>",
        ],
    );
    assert!(!page.contains("services/T0") && !page.contains("<b>") && !page.contains("watches"), "{page}");
    assert_eq!(meant(&browser, &text_of(&page)), *browser.app.rules().policy());
    // The same on every other page about it.
    for path in [DRAFT, "/console/policy/versions/1", "/console/policy/draft?version=1"] {
        let (status, page) = browser.open(path);
        assert!(status == 200 && !page.contains("services/T0") && !page.contains("<b>"), "{path}: {page}");
        assert!(page.contains("&#60;/textarea&#62;&#60;b&#62;"), "{path}: {page}");
    }
    let empty = browser.open("/console/policy/draft?version=0").1;
    assert!(!meant(&browser, &text_of(&empty)).customers.contains_key(&"acme".parse().unwrap()), "{empty}");
    for path in ["versions/0", "versions/2", "versions/x", "draft?version=2"] {
        assert_eq!(browser.open(&format!("{PAGE}/{path}")).0, 404, "{path}");
    }
}

#[test]
fn every_fault_of_a_draft_has_its_place_and_the_text_is_kept() {
    let browser = Browser::with(WITH_SECRET);
    let draft = "version: 1\ncapz: []\ncaps:\n  - {name: <i>, limit_usd: much, window: day}\ncustomers: {acme: {plan: gold}}\n";
    let (status, page) = check(&browser, draft, "1");
    assert_eq!(status, 422);
    contains(
        &page,
        &[
            "3 faults",
            "<th scope=\"row\">2:1</th>",
            "<code>capz</code>",
            "did you mean <code>caps</code>?",
            "<th scope=\"row\">4:28</th>",
            "<code>caps[0].limit_usd</code>",
            "line 4: <code>  - {name: &#60;i&#62;, limit_usd: much, window: day}</code>",
            "<code>customers.acme.plan</code>",
            "<option value=\"1\" selected>day</option>",
        ],
    );
    assert!(!page.contains("<i>") && !page.contains("Put in force"), "{page}");
    assert_eq!(text_of(&page), draft);
    // Browsers end lines in two bytes, and lines are counted as before; an empty first line is a line.
    let (_, page) = check(&browser, &format!("\r\n{}", draft.replace('\n', "\r\n")), "1");
    contains(&page, &["<th scope=\"row\">5:28</th>"]);
    assert_eq!(text_of(&page), format!("\n{draft}"));
    // An address that stands for none that is known.
    let (_, page) = check(&browser, &text_of(&browser.open(PAGE).1).replace("…", "…0"), "1");
    contains(&page, &["<code>destinations.ops.url</code>", "write the whole address"]);
    assert_eq!(apply(&browser, draft, "1").0, 422);
    assert_eq!(browser.app.rules().stored.version, 1);
}

#[test]
fn a_draft_shows_what_it_changes_and_what_it_would_have_refused() {
    let browser = Browser::new();
    for number in 1..=3 {
        let (head, end) = call(number, "contract", "acme");
        browser.book(head, end);
    }
    let draft = "version: 1\ncaps: [{name: day, each: customer, limit_calls: 2, window: day}]\n";
    let (status, page) = check(&browser, draft, "30");
    assert_eq!(status, 200, "{page}");
    contains(
        &page,
        &[
            "<th scope=\"row\" class=\"who\">caps[day].limit_calls</th><td>added</td><td class=\"n\"></td><td>2</td>",
            "<th scope=\"row\" class=\"who\">caps[day].limit_usd</th><td>removed</td><td>0.001</td><td class=\"n\"></td>",
            "<th scope=\"col\">before</th><th scope=\"col\">after</th>",
            "of the calls of the last 30 days",
            "<th scope=\"row\" class=\"who\">day/calls</th><td>each customer</td><td>2 calls</td><td>day</td><td>enforce</td><td class=\"n\">1</td>",
            "<th scope=\"row\" class=\"who\">day/calls</th><td>customer=acme</td><td class=\"n\">1</td>",
            "<input type=\"hidden\" name=\"version\" value=\"1\">",
            "<button>Put in force</button>",
        ],
    );
    assert_eq!(text_of(&page), draft);
    assert_eq!(browser.app.rules().stored.version, 1, "checking changes nothing");
    let (_, page) = check(&browser, POLICY, "never");
    contains(&page, &["No difference.", "The draft says what is in force already.", "of the last 7 days"]);
    assert!(!page.contains("Put in force"), "{page}");
}

#[test]
fn a_draft_is_put_in_force_in_the_place_of_the_version_it_was_compared_with() {
    let browser = Browser::with(WITH_SECRET);
    let shown = text_of(&browser.open(PAGE).1);
    let draft = shown.replace("limit_usd: \"1\"", "limit_usd: \"2\"");
    let (status, page) = check(&browser, &draft, "7");
    assert!(status == 200 && draft != shown, "{page}");
    assert_eq!(apply(&browser, &draft, "1"), (303, format!("{PAGE}?done=2")));
    let in_force = browser.app.rules();
    assert_eq!(in_force.stored.version, 2);
    let url =
        |policy: &Policy| policy.destinations.values().map(|one| one.url.to_string()).collect::<Vec<_>>();
    assert_eq!(url(in_force.policy()), [SECRET], "what was masked is what it was");
    assert_eq!(
        *in_force.policy(),
        policy::parse(&WITH_SECRET.replace("limit_usd: 1", "limit_usd: 2"), "p").unwrap()
    );
    let page = browser.open(&format!("{PAGE}?done=2")).1;
    contains(
        &page,
        &[
            "role=\"status\">Version 2 is in force from now on.",
            "<th scope=\"row\"><a href=\"/console/policy/versions/2\">2</a></th><td>2026-11-24 14:03:20</td><td class=\"n\">1</td>",
            "<a href=\"/console/policy/draft?version=1\">take it as a draft</a>",
        ],
    );
    assert!(!browser.open(&format!("{PAGE}?done=9")).1.contains("role=\"status\""), "it was never");
    contains(
        &browser.open("/console/policy/versions/2").1,
        &["<th scope=\"row\" class=\"who\">caps[day].limit_usd</th><td>changed</td><td>1</td><td>2</td>"],
    );

    // Somebody else compared with what was in force before: nothing is changed, and the draft is kept.
    let other = "version: 1\n# mine\n";
    let answer = post(&browser, PAGE, &[("text", other), ("version", "1")]);
    assert_eq!(answer.0, 409);
    contains(&answer.1, &["version 2 is in force by now", "The draft was compared with version 1"]);
    assert_eq!(text_of(&answer.1), other);
    assert_eq!(browser.app.rules().stored, in_force.stored);

    // Back to the older one, and once more.
    let older = text_of(&browser.open("/console/policy/draft?version=1").1);
    assert_eq!(apply(&browser, &older, "2"), (303, format!("{PAGE}?done=3")));
    assert_eq!(apply(&browser, &older, "3"), (303, format!("{PAGE}?done=unchanged")));
    contains(&browser.open(&format!("{PAGE}?done=unchanged")).1, &["version 3 says the same"]);
    contains(
        &browser.open(&format!("{PAGE}?done=2")).1,
        &["Version 2 was put in force; by now version 3 is."],
    );
}

#[test]
fn a_form_that_comes_from_elsewhere_or_is_too_long_changes_nothing() {
    let browser = Browser::new();
    let fields = url_encoded(&[("text", "version: 1\n"), ("version", "1")]);
    for path in [PAGE, DRAFT] {
        for stranger in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("origin", "http://evil.example")],
            &[("origin", "null")],
        ] {
            assert_eq!(browser.send(path, &fields, stranger), (403, String::new()), "{path} {stranger:?}");
        }
    }
    assert_eq!(apply(&browser, "version: 1\n", "").0, 400);
    let comment = |length: usize| format!("version: 1\n#{}", "x".repeat(length));
    assert_eq!(check(&browser, &comment(2_000_000), "1").0, 200);
    let (status, page) = check(&browser, &comment(2_100_000), "1");
    assert_eq!(status, 413);
    contains(&page, &["A draft has at most 2 MB here."]);
    assert_eq!(apply(&browser, &comment(2_100_000), "1").0, 413);
    // A form that is longer than any draft is answered before it is read: a sender may see no more than a broken connection.
    let request = browser.agent().post(format!("{}{DRAFT}", browser.address));
    let text = comment(9_000_000);
    let answer = request.header("origin", &browser.address).send_form([("text", text.as_str())]);
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 413));
    assert_eq!(browser.app.rules().stored.version, 1);
}

#[test]
fn a_policy_that_is_too_long_for_a_form_says_where_it_is() {
    let customers: Vec<String> =
        (0..40_000).map(|number| format!("  customer-{number:06}: {{}}\n")).collect();
    let browser = Browser::with(&format!("version: 1\ncustomers:\n{}", customers.concat()));
    for path in [PAGE, DRAFT] {
        let (status, page) = browser.open(path);
        assert_eq!(status, 200);
        contains(&page, &["longer than 2 MB", "<code>apply</code>"]);
        assert!(!page.contains("<textarea"), "{path}");
    }
    // What it changed is cut, and says so.
    let page = browser.open("/console/policy/versions/1").1;
    contains(&page, &["79500 more values differ: <code>POST /v1/policy/diffs</code> lists them."]);
}

#[test]
fn a_long_list_of_versions_is_shown_in_parts() {
    let browser = Browser::with("version: 1\n");
    for limit in 1..=21 {
        let text = format!("version: 1\ncaps: [{{name: all, limit_calls: {limit}, window: day}}]\n");
        browser.runtime.block_on(browser.app.put_policy(policy::parse(&text, "p").unwrap())).unwrap();
    }
    let page = browser.open(PAGE).1;
    contains(
        &page,
        &[">22</a>", ">3</a>", "<a href=\"/console/policy?before=3#versions\" rel=\"next\">Older</a>"],
    );
    assert!(!page.contains(">2</a>"), "{page}");
    let page = browser.open("/console/policy?before=3").1;
    contains(&page, &["Version 22, in force", ">2</a>", ">1</a>", ">Newest</a>"]);
    assert!(!page.contains(">Older</a>"), "{page}");
}
