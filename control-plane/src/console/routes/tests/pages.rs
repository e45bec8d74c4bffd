//! Tasks, customers, reports, and how one finds them.

use super::*;
use protocol::{
    attempt::{Attempt, Fate, RateLimit},
    attribution::{Attributed, Dimension, Source},
    event::{CapAnswer, CapDecision, Ending, Outcome, Refusal},
    meters::Usage,
};

/// Parts of paths and of pages alike.
pub(super) const HOSTILE: &str = "<script>alert(1)</script>/a%2Fb?c#\"ü";
const HOSTILE_PATH: &str = "%3Cscript%3Ealert%281%29%3C%2Fscript%3E%2Fa%252Fb%3Fc%23%22%C3%BC";

pub(super) fn contains(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} in {page}");
    }
}

/// A call of a task and a customer; `number` tells it from others.
pub(super) fn call(number: u8, task: &str, customer: &str) -> (CallHead, CallEnd) {
    let (mut head, end, ..) = example();
    head.id = CallId::new(head.started_at / 1_000_000, [number; 10]);
    head.request_id = Some(format!("request-{number}").into());
    for (dimension, value) in [(Dimension::Task, task), (Dimension::Customer, customer)] {
        head.attribution.set(dimension, Attributed { value: value.parse().unwrap(), from: Source::Header });
    }
    (head, end)
}

fn attempt(number: u32, head: &CallHead) -> Attempt {
    Attempt {
        number,
        decides: false,
        fate: Fate::Failed,
        reason: None,
        provider: None,
        account: None,
        region: None,
        model: None,
        cluster: Some("primary".into()),
        upstream: Some("10.0.0.1:443".into()),
        started_at: head.started_at,
        answered_at: Some(head.started_at + 200_000_000),
        ended_at: head.started_at + 250_000_000,
        status: 503,
        rate_limit: Some(RateLimit { requests_left: Some(7), tokens_left: None, retry_after_s: Some(20) }),
        usage: None,
    }
}

/// Served elsewhere, after a first attempt got 503.
pub(super) fn fallback(number: u8, task: &str) -> (CallHead, CallEnd) {
    let (head, mut end) = call(number, task, "acme");
    let second = Attempt {
        decides: true,
        fate: Fate::Answered,
        reason: Some("status_503".into()),
        provider: Some("groq".into()),
        model: Some("llama".into()),
        cluster: Some("spare".into()),
        started_at: head.started_at + 300_000_000,
        answered_at: Some(head.started_at + 700_000_000),
        ended_at: end.finished_at,
        status: 200,
        rate_limit: None,
        ..attempt(2, &head)
    };
    end.attempts = 2;
    end.tried = vec![attempt(1, &head), second];
    (head, end)
}

pub(super) fn refused(number: u8) -> (CallHead, CallEnd) {
    let (mut head, mut end) = call(number, "contract", "acme");
    head.caps = vec![CapDecision {
        cap: "day/usd".into(),
        subject: "customer=acme".into(),
        held: 0,
        decision: CapAnswer::Refused,
    }];
    end.refused = Some(Refusal::Cap);
    end.outcome = Outcome::RefusedByCap;
    end.ending = Ending::LocalReply;
    end.status = 402;
    end.attempts = 0;
    end.usage = Usage { complete: true, ..Usage::default() };
    end.first_token_at = None;
    end.finished_at = head.started_at + 1;
    (head, end)
}

#[test]
fn a_task_shows_what_its_cost_went_for_and_each_attempt_on_a_time_line() {
    let browser = Browser::new();
    contains(&browser.open("/console/tasks").1, &["No tasks yet.", "x-bursar-task"]);
    let (head, end) = call(1, "contract", "acme");
    browser.book(head, end);
    let (head, end) = fallback(2, "contract");
    browser.book(head.clone(), end);
    let (status, page) = browser.open("/console/tasks/contract");
    assert_eq!(status, 200, "{page}");
    let own_call = format!("/console/calls/{}", head.id);
    contains(
        &page,
        &[
            "title=\"0.0004674 USD\">$0.000467</td>",
            "useful",
            "fallback premium",
            "attempt 1: openai, status 503, answered with an error, 250 ms",
            "attempt 2, because the one before got status 503: groq, status 200, ok, 2.54 s",
            "waited 400 ms",
            "class=\"t-bad\"",
            "<span class=\"badge warn\">unpriced</span>",
            &own_call,
            "/console/customers/acme",
            "/v1/tasks/contract",
        ],
    );
    assert!(!page.contains("Several own this task"), "{page}");
    let (_, list) = browser.open("/console/tasks?customer=acme");
    contains(&list, &["href=\"/console/tasks/contract\">contract</a>"]);
    let (_, none) = browser.open("/console/tasks?customer=nobody");
    contains(&none, &["No task is like that."]);
    let (status, missing) = browser.open("/console/tasks/nothing");
    assert!(status == 404 && missing.contains("There is no such task"), "{missing}");
}

