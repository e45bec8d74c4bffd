use super::*;
use crate::{
    policy::Pricing,
    prices::{PriceTable, Query, compare, litellm},
    reports::{CapState, Cell, Column, Filter, Kind, Point, Range, Report, Section, Totals},
    rules::Rules,
    store::policies::StoredPolicy,
};
use axum::response::IntoResponse;
use protocol::{
    UnixNanos,
    attribution::{Attributed, Attribution, Dimension, Source},
    cap::Unit,
    event::{CallEnd, CallHead, CapAnswer, CapDecision, Ending, Outcome},
    ids::CallId,
    meters::{Meter, Usage},
    money::PicoUsd,
    rating,
};

const HOUR: u64 = 3_600_000_000_000;

fn at(text: &str) -> UnixNanos {
    let instant: jiff::Timestamp = text.parse().unwrap();
    u64::try_from(instant.as_nanosecond()).unwrap()
}

pub(super) fn now() -> UnixNanos {
    at("2026-11-24T14:03:20Z")
}

fn point(hours_ago: u64, customer: &str, calls: u64, cost: &str, unpriced: u64) -> Point {
    let hour = now() / HOUR * HOUR;
    let totals = Totals { calls, cost: cost.parse().unwrap(), unpriced, ..Totals::default() };
    let customer = (!customer.is_empty()).then(|| customer.into());
    Point { at: hour - hours_ago * HOUR, customer, totals }
}

fn cap(name: &str, subject: &str, limit: i64, spent: i64, held: i64) -> CapState {
    CapState {
        name: name.into(),
        subject: subject.into(),
        unit: Unit::Usd,
        window: "month".into(),
        limit,
        spent,
        held,
        behind: Vec::new(),
        resets_at: at("2026-12-01T00:00:00Z"),
        shadow: name == "watching",
    }
}

fn row(state: &str, outcome: Option<&str>, cost: Option<&str>) -> CallRow {
    CallRow {
        id: "019ab0c4-5d00-7000-8000-000000000001".to_owned(),
        started_at: now() - HOUR,
        customer: Some("acme".to_owned()),
        feature: Some("summarise".to_owned()),
        provider: "openai".to_owned(),
        model: Some("gpt-4o-mini".to_owned()),
        state: state.to_owned(),
        outcome: outcome.map(ToOwned::to_owned),
        tokens_in: 1_204,
        tokens_out: 310,
        cost: cost.map(|cost| cost.parse().unwrap()),
        estimated: outcome == Some("client_aborted"),
    }
}

fn overview<'a>(points: &'a [Point], caps: &'a [CapState], calls: &'a [CallRow]) -> Overview<'a> {
    Overview {
        now: now(),
        span: Span::Day,
        points,
        caps,
        has_caps: !caps.is_empty(),
        alerts: Default::default(),
        refused: None,
        calls,
    }
}

#[test]
fn the_overview_shows_who_costs_how_much_and_keeps_the_unknown_apart() {
    let points = [point(0, "acme", 3, "0.5", 0), point(2, "acme", 1, "0.25", 0), point(0, "", 2, "0", 2)];
    let page = overview(&points, &[], &[]).page();
    let html = page.html();
    assert!(html.contains(
        "<dt>AI cost</dt><dd class=\"value\">$0.7500</dd><dd class=\"detail\">without 2 unpriced calls"
    ));
    assert!(html.contains("unattributed</th>"), "{html}");
    assert!(html.contains("+ 2 unpriced"));
    assert!(html.contains("unknown (2 unpriced)"), "a bucket of unknown cost is not $0");
}

#[test]
fn names_are_escaped_wherever_they_stand() {
    let evil = "<script>alert(1)</script>\"'";
    let points = [point(0, evil, 1, "1", 0)];
    let caps = [cap(evil, &format!("customer={evil}"), 10, 1, 0)];
    let mut call = row("finished", Some("ok"), Some("1"));
    call.customer = Some(evil.to_owned());
    call.model = Some(evil.to_owned());
    let html = overview(&points, &caps, &[call]).page().html().to_owned();
    assert!(!html.contains("<script"), "{html}");
}

