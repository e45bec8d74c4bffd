//! What a founder asks of real traffic: whether the provider says the same, and what the plan would leave on another model.

use harness::{call::Call, rig::Rig};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}, idle: {plan: pro}}
";
const DAY_S: i64 = 86_400;

/// Calls of acme, each of 134 prompt tokens, 2,176 from the cache and 11 generated ones; how many by the day on which they
/// started.
async fn served(rig: &Rig, count: usize) -> BTreeMap<String, i64> {
    let script = json!({"recording": "openai-chat/unary-cached-prompt"});
    for _ in 0..count {
        assert_eq!(rig.app.send(&Call::chat("gpt-4o").customer("acme").script(&script)).await.status, 200);
    }
    let mut days = BTreeMap::new();
    for call in rig.bursar.calls("acme", count).await {
        let day = call["started_at"].as_str().unwrap().split('T').next().unwrap().to_owned();
        *days.entry(day).or_insert(0) += 1;
    }
    days
}

/// OpenAI's pages of days that have so many calls.
fn export(days: &BTreeMap<String, i64>, results: impl Fn(i64) -> Value) -> String {
    let buckets = days.iter().map(|(day, calls)| {
        let start = format!("{day}T00:00:00Z").parse::<jiff::Timestamp>().unwrap().as_second();
        json!({"object": "bucket", "start_time": start, "end_time": start + DAY_S, "results": results(*calls)})
    });
    json!({"object": "page", "data": buckets.collect::<Vec<_>>(), "has_more": false}).to_string()
}

#[tokio::test]
async fn what_the_provider_exports_of_calls_through_envoy_is_what_the_ledger_has() {
    let rig = Rig::start(POLICY).await;
    let days = served(&rig, 2).await;
    let model = "gpt-4o-2024-08-06";
    let usage = export(&days, |calls| {
        json!([{"input_tokens": 2_310 * calls, "input_cached_tokens": 2_176 * calls, "output_tokens": 11 * calls,
            "num_model_requests": calls, "model": model}])
    });
    // 134 at 2.50, 2,176 at 1.25 and 11 at 10 USD per million, in pico-dollars.
    let costs = |factor: i64| {
        export(&days, |calls| {
            let parts =
                [("input", 335_000_000_i64), ("cached input", 2_720_000_000), ("output", 110_000_000)];
            let parts = parts.map(|(what, pico)| {
                let value = format!("{}e-12", pico * calls * factor);
                json!({"amount": {"value": value, "currency": "usd"}, "line_item": format!("{model}, {what}")})
            });
            json!(parts)
        })
    };
    let client = rig.bursar.client();
    let reconcile = async |costs: String| {
        let files = json!([{"name": "usage.json", "text": usage}, {"name": "costs.json", "text": costs}]);
        let body = json!({"provider": "openai", "tolerance_percent": "0", "files": files});
        client.send(&Call::post("/v1/reconciliations").json(body)).await
    };
    let answer = reconcile(costs(1)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-bursar-within-tolerance"), Some("true"), "{}", answer.text());
    let totals = &answer.json()["totals"]["items"][0];
    assert_eq!((&totals["theirs_usd"], &totals["ours_usd"]), (&json!("0.00633"), &json!("0.00633")));
    // The same tokens at twice the price.
    let answer = reconcile(costs(2)).await;
    assert_eq!(answer.header("x-bursar-within-tolerance"), Some("false"));
    let report = answer.json();
    assert_eq!(report["causes"]["items"][0]["cause"], "price_drift");
    assert_eq!(report["causes"]["items"][0]["difference_usd"], "0.00633");
    let answer = reconcile("{}".to_owned()).await;
    assert_eq!((answer.status, &answer.json()["errors"][0]["path"]), (422, &json!("costs.json")));
}

#[tokio::test]
async fn a_calculation_of_measured_calls_costs_what_they_were_booked_at() {
    let rig = Rig::start(POLICY).await;
    served(&rig, 3).await;
    let body =
        json!({"measure_plan": "pro", "since": "1d", "compare": ["openai/gpt-4o", "openai/gpt-4o-mini"]});
    let answer = rig.bursar.client().send(&Call::post("/v1/calculations").json(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let report = answer.json();
    let usage = report["usage"]["items"].as_array().unwrap();
    let total = |what: &str| usage.iter().find(|row| row["what"] == what).unwrap()["total"].clone();
    assert_eq!((total("calls"), total("cache_read")), (json!(3), json!(6_528)));
    assert_eq!(total("cost, USD"), "0.009495");
    let limits = report["limits"]["items"].as_array().unwrap();
    assert_eq!(
        (&limits[0]["model"], &limits[0]["cost_per_call_usd"]),
        (&json!("as booked"), &json!("0.003165"))
    );
    assert_eq!(limits[1]["cost_per_call_usd"], "0.003165", "the same model again");
    // 134 at 0.15, 2,176 at 0.075 and 11 at 0.60 USD per million.
    assert_eq!(limits[2]["cost_per_call_usd"], "0.0001899");
    assert_eq!(limits[0]["cap_usd"], "9.8");
    // Two customers are on the plan: the median is the one who never called.
    assert_eq!(report["margins"]["items"][0]["margin_usd"], "49");
}