#[test]
fn a_task_of_two_customers_names_both() {
    let browser = Browser::new();
    for (number, customer) in [(1, "acme"), (2, "globex")] {
        let (head, end) = call(number, "1", customer);
        browser.book(head, end);
    }
    let (_, page) = browser.open("/console/tasks/1");
    contains(&page, &["Several own this task", ">acme</th>", ">globex</th>"]);
}

#[test]
fn a_call_shows_its_attempts_and_that_it_was_served_elsewhere() {
    let browser = Browser::new();
    let (head, end) = fallback(1, "contract");
    browser.book(head.clone(), end);
    let (_, page) = browser.open(&format!("/console/calls/{}", head.id));
    contains(
        &page,
        &[
            "Fallback: first sent to openai (gpt-4o-mini), decided at groq (llama), because the one before got status 503.",
            "primary, 10.0.0.1:443",
            "7 requests left, again after 20 s",
            "<span class=\"aside\">decides</span>",
            "14:03:17.550",
            "href=\"/console/tasks/contract\"",
        ],
    );
}

#[test]
fn a_refused_call_says_which_cap_refused_it_and_where_that_stands_now() {
    let browser = Browser::new();
    let (head, end) = refused(1);
    browser.book(head.clone(), end);
    let address = format!("/console/calls/{}", head.id);
    let (_, page) = browser.open(&address);
    contains(
        &page,
        &[
            "The cap day on customer acme had no room for the $0.000675 that the call asked to hold.",
            "it allows $0.001000 per day; the window of that time ran from 2026-11-24 00:00:00 to 2026-11-25 00:00:00 UTC.",
            "is not recorded",
            "such a call finds room now",
        ],
    );
    let (served, end) = call(2, "contract", "acme");
    browser.book(served, end);
    contains(&browser.open(&address).1, &["46 %", "day, resets in 9 h 56 min"]);
    let other = policy::parse("version: 1\n", "p").unwrap();
    browser.runtime.block_on(browser.app.put_policy(other)).unwrap();
    contains(&browser.open(&address).1, &["The policy in force has no such cap any more."]);
}

#[test]
fn what_has_a_name_is_found_by_it() {
    let browser = Browser::new();
    let (head, end) = call(1, "contract", "acme");
    browser.book(head.clone(), end);
    let (second, end) = call(2, "acme", "globex");
    browser.book(second, end);
    let find = |q: &str| {
        let response = browser.agent().get(format!("{}/console/find?q={q}", browser.address)).call().unwrap();
        let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (response.status().as_u16(), to.unwrap_or_default())
    };
    let page = format!("/console/calls/{}", head.id);
    assert_eq!(find(&head.id.to_string()), (303, page.clone()));
    assert_eq!(find("request-1"), (303, page));
    assert_eq!(find("%20contract%20"), (303, "/console/tasks/contract".to_owned()));
    assert_eq!(find("globex"), (303, "/console/customers/globex".to_owned()));
    let (status, several) = browser.open("/console/find?q=acme");
    assert_eq!(status, 200);
    contains(&several, &["/console/tasks/acme", "/console/customers/acme"]);
    let (status, nothing) = browser.open("/console/find?q=%3Cb%3E");
    assert_eq!(status, 404);
    assert!(nothing.contains("Nothing has the name") && !nothing.contains("<b>"), "{nothing}");
    assert_eq!(browser.open("/console/find").0, 200);
    assert_eq!(browser.open(&format!("/console/find?q={}", "x".repeat(600))).0, 404);
}

