//! Signing in, and who may press which button.

use super::*;
use crate::access::{self, Making, Role};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// As a person with a browser sees it: no redirect is followed unseen.
struct Person<'a> {
    browser: &'a Browser,
    cookie: Option<String>,
}

struct Seen {
    status: u16,
    leads_to: String,
    cookie: String,
    text: String,
}

impl Person<'_> {
    fn ask(&self, path: &str, form: Option<&[(&str, &str)]>) -> Seen {
        let (agent, address) = (self.browser.agent(), format!("{}{path}", self.browser.address));
        let cookie =
            self.cookie.as_ref().map(|cookie| format!("{}={cookie}", api::COOKIE)).unwrap_or_default();
        let mut response = match form {
            None => agent.get(address).header("cookie", &cookie).call().unwrap(),
            Some(fields) => {
                let request = agent.post(address).header("cookie", &cookie);
                request.header("origin", &self.browser.address).send_form(fields.iter().copied()).unwrap()
            }
        };
        let header = |name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (leads_to, cookie) = (header("location"), header("set-cookie"));
        let text = response.body_mut().read_to_string().unwrap();
        Seen { status: response.status().as_u16(), leads_to, cookie, text }
    }

    fn sign_in(&mut self, key: &str, to: &str) -> Seen {
        let seen = self.ask("/console/sign-in", Some(&[("key", key), ("to", to)]));
        self.cookie = seen.cookie.split(['=', ';']).nth(1).map(ToOwned::to_owned);
        seen
    }
}

fn person(browser: &Browser) -> Person<'_> {
    Person { browser, cookie: None }
}

