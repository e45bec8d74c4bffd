//! Metrics of the filter and of the control plane: the names that dashboards rely on, and never a customer.

use harness::{call::Call, rig::Rig, wait};
use serde_json::json;

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme-of-metrics: {plan: pro}}
caps: [{name: a-cap, subject: {customer: acme-of-metrics}, limit_calls: 3, window: month}]
";

#[tokio::test]
async fn both_pages_have_the_names_of_the_contract_and_no_customer() {
    let rig = Rig::start(POLICY).await;
    for script in [json!({}), json!({"no_usage": true}), json!({"status": 500}), json!({})] {
        rig.app.send(&Call::chat("gpt-4o").customer("acme-of-metrics").script(&script)).await;
    }
    rig.app.send(&Call::chat("a-model-of-our-own")).await;
    rig.bursar.calls("acme-of-metrics", 4).await;
    let names = [
        r#"bursar_calls_total{outcome="ok"} 3"#,
        r#"bursar_calls_total{outcome="error"} 1"#,
        r#"bursar_calls_total{outcome="refused_by_cap"} 1"#,
        r#"bursar_refused_total{reason="cap"} 1"#,
        r#"bursar_usage_missing_total{dialect="openai-chat"} 1"#,
        r#"bursar_events_total{result="accepted"} "#,
        "bursar_outbox_events{} 0",
        "bursar_snapshot_age_ms{} ",
    ];
    let page = wait::until("the filter's counters are there", async || {
        let page = rig.envoy.admin("/stats/prometheus").await;
        names.iter().all(|name| page.lines().any(|line| line.starts_with(name))).then_some(page)
    });
    assert!(!page.await.contains("acme-of-metrics"));

    let page = rig.bursar.client().send(&Call::get("/metrics")).await.text();
    let names = [
        r#"bursar_ingest_events_total{result="accepted"} "#,
        "bursar_ingest_seconds_count ",
        r#"bursar_cost_usd_total{"#,
        "bursar_unpriced_calls_total{",
        "bursar_open_calls 0",
        "bursar_orphaned_calls_total 0",
        "bursar_cap_debt_usd",
        "bursar_price_age_seconds{",
    ];
    for name in names {
        assert!(page.lines().any(|line| line.starts_with(name)), "no {name} in\n{page}");
    }
    assert!(!page.contains("acme-of-metrics"));
}

#[tokio::test]
async fn a_format_that_nobody_knows_at_a_known_provider_is_counted_and_in_the_ledger() {
    let rig = Rig::start(POLICY).await;
    let call = Call::post("/v1/brand-new").json(json!({"model": "gpt-9"})).customer("acme-of-metrics");
    let call = call.header("host", "api.openai.com").script(&json!({"recording": "openai-chat/unary-plain"}));
    assert_eq!(rig.app.send(&call).await.status, 200);
    let call = rig.bursar.calls("acme-of-metrics", 1).await.remove(0);
    let seen = (&call["dialect"], &call["usage_source"], &call["request_model"], &call["cost_usd"]);
    assert_eq!(seen, (&json!("unknown"), &json!("none"), &json!("gpt-9"), &json!(null)), "{call:#}");
    assert_eq!(rig.envoy.metric(r#"bursar_usage_missing_total{dialect="unknown"}"#).await, Some(1));
}