#[test]
fn hostile_names_are_text_and_their_links_lead_to_their_pages() {
    let browser = Browser::new();
    let (head, end) = call(1, HOSTILE, HOSTILE);
    let id = head.id;
    browser.book(head, end);
    let (task, customer) =
        (format!("/console/tasks/{HOSTILE_PATH}"), format!("/console/customers/{HOSTILE_PATH}"));
    for (path, links) in [
        ("/".to_owned(), vec![&customer]),
        ("/console/tasks".to_owned(), vec![&task, &customer]),
        (format!("/console/calls/{id}"), vec![&task, &customer]),
        ("/console/reports/customers".to_owned(), vec![&customer]),
        (task.clone(), vec![&customer]),
        (customer.clone(), vec![&task]),
    ] {
        let (status, page) = browser.open(&path);
        assert_eq!(status, 200, "{path}: {page}");
        assert!(!page.contains("<script"), "{path}: {page}");
        for link in links {
            contains(&page, &[&format!("href=\"{link}\"")]);
        }
    }
}

#[test]
fn a_customer_has_its_cost_its_margin_its_caps_and_its_tasks() {
    let browser = Browser::with(
        "version: 1\nplans: {pro: {price_usd: \"30.00\", expected_margin_percent: 80}}\n\
         customers: {acme: {plan: pro}, quiet: {plan: pro}}\n\
         caps: [{name: day, each: customer, limit_usd: 0.001, window: day}]\n",
    );
    browser.import(CATALOGUE);
    for (number, customer) in [(1, "acme"), (2, "acme corp=x")] {
        let (head, end) = call(number, "contract", customer);
        browser.book(head, end);
    }
    let (_, page) = browser.open("/console/customers/acme");
    contains(
        &page,
        &[
            "plan pro",
            "<td class=\"n\">$30.00</td><td class=\"n\" title=\"0.0004674 USD\">$0.000467</td><td class=\"n\">$30.00</td>",
            "100.0 %",
            "46 %",
            "/console/tasks/contract",
            "/v1/reports/customers?from=2026-11-01&#38;to=2026-12-01&#38;format=csv",
        ],
    );
    assert_eq!(page.matches("<li class=\"meter").count(), 1, "no cap of another customer: {page}");
    let (status, quiet) = browser.open("/console/customers/quiet");
    assert_eq!(status, 200);
    contains(&quiet, &["$30.00", "No calls have ended in this time.", "None yet."]);
    assert_eq!(browser.open("/console/customers/nobody").0, 404);
}