#[test]
fn pages_need_no_script_and_no_style_of_their_own() {
    let points = [point(0, "acme", 3, "0.5", 0)];
    let caps = [cap("a", "customer=acme", 10, 9, 1)];
    let (head, end, lines, prices) = example();
    let pages = [
        overview(&points, &caps, &[row("finished", Some("ok"), Some("1"))]).page(),
        call_page(&head, Some(&end), &lines, &prices).page(),
        report_page(&report(), Kind::Weekly, &Filter::default(), "", 0),
        not_found("No such call", "It may have been typed wrong."),
    ];
    for page in pages {
        let html = page.html();
        for forbidden in ["<script", " style=", "<style", "javascript:", " onclick", "http://", "https://"] {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
        let response = page.into_response();
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self'"));
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    assert!(!STYLESHEET.contains("url(") && !STYLESHEET.contains("@import"));
}

#[test]
fn empty_states_say_what_to_do() {
    let html = overview(&[], &[], &[]).page().html().to_owned();
    for hint in ["x-bursar-customer", "bursar policy apply", "No calls yet."] {
        assert!(html.contains(hint), "{hint}");
    }
    let with_caps = Overview { has_caps: true, ..overview(&[], &[], &[]) };
    assert!(with_caps.page().html().contains("No cap has counted anything yet."));
}

#[test]
fn every_state_of_a_call_has_its_word() {
    let calls = [
        row("open", None, None),
        row("finished", Some("ok"), None),
        row("orphaned", None, Some("0.01")),
        row("refused", Some("refused_loop_guard"), Some("0")),
        row("finished", Some("client_aborted"), Some("0.000000000001")),
    ];
    let html = overview(&[], &[], &calls).page().html().to_owned();
    for word in [
        "<span class=\"badge open\">open</span>",
        "<span class=\"badge warn\">unpriced</span>",
        "<span class=\"badge bad\">orphaned</span>",
        "<span class=\"badge refused\">refused: loop guard</span>",
        "$0.000000000001 <abbr",
    ] {
        assert!(html.contains(word), "{word} in {html}");
    }
}

#[test]
fn the_span_is_the_shortest_that_reaches_the_first_call() {
    assert_eq!(Span::reaching(None, now()), Span::Day);
    assert_eq!(Span::reaching(Some(now() - 3 * HOUR), now()), Span::Day);
    assert_eq!(Span::reaching(Some(now() - 30 * HOUR), now()), Span::Week);
    assert_eq!(Span::reaching(Some(now() - 24 * 20 * HOUR), now()), Span::Month);
    assert_eq!(Span::reaching(Some(1), now()), Span::Month);
    assert_eq!(
        Span::Day.range(now()),
        Range { from: at("2026-11-23T15:00:00Z"), to: at("2026-11-24T15:00:00Z") }
    );
}

#[test]
fn bars_are_stacked_to_scale_and_lie_within_the_canvas() {
    let points: Vec<Point> = (0..24)
        .flat_map(|hour| (0..8).map(move |n| point(hour, &format!("c{n}"), n, &format!("0.{hour}{n}"), 0)))
        .collect();
    let customers: Vec<Option<Box<str>>> = (0..8).rev().map(|n| Some(format!("c{n}").into())).collect();
    let series = chart::Series::new(&customers);
    let chart = chart::draw(&points, &series, Span::Day.range(now()), 24, Measure::Cost);
    assert!(chart.bars.iter().all(|bar| bar.x + bar.width <= 6_000 && bar.y + bar.height <= 1_000));
    let others = chart.bars.iter().filter(|bar| bar.class == "s-others").count();
    assert_eq!(others, 24, "three customers share one bar in each hour");
    assert_eq!((&*chart.top, &*chart.middle), ("$8", "$4"));
    assert_eq!(chart.ticks, ["15:00", "19:00", "23:00", "03:00", "07:00", "11:00"]);
    // Hour 9 is the dearest: 0.90 + 0.91 + … + 0.97 = 7.48 of 8.
    let total = |x: u64| chart.bars.iter().filter(|bar| bar.x == x).map(|bar| bar.height).sum::<u64>();
    let tallest = chart.bars.iter().map(|bar| total(bar.x)).max().unwrap();
    assert_eq!(tallest, 935);
}

#[test]
fn a_meter_tells_spent_from_held_and_never_leaves_its_rail() {
    let meter = |limit, spent, held| {
        let meter = meter::Meter::new(&cap("a", "customer=acme", limit, spent, held), now());
        (meter.spent, meter.held, meter.class, meter.percent)
    };
    assert_eq!(meter(1_000, 250, 100), (250, 100, "ok", "35 %".to_owned()));
    assert_eq!(meter(1_000, 750, 100), (750, 100, "near", "85 %".to_owned()));
    assert_eq!(meter(1_000, 900, 500), (900, 100, "full", "140 %".to_owned()));
    assert_eq!(meter(0, 0, 0).2, "full");
}

#[expect(clippy::too_many_lines, reason = "a call has many fields")]
pub(super) fn example() -> (CallHead, CallEnd, Vec<rating::Line>, Rules) {
    let catalogue = r#"{"gpt-4o-mini": {"litellm_provider": "openai", "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08, "max_output_tokens": 16384}}"#;
    let diff = compare(&[], litellm::import(catalogue, 1).unwrap(), 1);
    let rows = diff.opened().cloned().zip(1..).map(|(row, id)| crate::prices::PriceRow { id, ..row });
    let prices = PriceTable::new(rows, Pricing::default());
    let mut attribution = Attribution::default();
    let who = [
        (Dimension::Customer, "acme", Source::Jwt),
        (Dimension::Feature, "summarise", Source::Header),
        (Dimension::Task, "contract-1182", Source::Header),
    ];
    for (dimension, value, from) in who {
        attribution.set(dimension, Attributed { value: value.parse().unwrap(), from });
    }
    let started_at = at("2026-11-24T14:03:17.250Z");
    let held = |cap: &str, held, decision| CapDecision {
        cap: cap.into(),
        subject: "customer=acme".into(),
        held,
        decision,
    };
    let head = CallHead {
        id: CallId::new(started_at / 1_000_000, [7; 10]),
        request_id: Some("1f7c0a52-8b6e-4a57-b0d1-6d3f5a0c4f10".into()),
        attribution,
        provider: "openai".into(),
        account: None,
        dialect: "openai-chat".into(),
        operation: "chat".into(),
        route: Some("llm".into()),
        original_route: None,
        request_model: Some("gpt-4o-mini".into()),
        downgraded_to: None,
        routed_to: None,
        request_tier: None,
        stream: true,
        output_tokens_max: Some(800),
        input_tokens_estimate: 1_300,
        request_text_bytes: None,
        region: None,
        started_at,
        hold: Some("0.000675".parse().unwrap()),
        loop_guard: None,
        hold_input: Some("0.000195".parse().unwrap()),
        caps: vec![
            held("acme-month/usd", 675_000_000, CapAnswer::Held),
            held("watching/calls", 1, CapAnswer::ShadowRefused),
        ],
    };
    let units =
        [(Meter::Input, 1_204), (Meter::CacheRead, 1_024), (Meter::Output, 310), (Meter::Reasoning, 40)];
    let usage = Usage {
        units: units.into_iter().collect(),
        estimated: [Meter::Output].into_iter().collect(),
        complete: true,
    };
    let query = Query { provider: "openai", served: Some("gpt-4o-mini"), at: started_at, ..Query::default() };
    let found = prices.find(&query).found().unwrap();
    let lines = rating::rate(&usage.units, &protocol::price::Terms::default(), &found.offer()).unwrap();
    let end = CallEnd {
        finished_at: started_at + 2_840_000_000,
        first_token_at: Some(started_at + 412_000_000),
        response_model: Some("gpt-4o-mini".into()),
        service_tier: Some("default".into()),
        usage,
        provider_cost: None,
        region: None,
        text_bytes: 0,
        status: 200,
        response_flags: "".into(),
        ending: Ending::Complete,
        outcome: Outcome::Ok,
        refused: None,
        finish_reasons: vec!["stop".into()],
        error_type: None,
        cluster: Some("provider".into()),
        upstream: Some("10.0.0.7:443".into()),
        attempts: 1,
        tried: Vec::new(),
        settled: None,
        stopped_by: None,
    };
    let policy = crate::policy::parse("version: 1\n", "p").unwrap();
    let rules = Rules::new(StoredPolicy { version: 1, at: 0, policy }, prices);
    (head, end, lines, rules)
}

fn call_page<'a>(
    head: &'a CallHead,
    end: Option<&'a CallEnd>,
    lines: &'a [rating::Line],
    prices: &'a Rules,
) -> CallPage<'a> {
    CallPage {
        head,
        end,
        state: if end.is_some() { "finished" } else { "open" },
        plan: Some("pro"),
        lines,
        cost: end.and_then(|_| rating::cost(lines)),
        unpriced: None,
        settled: end.and_then(|_| rating::cost(lines)),
        corrections: &[],
        matched: None,
        attempts: &[],
        rules: prices,
        caps: &[],
        now: now(),
    }
}