fn key(browser: &Browser, role: Role) -> String {
    let name = role.as_str().parse().unwrap();
    match browser.runtime.block_on(access::make(&browser.app, &name, role)).unwrap() {
        Making::Made(key) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_signs_in_with_a_key_and_comes_to_where_he_wanted() {
    let browser = Browser::new();
    let mut ann = person(&browser);
    assert_eq!(ann.ask("/console/prices", None).status, 200, "nobody has a key");
    let admin = key(&browser, Role::Admin);
    let sent = ann.ask("/console/prices?at=2026-11-24", None);
    assert_eq!(
        (sent.status, sent.leads_to.as_str()),
        (303, "/console/sign-in?to=%2Fconsole%2Fprices%3Fat%3D2026-11-24")
    );
    let form = ann.ask(&sent.leads_to, None);
    assert!(
        form.status == 200 && form.text.contains("value=\"/console/prices?at=2026-11-24\""),
        "{}",
        form.text
    );
    let wrong = ann.sign_in("bursar_guessed", "/");
    assert!(wrong.status == 403 && wrong.text.contains("does not open the console"), "{}", wrong.text);
    assert!(ann.cookie.is_none() && !wrong.text.contains("bursar_guessed"), "{}", wrong.text);
    let right = ann.sign_in(&format!(" {admin}\n"), "/console/prices?at=2026-11-24");
    assert_eq!((right.status, right.leads_to.as_str()), (303, "/console/prices?at=2026-11-24"));
    for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=43200"] {
        assert!(right.cookie.contains(part), "no {part} in {}", right.cookie);
    }
    assert_eq!(ann.ask("/console/prices", None).status, 200);
    assert_eq!(ann.ask("/v1/calls", None).status, 200, "links of pages lead there");
    assert!(ann.ask("/console/access", None).text.contains("<strong>admin</strong>"));
    let stale = ann.cookie.clone();
    assert_eq!(ann.ask("/console/sign-out", Some(&[])).status, 303);
    assert!(stale.is_some() && ann.ask("/", None).status == 303, "the cookie stands for nothing any more");
    let astray = ann.sign_in(&admin, "//evil.example/");
    assert_eq!(astray.leads_to, "/");
}

#[test]
fn what_a_role_may_not_do_is_said_and_not_done() {
    let browser = Browser::new();
    let (admin, ingest) = (key(&browser, Role::Admin), key(&browser, Role::Ingest));
    let mut reader = person(&browser);
    assert_eq!(reader.sign_in(&ingest, "/").status, 403, "a filter's key is none to read with");
    reader.sign_in(&key(&browser, Role::Read), "/");
    for path in ["/", "/console/tasks", "/console/reports/weekly", "/console/prices/proposals"] {
        assert_eq!(reader.ask(path, None).status, 200, "{path}");
    }
    let own = reader.ask("/console/access", None).text;
    assert!(own.contains("<strong>read</strong>") && !own.contains("Revoke"), "{own}");
    for (path, needed) in [
        ("/console/prices/proposals", "operate"),
        ("/console/alerts/1/resend", "operate"),
        ("/console/access", "admin"),
        ("/console/access/revoke", "admin"),
    ] {
        let seen = reader.ask(path, Some(&[("name", "admin"), ("role", "read"), ("action", "approve-all")]));
        assert!(
            seen.status == 403 && seen.text.contains(&format!("needs the role {needed}")),
            "{path}: {}",
            seen.text
        );
    }
    assert_eq!(browser.app.access.list().len(), 3);
    let mut ann = person(&browser);
    ann.sign_in(&admin, "/");
    let made = ann.ask("/console/access", Some(&[("name", "<b>bob"), ("role", "operate")]));
    assert!(
        made.status == 200 && made.text.contains("&#60;b&#62;bob") && !made.text.contains("<b>bob"),
        "{}",
        made.text
    );
    let secret = made.text.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(!ann.ask("/console/access", None).text.contains(&secret), "it is shown once");
    let mut bob = person(&browser);
    assert_eq!(bob.sign_in(&secret, "/").status, 303);
    assert_eq!(ann.ask("/console/access/revoke", Some(&[("name", "<b>bob")])).status, 303);
    assert_eq!(bob.ask("/", None).status, 303, "with the key its sessions end");
    let last = ann.ask("/console/access/revoke", Some(&[("name", "admin")]));
    assert!(last.status == 409 && last.text.contains("The last key of role admin"), "{}", last.text);
    for name in ["ingest", "read"] {
        assert_eq!(ann.ask("/console/access/revoke", Some(&[("name", name)])).status, 303);
    }
    let last = ann.ask("/console/access/revoke", Some(&[("name", "admin")]));
    assert!(last.status == 409 && last.text.contains("The last key stays"), "{}", last.text);
    assert!(!browser.app.access.is_open());
}

#[test]
fn a_form_of_nobody_leads_over_the_sign_in_back_to_its_page() {
    let browser = Browser::new();
    key(&browser, Role::Admin);
    let origin = &*browser.address;
    let lead = |path: &str, referer: &str| {
        let referer = format!("{origin}{referer}");
        let headers = [("origin", origin), ("referer", &*referer)];
        browser.send(path, "", &headers[..if referer == origin { 1 } else { 2 }])
    };
    for (path, referer, to) in [
        (
            "/console/alerts/1/resend",
            "/console/alerts?state=standing",
            "%2Fconsole%2Falerts%3Fstate%3Dstanding",
        ),
        ("/console/access/revoke", "/console/access", "%2Fconsole%2Faccess"),
        ("/console/policy/draft", "/console/policy", "%2Fconsole%2Fpolicy"),
        ("/console/access/revoke", "", "%2F"),
    ] {
        assert_eq!(lead(path, referer), (303, format!("/console/sign-in?to={to}")), "{path} from {referer}");
    }
}

#[test]
fn a_session_ends_after_a_working_day() {
    let time = Arc::new(AtomicU64::new(now()));
    let browser = Browser::at(POLICY, {
        let time = time.clone();
        move || time.load(Ordering::SeqCst)
    });
    let mut ann = person(&browser);
    ann.sign_in(&key(&browser, Role::Admin), "/");
    time.fetch_add(access::HOURS * 3_600_000_000_000 - 1, Ordering::SeqCst);
    assert_eq!(ann.ask("/", None).status, 200);
    time.fetch_add(1, Ordering::SeqCst);
    assert_eq!(ann.ask("/", None).status, 303);
}

#[test]
fn a_button_that_a_role_may_not_press_is_not_there_and_the_page_says_whose_it_is() {
    let (browser, admin) = files::everything();
    let made = |role: Role| match browser.runtime.block_on(access::make(
        &browser.app,
        &role.as_str().parse().unwrap(),
        role,
    )) {
        Ok(Making::Made(key)) => key,
        other => panic!("{other:?}"),
    };
    let keys = [(Role::Read, made(Role::Read)), (Role::Operate, made(Role::Operate)), (Role::Admin, admin)];
    let draft = ("/console/policy/draft", Some([("text", "version: 1\nplans: {x: {price_usd: 1}}\n")]));
    // Page, what is there for whom, and what is said to the others.
    let cases = [
        (
            ("/console/alerts", None),
            Role::Operate,
            "Send again</button>",
            "role operate can send messages again",
        ),
        (
            ("/console/prices/proposals", None),
            Role::Operate,
            "value=\"approve-all\"",
            "role operate approve and reject",
        ),
        (
            ("/console/prices/proposals", None),
            Role::Operate,
            "type=\"checkbox\"",
            "role operate approve and reject",
        ),
        (draft, Role::Admin, "<button>Put in force</button>", "role admin can put it in force"),
        (("/console/access", None), Role::Admin, "<button>Make it</button>", "those of the role admin"),
    ];
    for (role, key) in keys {
        let mut who = person(&browser);
        assert_eq!(who.sign_in(&key, "/").status, 303, "{role}");
        for ((path, form), needed, button, reason) in cases {
            let seen = who.ask(path, form.as_ref().map(|form| &form[..]));
            assert_eq!(seen.status, 200, "{role} {path}: {}", seen.text);
            let may = role >= needed;
            assert_eq!(seen.text.contains(button), may, "{role} {path}: {button} in {}", seen.text);
            assert_eq!(seen.text.contains(reason), !may, "{role} {path}: {reason} in {}", seen.text);
        }
    }
}
