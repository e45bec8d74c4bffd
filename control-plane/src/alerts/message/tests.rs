use super::*;
use crate::alerts::{
    Subject,
    standing::{CapUse, Figures, Hour, Key, Margin},
};
use expect_test::expect;
use protocol::money::PicoUsd;

/// 2026-11-24T10:00:00Z; the first of November and December.
const NOW: UnixNanos = 1_795_514_400_000_000_000;
const MONTH: (UnixNanos, UnixNanos) = (1_793_491_200_000_000_000, 1_796_083_200_000_000_000);

fn usd(text: &str) -> PicoUsd {
    text.parse().unwrap()
}

fn raised(id: i64, kind: Kind, subject: Subject, threshold: u32, figures: Figures) -> Raised {
    let key = Key { kind, subject, threshold, period_start: MONTH.0 };
    Raised { id, standing: Standing { key, period_end: MONTH.1, customer: Some("acme".into()), figures } }
}

fn margin(id: i64, kind: Kind, subject: Subject, threshold: u32) -> Raised {
    let figures = Margin {
        spent_usd: usd("8.1"),
        budget_usd: usd("9.8"),
        used_percent: 82,
        projected_usd: Some(usd("10.4")),
        projected_percent: Some(106),
        unpriced_calls: 2,
        plan: Some("pro".into()),
    };
    raised(id, kind, subject, threshold, Figures::Margin(figures))
}

