//! `bursar reconcile`: from what Envoy reported and what the provider exports to an exit code.

use super::*;

/// 2026-11-20T12:00:00Z.
const NOON: u64 = 1_795_176_000_000_000_000;
const DAY_NS: u64 = 86_400_000_000_000;
const DAY_S: u64 = 86_400;

fn ended(number: u8, model: &str) -> (CallHead, Box<CallEnd>) {
    match call(number, Some("acme"), model, 1_000, false) {
        UsageEvent::Finished { head, end } => (head, end),
        other => panic!("a call that ended, not {other:?}"),
    }
}

/// Three days of one call each, of 1,000 tokens in and out.
fn booked() -> Desk {
    let desk = Desk::new();
    desk.done("prices import @catalogue.json --effective-from 2026-11-01 --data-dir @data");
    let events = (1..=3).map(|number| {
        let (mut head, mut end) = ended(number, "gpt-x");
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
        said.contains("usage.json:1: the bucket of usage from 2026-11-20") && said.contains("count twice"),
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

#[test]
fn every_kind_of_call_gives_its_name_to_its_part() {
    use protocol::meters::Usage;
    let desk = Desk::new();
    desk.done("prices import @catalogue.json --effective-from 2026-11-01 --data-dir @data");
    let at = |number: u8, started_at: u64, model: &str, used: Usage| {
        let (mut head, mut end) = ended(number, model);
        head.started_at = started_at;
        head.id = CallId::new(started_at / 1_000_000, [number; 10]);
        head.output_tokens_max = Some(5_000);
        end.finished_at = started_at + 1_000_000_000;
        end.usage = used;
        UsageEvent::Finished { head, end }
    };
    let input = |tokens| Usage { units: [(Meter::Input, tokens)].into(), complete: true, ..Usage::default() };
    let estimated = Usage { estimated: [Meter::Input].into(), ..input(2_000) };
    let cut = Usage { complete: false, ..Usage { units: [(Meter::Output, 100)].into(), ..Usage::default() } };
    let midnight = NOON - DAY_NS / 2;
    desk.book(vec![
        at(1, NOON, "gpt-x", input(10_000)),
        at(2, NOON, "gpt-x", estimated),
        at(3, NOON, "gpt-x", cut),
        // Ten minutes before the day, of the day before, which is not in the export.
        at(4, midnight - 600_000_000_000, "gpt-x", input(3_000)),
        at(5, NOON, "nobody-knows", input(7_000)),
    ]);
    let bucket = |results: &str| {
        let (from, to) = (midnight / 1_000_000_000, midnight / 1_000_000_000 + DAY_S);
        format!(r#"{{"data": [{{"start_time": {from}, "end_time": {to}, "results": [{results}]}}]}}"#)
    };
    let used = |model: &str, tokens: (u64, u64)| {
        format!(r#"{{"input_tokens": {}, "output_tokens": {}, "model": "{model}"}}"#, tokens.0, tokens.1)
    };
    // 17,000 are 5,000 more than ours: 3,000 of the evening before, 2,000 by which the estimate is off.
    let usage =
        [used("gpt-x", (17_000, 1_100)), used("nobody-knows", (7_000, 0)), used("gpt-y", (1, 0))].join(",");
    desk.write("usage.json", &bucket(&usage));
    let cost = |item: &str, usd: &str| {
        format!(r#"{{"amount": {{"value": {usd}, "currency": "usd"}}, "line_item": "{item}"}}"#)
    };
    let costs = [
        cost("gpt-x, input", "0.0425"),
        cost("gpt-x, output", "0.011"),
        cost("nobody-knows, input", "0.07"),
        cost("gpt-y, input", "0.5"),
    ];
    desk.write("costs.json", &bucket(&costs.join(",")));
    let (code, said) = desk.bursar(&format!("{RECONCILE} --format csv"));
    assert_eq!(code, 1, "{said}");
    let models = desk.done("report models --from 2026-11-20 --to 2026-11-21 --data-dir @data --format json");
    let models: serde_json::Value = serde_json::from_str(&models).unwrap();
    let booked = format!("totals,openai,ours_usd,{}", models["total"]["cost_usd"].as_str().unwrap());
    assert!(said.lines().any(|line| line == booked), "{booked} in {said}");
    for (cause, amount) in [
        ("price_drift", "0"),
        ("tier_or_region", "0"),
        ("unpriced", "0.07"),
        ("time_zone_edge", "0.0075"),
        ("estimated_usage", "0.005"),
        ("aborted_streams", "0.01"),
        ("outside_mesh", "0.5"),
        ("unexplained", "0"),
        ("total", "0.5925"),
    ] {
        let line = format!("causes,{cause},difference_usd,{amount}");
        assert!(said.lines().any(|said| said == line), "{line} in {said}");
    }
}