#[test]
fn a_call_shows_its_price_arithmetic_line_by_line() {
    let (head, end, lines, prices) = example();
    let html = call_page(&head, Some(&end), &lines, &prices).page().html().to_owned();
    // 1,204 × 0.15 + 1,024 × 0.075 + 310 × 0.60 + 40 × 0.60 per million
    for text in [
        "<td class=\"n\">1,204</td><td class=\"n\"><span class=\"op\">×</span>0.15</td><td>million tokens</td><td class=\"n\"><span class=\"op\">=</span>0.0001806</td>",
        "<span class=\"op\">=</span>0.0000768</td>",
        "<span class=\"op\">=</span>0.0004674</td><td></td>",
        "litellm, gpt-4o-mini: input_cost_per_token = 1.5e-07",
        "has no rate of its own and takes that of output",
        "from a verified token",
        "would have refused",
        "0.000675 USD",
        "2.84 s",
    ] {
        assert!(html.contains(text), "{text} in {html}");
    }
}

#[test]
fn an_unpriced_call_says_why_and_what_to_do_and_an_open_one_that_it_is() {
    let (head, end, _, prices) = example();
    let unpriced = CallPage {
        cost: None,
        unpriced: Some("no_rate:audio_in"),
        ..call_page(&head, Some(&end), &[], &prices)
    };
    let html = unpriced.page().html().to_owned();
    assert!(html.contains("gpt-4o-mini has no rate for audio in."), "{html}");
    assert!(html.contains("<span class=\"badge warn\">unpriced</span>"));
    let open = call_page(&head, None, &[], &prices).page().html().to_owned();
    assert!(open.contains("The call has not ended."), "{open}");
}

