//! Every number of a report that is a link leads to exactly what it counts.

use super::{
    pages::{call, fallback, refused},
    *,
};
use crate::{
    console::filter::page_of,
    reports::{Cell, List, behind},
};
use protocol::{
    attempt::{Attempt, Fate},
    attribution::{Attributed, Attribution, Dimension, Source},
    event::{Ending, Outcome},
    meters::{Meter, Usage},
    money::PicoUsd,
};
use serde_json::Value;

const HOUR: u64 = 3_600_000_000_000;

fn earlier((mut head, mut end): (CallHead, CallEnd), by: u64) -> (CallHead, CallEnd) {
    let [.., number] = *head.id.as_bytes();
    head.started_at -= by;
    head.id = CallId::new(head.started_at / 1_000_000, [number; 10]);
    end.finished_at -= by;
    end.first_token_at = end.first_token_at.map(|at| at - by);
    for attempt in &mut end.tried {
        attempt.started_at -= by;
        attempt.answered_at = attempt.answered_at.map(|at| at - by);
        attempt.ended_at -= by;
    }
    (head, end)
}

fn ended(number: u8, task: &str, customer: &str, outcome: Outcome) -> (CallHead, CallEnd) {
    let (mut head, mut end) = call(number, task, customer);
    let workspace = Attributed { value: "a/b".parse().unwrap(), from: Source::Header };
    head.attribution.set(Dimension::Workspace, workspace);
    end.outcome = outcome;
    (head, end)
}

/// Two attempts, of which the first was lost and is billed all the same.
fn tried(head: &CallHead) -> Vec<Attempt> {
    let attempt = |number, usage: Option<Usage>| Attempt {
        number,
        decides: usage.is_none(),
        fate: if usage.is_none() { Fate::Failed } else { Fate::Lost },
        reason: None,
        provider: None,
        account: None,
        region: None,
        model: None,
        cluster: None,
        upstream: None,
        started_at: head.started_at,
        answered_at: None,
        ended_at: head.started_at,
        status: 503,
        rate_limit: None,
        usage,
    };
    let lost =
        Usage { units: [(Meter::Input, 77)].into(), estimated: [Meter::Input].into(), complete: false };
    vec![attempt(1, Some(lost)), attempt(2, None)]
}

/// Calls of every kind that a report counts apart.
pub(super) fn ledger() -> Browser {
    let browser = Browser::with(
        "version: 1\nplans: {pro: {price_usd: 0.001, expected_margin_percent: 80}, free: {price_usd: 0}}\n\
         customers:\n  acme: {plan: pro, utm: {source: ads, campaign: 'a b&c'}}\n  globex: {utm: {source: ads}}\n\
         \x20 quiet: {plan: free}\nalerts: {abnormal: {factor: 1, min_usd: 0.0001}}\n\
         caps:\n  - {name: each, each: [customer, workspace], limit_usd: 0.0001, window: month}\n\
         \x20 - {name: all, limit_usd: 0.0001, window: day}\n  - {name: count, each: customer, limit_calls: 1, window: week}\n",
    );
    browser.import(CATALOGUE);
    let (mut nobody, nobody_s_end) = call(7, "none", "acme");
    nobody.attribution = Attribution::default();
    nobody.route = None;
    let (mut unknown, mut unknown_end) = ended(8, "other", "globex", Outcome::Ok);
    unknown.request_model = Some("a/model & more".into());
    unknown_end.response_model = None;
    let (cut, mut cut_end) = ended(6, "left", "acme", Outcome::ClientAborted);
    cut_end.ending = Ending::ClientAbort;
    let (whole, mut whole_end) = call(9, "contract", "acme");
    whole_end.usage.estimated.clear();
    let (failed, mut failed_end) = ended(4, "failed", "globex", Outcome::Error);
    failed_end.tried = tried(&failed);
    // Two whose provider says what they cost, of which the price table knows one.
    let (said, mut said_end) = ended(13, "said", "globex", Outcome::Ok);
    said_end.provider_cost = Some(PicoUsd::new(700_000_000));
    let (mut alone, mut alone_end) = ended(14, "said", "acme", Outcome::Ok);
    alone.request_model = Some("unheard-of".into());
    alone_end.response_model = None;
    alone_end.provider_cost = Some(PicoUsd::new(5_000_000));
    let calls = [
        ((said, said_end), 2),
        ((alone, alone_end), 2),
        (call(1, "contract", "acme"), 1),
        (fallback(2, "contract"), 1),
        (refused(3), 1),
        ((failed, failed_end), 2),
        (ended(5, "broken", "acme corp/x", Outcome::InvalidJson), 26),
        ((cut, cut_end), 26),
        ((nobody, nobody_s_end), 3),
        ((unknown, unknown_end), 30),
        ((whole, whole_end), 0),
        // Of the week before, which no report of this one may count.
        (call(10, "old", "acme"), 24 * 10),
        (ended(11, "open", "globex", Outcome::Ok), 1),
    ];
    for ((head, end), hours) in calls {
        let (head, end) = earlier((head, end), hours * HOUR);
        browser.book(head, end);
    }
    // A call of that task goes on: nobody knows yet what it was worth.
    browser.tell(UsageEvent::Started { head: ended(12, "open", "globex", Outcome::Ok).0 });
    browser
}

