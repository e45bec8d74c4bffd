//! Metering: what the ledger says of a call is what the provider counted, and its cost is units times rates. What
//! each provider's answers must give is in `dialects.rs`.

use harness::{call::Call, rig::Rig};
use protocol::money::{PicoUsd, PicoUsdPerUnit};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}}
";

/// Units per meter; what was counted and is zero is left out, as in recordings.
pub(crate) fn tokens(call: &Value) -> BTreeMap<String, u64> {
    let units = call["tokens"].as_object().unwrap().iter();
    let counted = units.filter_map(|(meter, units)| Some((meter.clone(), units.as_u64()?)));
    counted.filter(|(_, units)| *units > 0).collect()
}

pub(crate) fn usd(amount: &Value) -> PicoUsd {
    amount.as_str().unwrap().parse().unwrap()
}

/// The lines are units × rate, and their sum is the cost.
pub(crate) fn adds_up(call: &Value) {
    let lines = call["lines"].as_array().unwrap();
    let costs = lines.iter().map(|line| {
        let rate = line["rate_usd_per_mtok"].as_str().unwrap();
        let (rate, rounded) = PicoUsdPerUnit::parse_usd_per_mtok(rate).unwrap();
        let cost = rate.cost(line["units"].as_u64().unwrap()).unwrap();
        assert!(!rounded && usd(&line["cost_usd"]) == cost, "{line}");
        assert_eq!(call["tokens"][line["meter"].as_str().unwrap()], line["units"]);
        cost
    });
    assert_eq!(PicoUsd::total(costs).unwrap(), usd(&call["cost_usd"]), "{call:#}");
    assert_eq!(call["pricing"], "priced");
}

#[tokio::test]
async fn a_call_is_booked_with_all_that_was_known_of_it() {
    let rig = Rig::start(POLICY).await;
    let call = Call::chat("gpt-4o")
        .customer("acme")
        .script(&json!({"recording": "openai-chat/unary-cached-prompt"}));
    let call = call.header("x-bursar-workspace", "w1").header("x-bursar-user", "u1");
    let call = call.header("x-bursar-feature", "manuals").header("x-bursar-task", "t1");
    let answer = rig.app.send(&call.header("x-bursar-original-route", "primary")).await;
    let id = answer.header("x-bursar-call").unwrap().to_owned();

    let seen = rig.provider.received().pop().unwrap();
    assert!(seen.headers.iter().all(|(name, _)| !name.starts_with("x-bursar")), "{:?}", seen.headers);

    rig.bursar.calls("acme", 1).await;
    let call = rig.bursar.json(&format!("/v1/calls/{id}")).await;
    let expected = json!({
        "customer": "acme", "workspace": "w1", "user": "u1", "feature": "manuals", "task": "t1", "plan": "pro",
        "provider": "openai", "dialect": "openai-chat", "operation": "chat", "route": "provider",
        "original_route": "primary", "request_model": "gpt-4o", "response_model": "gpt-4o-2024-08-06",
        "stream": false, "status": 200, "cost_usd": "0.003165", "pricing": "priced", "state": "finished",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&call[key], value, "{key} of {call:#}");
    }
    assert_eq!(call["attribution"]["customer"], "header");
    adds_up(&call);
    assert!(call["started_at"].as_str().unwrap() <= call["finished_at"].as_str().unwrap());
    assert!(call["latency_ms"].is_number());
}

#[tokio::test]
async fn chunk_borders_change_no_count() {
    let rig = Rig::start(POLICY).await;
    let splits = [1, 2, 3, 5, 17, 1000];
    for split in splits {
        let script = json!({"recording": "openai-chat/stream-multibyte", "split_bytes": split});
        let call = Call::chat("gpt-4o").streamed().customer("acme").script(&script);
        assert_eq!(rig.app.send(&call).await.cut, None);
    }
    for call in rig.bursar.calls("acme", splits.len()).await {
        assert_eq!(tokens(&call), BTreeMap::from([("input".to_owned(), 19), ("output".to_owned(), 9)]));
    }
}

#[tokio::test]
async fn what_nobody_priced_has_no_cost_and_is_counted_as_such() {
    let rig = Rig::start(POLICY).await;
    assert_eq!(rig.app.send(&Call::chat("a-model-of-our-own").customer("acme")).await.status, 200);
    let call = rig.bursar.calls("acme", 1).await.remove(0);
    assert_eq!((&call["cost_usd"], &call["pricing"]), (&Value::Null, &json!("unpriced")));
    let report = Call::get("/v1/reports/weekly?format=md");
    let report = rig.bursar.client().send(&report).await.text();
    assert!(report.contains("1 call unpriced"), "{report}");
}
