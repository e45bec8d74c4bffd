//! `bursar reconcile`: from what Envoy reported and what the provider exports to an exit code.

use super::*;

/// 2026-11-20T12:00:00Z.
const NOON: u64 = 1_795_176_000_000_000_000;
const DAY_NS: u64 = 86_400_000_000_000;
const DAY_S: u64 = 86_400;

/// Three days of one call each, of 1,000 tokens in and out.
fn booked() -> Desk {
    let desk = Desk::new();
    desk.done("prices import @catalogue.json --effective-from 2026-11-01 --data-dir @data");
    let events = (1..=3).map(|number| {
        let UsageEvent::Finished { mut head, mut end } = call(number, Some("acme"), "gpt-x", 1_000, false)
        else {
            unreachable!("a call that ended")
        };
        head.started_at = NOON + u64::from(number - 1) * DAY_NS;
        head.id = CallId::new(head.started_at / 1_000_000, [number; 10]);
        end.finished_at = head.started_at + 1_000_000_000;
        UsageEvent::Finished { head, end }
    });
    desk.book(events.collect());
    desk
}

/// OpenAI's pages of these days: usage, and costs at some rate of input, in USD per million.
fn export(desk: &Desk, input_usd_per_mtok: &str) {
    let bucket = |day: u64, results: String| {
        let start = NOON / 1_000_000_000 - DAY_S / 2 + day * DAY_S;
        format!(r#"{{"start_time": {start}, "end_time": {}, "results": [{results}]}}"#, start + DAY_S)
    };
    let page = |results: &str| {
        let buckets: Vec<String> = (0..3).map(|day| bucket(day, results.to_owned())).collect();
        format!(r#"{{"object": "page", "has_more": false, "data": [{}]}}"#, buckets.join(",\n"))
    };
    desk.write("usage.json", &page(r#"{"input_tokens": 1000, "output_tokens": 1000, "model": "gpt-x"}"#));
    let costs = format!(
        r#"{{"amount": {{"value": {input_usd_per_mtok}e-3, "currency": "usd"}}, "line_item": "gpt-x, input"}},
        {{"amount": {{"value": 0.01, "currency": "usd"}}, "line_item": "gpt-x, output"}}"#
    );
    desk.write("costs.json", &page(&costs));
}

const RECONCILE: &str = "reconcile --provider openai @usage.json @costs.json --data-dir @data";

#[test]
fn what_the_provider_says_too_is_within_the_tolerance() {
    let desk = booked();
    export(&desk, "2.5");
    let said = desk.done(&format!("{RECONCILE} --tolerance 0 --format csv"));
    assert!(said.lines().any(|line| line == "totals,openai,theirs_usd,0.0375"), "{said}");
    assert!(said.lines().any(|line| line == "totals,openai,difference_usd,0"), "{said}");
}

#[test]
fn a_price_that_drifted_is_named_refused_and_proposed() {
    let desk = booked();
    export(&desk, "5");
    let (code, said) = desk.bursar(&format!("{RECONCILE} --format json --propose"));
    assert_eq!(code, 1, "{said}");
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    let drift = &report["causes"]["items"][0];
    assert_eq!((&drift["cause"], &drift["difference_usd"]), (&"price_drift".into(), &"0.0075".into()));
    assert_eq!(report["causes"]["total"]["difference_usd"], "0.0075");
    let correction = &report["corrections"]["items"][0];
    assert_eq!(correction["ours_usd_per_mtok"], "2.5");
    assert_eq!(correction["theirs_usd_per_mtok"], "5");
    assert_eq!(correction["from"], "2026-11-20");
    assert!(report["corrections"]["notes"].to_string().contains("wait for approval"), "{report}");
    let waiting = desk.done("prices list --status proposed --data-dir @data --format csv");
    assert!(waiting.contains("gpt-x") && waiting.contains('5'), "{waiting}");
    let held = desk.done("prices show openai gpt-x --data-dir @data --format csv");
    assert!(held.contains("2.5"), "what is in force stays: {held}");
    desk.done(&format!("{RECONCILE} --tolerance 17%"));
}

#[test]
fn faulty_files_are_told_with_their_lines_and_change_nothing() {
    let desk = booked();
    export(&desk, "2.5");
    desk.write("other.csv", "a,b\n1,2\n");
    let (code, said) = desk.bursar(&format!("{RECONCILE} @usage.json @other.csv"));
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("usage.json: the bucket of usage from 2026-11-20") && said.contains("count twice"),
        "{said}"
    );
    assert!(said.contains("other.csv: is no export of openai"), "{said}");
    let (code, said) = desk.bursar("reconcile --provider acme @usage.json --data-dir @data");
    assert!(code == 2 && said.contains("openrouter"), "{said}");
    let (code, said) = desk.bursar(&format!("{RECONCILE} --tolerance lots --time-zone Moon/Base"));
    assert!(
        code == 2 && said.contains("tolerance_percent: `lots`") && said.contains("time_zone: `Moon/Base`"),
        "{said}"
    );
    let (code, said) = desk.bursar("reconcile --provider openai @nothing.json --data-dir @data");
    assert!(code == 2 && said.contains("nothing.json: cannot be read"), "{said}");
}