fn report() -> Report {
    let section = Section {
        key: "customers",
        title: "Customers by AI cost",
        columns: vec![Column::new("customer", "customer"), Column::new("cost_usd", "cost, USD")],
        rows: vec![vec![Cell::text("acme"), Cell::usd("1234.56785".parse::<PicoUsd>().unwrap())]],
        total: Some(vec![Cell::text("total"), Cell::usd("1234.56785".parse::<PicoUsd>().unwrap())]),
        notes: vec!["2 calls unpriced: their cost is not in these totals.".to_owned()],
        empty: "",
    };
    let range = Range { from: at("2026-11-16T00:00:00Z"), to: at("2026-11-23T00:00:00Z") };
    Report { title: "Weekly report".to_owned(), range: Some(range), sections: vec![section] }
}

#[test]
fn a_report_is_rounded_on_the_page_and_exact_when_pointed_at() {
    let html =
        report_page(&report(), Kind::Weekly, &Filter::default(), "from=2026-11-16&", 0).html().to_owned();
    assert!(html.contains("title=\"1234.56785 USD\">1,234.5678</td>"), "{html}");
    assert!(html.contains("/v1/reports/weekly?from=2026-11-16&#38;format=json"), "{html}");
    assert!(html.contains("2 calls unpriced"));
}

#[test]
fn amounts_keep_their_significant_digits() {
    let usd = |text: &str| page::usd(text.parse().unwrap());
    assert_eq!(
        ["0", "1234567.891", "1.5", "0.01234567", "0.0004674", "0.000000000001", "-2.5"].map(usd),
        ["$0.00", "$1,234,567.89", "$1.50", "$0.0123", "$0.000467", "$0.000000000001", "−$2.50"]
    );
    assert_eq!(page::duration(412_000_000), "412 ms");
    assert_eq!(page::duration(2_840_000_000), "2.84 s");
    assert_eq!(page::duration(6 * 24 * HOUR + HOUR), "6 days");
}