#[test]
fn a_customer_is_below_its_margin_to_the_pico_dollar_as_in_the_report_and_paid_nothing_is_known() {
    // 80 % of 0.0023369 leave 0.00046738 for AI, and the call costs 0.0004674: 79.9991 % are left.
    let browser = Browser::with(
        "version: 1\nplans: {pro: {price_usd: \"0.0023369\", expected_margin_percent: 80}, free: {price_usd: 0}}\n\
         customers: {acme: {plan: pro}, gratis: {plan: free}, loose: {}}\n",
    );
    browser.import(CATALOGUE);
    for (number, customer) in [(1, "acme"), (2, "gratis"), (3, "loose")] {
        let (head, end) = call(number, "contract", customer);
        browser.book(head, end);
    }
    let page = |customer: &str| browser.open(&format!("/console/customers/{customer}")).1;
    contains(&page("acme"), &["80.0 % <span class=\"aside\">below the expected 80 %</span>"]);
    let (_, report) = browser.open("/console/reports/weekly?from=2026-11-01&to=2026-12-01");
    let below = report.split("id=\"below_margin\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(below.contains("acme"), "{below}");
    let gratis = page("gratis");
    contains(&gratis, &["<td class=\"n\">$0.00</td>"]);
    assert!(!gratis.contains("not known"), "{gratis}");
    assert!(page("loose").contains("not known"));
    let body = r#"{"amount_usd": "-5.00"}"#;
    let address = format!("{}/v1/revenue/loose/2026-11", browser.address);
    assert_eq!(browser.agent().put(&address).send(body).unwrap().status(), 200);
    assert!(!page("loose").split("The last 30 days").next().unwrap().contains("not known"));
    contains(&page("loose"), &["−$5.00"]);
}

#[test]
fn every_report_has_a_page_and_every_page_asks_for_the_same_time() {
    let browser = Browser::new();
    let (head, end) = call(1, "contract", "acme");
    browser.book(head, end);
    let (_, list) = browser.open("/console/reports");
    for kind in Kind::ALL {
        let word = kind.as_str();
        contains(&list, &[&format!("href=\"/console/reports/{word}\"")]);
        let (status, page) = browser.open(&format!("/console/reports/{word}?from=2026-11-23&to=2026-11-25"));
        assert_eq!(status, 200, "{word}: {page}");
        contains(&page, &["value=\"2026-11-23\"", "value=\"2026-11-25\""]);
        for format in ["csv", "json", "md"] {
            let link = page.split('"').find(|part| part.ends_with(&format!("format={format}")));
            let link = link.unwrap_or_else(|| panic!("{word} has no {format}")).replace("&#38;", "&");
            assert_eq!(browser.open(&link).0, 200, "{link}");
        }
    }
    assert_eq!(browser.open("/console/reports/nonsense").0, 404);
}

#[test]
fn a_report_is_filtered_by_its_form_and_its_other_forms_are_about_the_same() {
    let browser = Browser::new();
    for (number, customer) in [(1, "acme"), (2, "a&b=c"), (3, "a&b=c")] {
        let (head, end) = call(number, "contract", customer);
        browser.book(head, end);
    }
    let time = "from=2026-11-23&to=2026-11-25";
    let (_, page) = browser.open(&format!("/console/reports/features?{time}&customer=a%26b%3Dc&plan="));
    let title = "<h1>Cost by feature: customer a&#38;b=c</h1>";
    contains(&page, &[title, "name=\"customer\" value=\"a&#38;b=c\"", "name=\"plan\" value=\"\""]);
    let link = page.split('"').find(|part| part.ends_with("format=json")).unwrap().replace("&#38;", "&");
    let json: serde_json::Value = serde_json::from_str(&browser.open(&link).1).unwrap();
    assert_eq!(json["total"]["calls"], 2, "{link} {json}");
    let (status, page) = browser.open("/console/reports/weekly?customer=acme");
    assert_eq!(status, 400);
    contains(&page, &["`customer` filters nothing here", "name=\"from\""]);
}

#[test]
fn calls_of_nobody_and_those_of_somebody_called_none_are_told_apart() {
    let browser = Browser::new();
    let (mut nobodys, end) = call(1, "contract", "acme");
    nobodys.attribution.customer = None;
    browser.book(nobodys, end);
    for number in 2..=3 {
        let (head, end) = call(number, "contract", "(none)");
        browser.book(head, end);
    }
    let time = "from=2026-11-23&to=2026-11-25";
    for (asked, field, calls) in [("(none)", "(none)", 1), ("%5C(none)", "\\(none)", 2)] {
        let (_, page) = browser.open(&format!("/console/reports/features?{time}&customer={asked}"));
        contains(&page, &[&format!("name=\"customer\" value=\"{field}\"")]);
        let links = page.split('"').map(|part| part.replace("&#38;", "&"));
        let (json, list): (Vec<String>, Vec<String>) = links
            .filter(|link| link.ends_with("format=json") || link.starts_with("/console/calls?"))
            .partition(|link| link.ends_with("json"));
        let json: serde_json::Value = serde_json::from_str(&browser.open(&json[0]).1).unwrap();
        assert_eq!(json["total"]["calls"], calls, "{asked}");
        let (_, list) = browser.open(&list[0]);
        assert_eq!(list.matches("href=\"/console/calls/").count(), calls, "{asked}: {list}");
    }
}

#[test]
fn a_customer_shows_what_its_cost_went_for_with_the_same_as_a_file() {
    let browser = Browser::new();
    for (number, customer) in [(1, "acme"), (2, "acme"), (3, "globex")] {
        let (head, end) = call(number, "contract", customer);
        browser.book(head, end);
    }
    let (_, page) = browser.open("/console/customers/acme");
    contains(&page, &["id=\"features\"", "id=\"models\"", "id=\"workspaces\"", "openai/gpt-4o-mini"]);
    let links: Vec<String> = page
        .split('"')
        .filter(|part| part.contains("customer=acme&#38;format=csv"))
        .map(|link| link.replace("&#38;", "&"))
        .collect();
    assert_eq!(links.len(), 3, "{page}");
    for link in links {
        let (status, csv) = browser.open(&link);
        let total = csv.lines().last().unwrap();
        assert!(status == 200 && total.starts_with("total,2,0,0,") && total.contains(",0.0009348,"), "{csv}");
    }
}