fn items(browser: &Browser, list: List, filters: &[(&str, String)]) -> Vec<Value> {
    let path = if list == List::Calls { "calls" } else { "tasks" };
    let request = browser.agent().get(format!("{}/v1/{path}", browser.address)).query("limit", "1000");
    let request = filters.iter().fold(request, |request, (name, text)| request.query(name, text));
    let mut answer = request.call().unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert_eq!(answer.status(), 200, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    answer["items"].as_array().unwrap().clone()
}

/// So many rows are on the pages of a list.
fn rows(browser: &Browser, address: &str) -> usize {
    let (mut next, mut count) = (Some(address.to_owned()), 0);
    while let Some(address) = next {
        let (status, page) = browser.open(&address);
        assert_eq!(status, 200, "{address}: {page}");
        count += page.matches("<tr>\n      <th scope=\"row\"").count();
        next = page
            .split('"')
            .find(|part| part.contains("&#38;cursor="))
            .map(|address| address.replace("&#38;", "&"));
    }
    count
}

fn cost(items: &[Value]) -> PicoUsd {
    sum(items, "cost_usd")
}

fn sum(items: &[Value], field: &str) -> PicoUsd {
    let costs = items.iter().filter_map(|item| item[field].as_str());
    costs.fold(PicoUsd::ZERO, |sum, cost| sum.checked_add(cost.parse().unwrap()).unwrap())
}

/// What a list has adds up to the number that leads to it; `is_all`: of money, to all that its calls cost.
fn assert_counted(column: &str, is_all: bool, cell: &Cell, items: &[Value], what: &str) {
    let tokens = |field: &str| items.iter().map(|call| call[field].as_u64().unwrap()).sum::<u64>();
    match (column, cell) {
        ("input_tokens", Cell::Count(count)) => assert_eq!(tokens("tokens_in"), *count, "{what}"),
        ("output_tokens", Cell::Count(count)) => assert_eq!(tokens("tokens_out"), *count, "{what}"),
        (_, Cell::Count(count)) => {
            assert_eq!(u64::try_from(items.len()).unwrap(), *count, "{what}")
        }
        ("reported_usd", Cell::Usd(Some(amount))) => {
            assert_eq!(sum(items, "provider_cost_usd"), *amount, "{what}");
        }
        ("computed_usd", Cell::Usd(Some(amount))) => {
            assert_eq!(sum(items, "computed_cost_usd"), *amount, "{what}");
        }
        ("difference_usd", Cell::Usd(Some(amount))) => {
            let computed = sum(items, "computed_cost_usd").checked_add(*amount).unwrap();
            assert_eq!(sum(items, "provider_cost_usd"), computed, "{what}");
        }
        ("cost_usd" | "value" | "spent", Cell::Usd(Some(amount))) if is_all => {
            assert_eq!(cost(items), *amount, "{what}");
        }
        ("held", Cell::Usd(_)) => {}
        // What was for nothing, beside the attempts that were lost before.
        (_, Cell::Usd(Some(amount))) => {
            let attempts = items.iter().flat_map(|call| call["attempts"].as_array().unwrap());
            let last = attempts.filter(|attempt| attempt["decides"] == true).cloned();
            assert_eq!(cost(&last.collect::<Vec<_>>()), *amount, "{what}");
        }
        _ => {}
    }
}

#[test]
fn every_linked_number_of_a_report_is_what_the_list_behind_it_has() {
    let browser = ledger();
    let (rules, mut seen, mut by_section) = (browser.app.rules(), 0, BTreeMap::new());
    let abouts = [&[][..], &[("customer", "acme")], &[("provider", "openai"), ("feature", "chat")]];
    for (kind, about) in Kind::ALL.into_iter().flat_map(|kind| abouts.map(|about| (kind, about))) {
        let said = |name: &str| about.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        let (rules, range) = (rules.clone(), reports::week_of(now()));
        let filter = Filter::of(kind, said);
        let question = Question::new(kind, range, filter.clone());
        let make = move |store: &rusqlite::Connection| {
            let caps = reports::cap_states(store, &rules, now())?;
            reports::answer(store, rules.policy(), &caps, &question, now())
        };
        let report = browser.runtime.block_on(browser.app.store.read(make)).unwrap();
        let asked: Vec<String> = filter.pairs().map(|(name, text)| format!("{name}={text}")).collect();
        let (_, page) = browser.open(&format!("/console/reports/{}?{}", kind.as_str(), asked.join("&")));
        for section in &report.sections {
            for row in section.rows.iter().chain(&section.total) {
                for (column, cell) in section.columns.iter().zip(row) {
                    let Some((list, filters)) =
                        behind(report.range.unwrap(), &filter, &section.columns, row, column)
                    else {
                        continue;
                    };
                    let what = format!("{} {} {:?} {}", kind.as_str(), section.key, row[0], column.key);
                    let items = items(&browser, list, &filters);
                    let is_all = section.key != "causes" || row[0].exact().unwrap() == "total";
                    assert_counted(column.key, is_all, cell, &items, &format!("{what}: {filters:?}"));
                    let shown = match cell {
                        Cell::Count(count) => *count > 0,
                        Cell::Usd(amount) => amount.is_some_and(|amount| amount.pico() != 0),
                        _ => false,
                    };
                    if shown {
                        let path = if list == List::Calls { "/calls" } else { "/tasks" };
                        let address = page_of(path, &filters);
                        assert_eq!(rows(&browser, &address), items.len(), "{what}: {address}");
                        let link = format!("href=\"{}\"", address.replace('&', "&#38;"));
                        assert!(page.contains(&link), "{what}: {link} in {page}");
                        seen += 1;
                        *by_section.entry(section.key).or_insert(0) += 1;
                    }
                }
            }
        }
    }
    assert!(seen > 200, "only {seen} numbers lead anywhere");
    for (section, least) in [("plans", 8), ("channels", 10), ("drift", 8), ("close_to_caps", 5)] {
        let found = by_section.get(section).copied().unwrap_or(0);
        assert!(found >= least, "only {found} numbers of {section} lead anywhere: {by_section:?}");
    }
}

#[test]
fn the_pages_of_calls_have_each_call_once_and_say_what_is_wrong_with_a_filter() {
    let browser = Browser::new();
    let (_, none) = browser.open("/console/calls");
    assert!(none.contains("No calls yet."), "{none}");
    for number in 1..=120 {
        let (head, end) = call(number, "contract", "acme");
        browser.book(head, end);
    }
    assert_eq!(rows(&browser, "/console/calls?customer=acme"), 120);
    assert_eq!(rows(&browser, "/console/calls?customer=(none)"), 0);
    // A form sends its empty fields too.
    assert_eq!(rows(&browser, "/console/calls?from=&to=&customer=acme&feature=&state=&is_retried="), 120);
    for (address, fault) in [
        ("/console/calls?from=never", "parameter `from` is neither an RFC 3339 time"),
        ("/console/calls?state=closed", "parameter `state` is none of"),
        ("/console/calls?usage_source=mixed,guessed", "parameter `usage_source` is none of"),
        ("/console/tasks?outcome=good", "parameter `outcome` is none of: succeeded"),
        ("/console/calls?cursor=1", "parameter `cursor` is not what `next` gave"),
    ] {
        let (status, page) = browser.open(address);
        assert!(
            status == 400 && page.contains("role=\"alert\"") && page.contains(fault),
            "{address}: {page}"
        );
    }
}