fn lines(alerts: &[Raised]) -> Vec<String> {
    let message = write(alerts, NOW).unwrap();
    let lines = message.body["data"]["lines"].as_array().unwrap().clone();
    lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[test]
fn thresholds_crossed_together_are_one_line_and_the_headline_is_the_highest() {
    let customer = Subject::of([("customer", "acme")]);
    let workspace = Subject::of([("customer", "acme"), ("workspace", "w1")]);
    let alerts = [
        margin(1, Kind::MarginReached, customer.clone(), 50),
        margin(2, Kind::MarginReached, customer.clone(), 80),
        margin(3, Kind::MarginReached, workspace, 50),
        margin(4, Kind::MarginProjected, customer, 100),
    ];
    expect![[r#"
        Customer acme has passed 50 % and 80 % of the AI cost that plan pro leaves room for: $8.10 of $9.80, 82 % in 2026-11-01 to 2026-12-01; 2 unpriced calls are not in it.
        Customer acme, workspace w1 has passed 50 % of its customer's room for AI cost (plan pro): $8.10 of $9.80, 82 % in 2026-11-01 to 2026-12-01; 2 unpriced calls are not in it.
        Customer acme will pass 100 % of the AI cost that plan pro leaves room for: $10.40 (106 %) at this pace, so far $8.10 of $9.80, 82 % in 2026-11-01 to 2026-12-01; 2 unpriced calls are not in it."#]]
    .assert_eq(&lines(&alerts).join("\n"));
    let message = write(&alerts, NOW).unwrap();
    assert_eq!(message.body["type"], "alert.margin");
    assert_eq!(message.body["timestamp"], "2026-11-24T10:00:00.000000000Z");
    assert!(message.body["data"]["headline"].as_str().unwrap().ends_with("not in it. And 2 more."));
    assert_eq!(message.kind, Kind::MarginReached);
    let first = &message.body["data"]["alerts"][0];
    expect![[r#"{"customer":"acme","figures":{"budget_usd":"9.8","plan":"pro","projected_percent":106,"projected_usd":"10.4","spent_usd":"8.1","unpriced_calls":2,"used_percent":82},"id":1,"kind":"margin_reached","period":{"from":"2026-11-01T00:00:00.000000000Z","to":"2026-12-01T00:00:00.000000000Z"},"subject":{"customer":"acme"},"threshold":50}"#]]
    .assert_eq(&first.to_string());
}

#[test]
fn every_kind_is_a_sentence() {
    let cap = |unit: &str, spent: Value, limit: Value, mode| {
        let subject = Subject::of([("cap", "month"), ("unit", unit), ("of", "customer=acme")]);
        let figures = CapUse {
            spent,
            held: if unit == "usd" { "0.5".into() } else { 0.into() },
            limit,
            used_percent: 80,
            window: "month",
            mode,
        };
        raised(1, Kind::Cap, subject, 80, Figures::Cap(figures))
    };
    let hour = Hour {
        hour: "2026-11-24T09:00:00.000000000Z".to_owned(),
        spent_usd: usd("12.5"),
        usual_usd: usd("0.004"),
        limit_usd: usd("1"),
        days: 14,
    };
    let alerts = [
        cap("usd", "8".into(), "10".into(), "enforce"),
        cap("calls", 80.into(), 100.into(), "shadow"),
        raised(1, Kind::AbnormalSpend, Subject::of([("customer", "acme")]), 4, Figures::Hour(hour)),
        raised(
            1,
            Kind::Unpriced,
            Subject::of([("provider", "openai"), ("model", "x")]),
            0,
            Figures::Unpriced { unpriced_calls: 1, calls: 3, has_price: false },
        ),
        raised(
            1,
            Kind::StalePrices,
            Subject::of([("provider", "openai")]),
            30,
            Figures::Prices { age_days: 31 },
        ),
        raised(
            1,
            Kind::UnreachableNode,
            Subject::of([("node", "edge-1")]),
            5,
            Figures::Node { silent_minutes: 6, open_calls: 2 },
        ),
        margin(1, Kind::MarginReached, Subject::of([("plan", "pro")]), 50),
    ];
    let said: Vec<String> = alerts.iter().flat_map(|alert| lines(std::slice::from_ref(alert))).collect();
    expect![[r#"
        Cap month of customer acme has passed 80 %: $8.00 spent and $0.500000 held of $10.00; it resets at 2026-12-01 00:00 UTC (month).
        Cap month of customer acme, which refuses nothing (shadow) has passed 80 %: 80 calls spent and 0 calls held of 100 calls; it resets at 2026-12-01 00:00 UTC (month).
        Customer acme: $12.50 in the hour from 2026-11-24 09:00, where $0.004000 is usual (median of 14 days); abnormal from $1.00 on.
        Provider openai, model x: 1 of 3 calls on 2026-11-01 have no known cost, and nobody has priced it.
        Provider openai: prices were last confirmed 31 days ago.
        Node edge-1: silent for 6 minutes with 2 calls open.
        Plan pro has passed 50 % of the AI cost that its customers' prices leave room for: $8.10 of $9.80, 82 % in 2026-11-01 to 2026-12-01; 2 unpriced calls are not in it."#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn slack_gets_blocks_and_none_of_its_own_characters() {
    let subject = Subject::of([("customer", "<!channel> & co")]);
    let message = write(&[margin(1, Kind::MarginReached, subject, 50)], NOW).unwrap();
    let slack = slack(&message.body);
    assert_eq!(slack["blocks"][0]["text"]["text"], "AI cost and margin");
    let text = slack["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(text.starts_with("• Customer &lt;!channel&gt; &amp; co has passed 50 %"), "{text}");
    assert!(slack["text"].as_str().unwrap().contains("&lt;!channel&gt;"));
}

#[test]
fn a_hundred_alerts_are_a_message_and_slack_sections_stay_within_its_limit() {
    let many: Vec<Raised> = (0..250)
        .map(|number| {
            let name = format!("customer-{number:03}-{}", "x".repeat(80));
            margin(number, Kind::MarginReached, Subject::of([("customer", &name)]), 50)
        })
        .collect();
    let standing = many.iter().map(|raised| (None, raised.standing.clone())).collect();
    let sizes: Vec<usize> = groups(standing).iter().map(Vec::len).collect();
    assert_eq!(sizes, [100, 100, 50]);
    let slack = slack(&write(&many[..100], NOW).unwrap().body);
    let blocks = slack["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50, "{}", blocks.len());
    for block in blocks {
        assert!(block["text"]["text"].as_str().unwrap().len() <= 3_000);
    }
}

#[test]
fn a_message_has_the_same_id_for_the_same_alerts_alone() {
    let one = margin(1, Kind::MarginReached, Subject::of([("customer", "acme")]), 50);
    let name = |raised: &Raised, at| write(std::slice::from_ref(raised), at).unwrap().name;
    assert_eq!(name(&one, NOW), name(&one, NOW));
    assert_ne!(name(&one, NOW), name(&one, NOW + 1));
    assert!(name(&one, NOW).starts_with("msg_") && name(&one, NOW).len() == 36);
}
