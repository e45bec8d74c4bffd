//! Refusals: who is over a cap is told so in a way that client libraries understand, and the provider sees nothing.

use harness::{call::Call, rig::Rig, wait};
use serde_json::{Value, json};

fn policy(rest: &str) -> String {
    format!(
        "version: 1\nplans: {{pro: {{price_usd: '49.00', period: month, expected_margin_percent: 80}}}}\n\
         customers: {{acme: {{plan: pro}}, globex: {{plan: pro}}}}\n{rest}\n"
    )
}

fn question(customer: &str) -> Call {
    Call::chat("gpt-4o")
        .customer(customer)
        .set("max_tokens", 100)
        .script(&json!({"tokens": 100, "prompt_tokens": 0}))
}

#[tokio::test]
async fn a_refusal_names_the_cap_and_its_reset_and_is_booked_at_cost_zero() {
    let caps = "caps: [{name: acme-day, subject: {customer: acme}, limit_usd: '0.0015', window: day}]";
    let rig = Rig::start(&policy(caps)).await;
    let first = rig.app.send(&question("acme")).await; // holds and costs 100 × 10 USD/M = 0.001 USD
    assert_eq!((first.status, first.header("x-bursar-refused")), (200, None));
    let budget: f32 = first.header("x-bursar-budget").unwrap().parse().unwrap();
    assert!((0.0..=1.0).contains(&budget), "{budget}");
    rig.bursar.calls("acme", 1).await;
    let second = rig.app.send(&question("acme")).await;
    assert_eq!((second.status, second.header("x-bursar-refused")), (429, Some("cap")));
    assert_eq!(second.header("content-type"), Some("application/json"));
    assert!(second.header("retry-after").unwrap().parse::<u64>().unwrap() <= 86_400 + 3_600);
    let id = second.header("x-bursar-call").unwrap();
    let error = &second.json()["error"];
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("acme-day") && message.contains("0.0015") && message.contains(id), "{message}");
    assert_eq!(rig.app.send(&question("globex")).await.status, 200, "the cap is acme's alone");

    rig.bursar.calls("acme", 2).await;
    let call = rig.bursar.json(&format!("/v1/calls/{id}")).await;
    assert_eq!((&call["state"], &call["outcome"]), (&json!("refused"), &json!("refused_by_cap")), "{call:#}");
    assert_eq!((&call["status"], &call["cost_usd"]), (&json!(429), &json!("0")), "{call:#}");
    assert_eq!((&call["cap"]["name"], &call["cap"]["decision"]), (&json!("acme-day"), &json!("refused")));
    let line = wait::until("the refusal is in the access log", async || {
        rig.envoy.access_log().into_iter().find(|line| line["call"] == json!(id))
    });
    assert_eq!(line.await["details"], "bursar_refused_cap");
    assert_eq!(rig.envoy.metric(r#"bursar_refused_total{reason="cap"}"#).await, Some(1));
    assert_eq!(rig.envoy.metric(r#"bursar_calls_total{outcome="refused_by_cap"}"#).await, Some(1));
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_shadow_cap_refuses_nothing_and_says_what_it_would_have_refused() {
    let caps =
        "caps: [{name: trial, subject: {customer: acme}, limit_calls: 1, window: month, mode: shadow}]";
    let rig = Rig::start(&policy(caps)).await;
    for _ in 0..3 {
        assert_eq!(rig.app.send(&question("acme")).await.status, 200);
    }
    let calls = rig.bursar.calls("acme", 3).await;
    let over: Vec<&Value> = calls.iter().filter(|call| call["cap"]["decision"] == "shadow_refused").collect();
    assert_eq!(over.len(), 2, "{calls:#?}");
}

#[tokio::test]
async fn the_rules_for_unattributed_and_unpriced_calls_hold() {
    let rules = "unattributed: {rule: refuse}\nunpriced: {rule: refuse}\n\
                 caps: [{name: acme-day, subject: {customer: acme}, limit_usd: '5.00', window: day}]";
    let rig = Rig::start(&policy(rules)).await;
    let nobody = rig.app.send(&Call::chat("gpt-4o")).await;
    assert_eq!((nobody.status, nobody.header("x-bursar-refused")), (403, Some("unattributed")));
    let unpriced = rig.app.send(&Call::chat("a-model-of-our-own").customer("acme")).await;
    assert_eq!((unpriced.status, unpriced.header("x-bursar-refused")), (403, Some("unpriced")));
    assert_eq!(rig.app.send(&question("acme")).await.status, 200);
    assert_eq!(rig.provider.received().len(), 1);
}

#[tokio::test]
async fn a_raised_cap_lets_calls_pass_again() {
    let cap = |limit| {
        policy(&format!(
            "caps: [{{name: c, subject: {{customer: acme}}, limit_calls: {limit}, window: month}}]"
        ))
    };
    let rig = Rig::start(&cap(1)).await;
    assert_eq!(rig.app.send(&question("acme")).await.status, 200);
    assert_eq!(rig.app.send(&question("acme")).await.status, 429);
    let put = Call::new(hyper::Method::PUT, "/v1/policy").raw("application/yaml", cap(100));
    let put = rig.bursar.client().send(&put).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let passes = async || (rig.app.send(&question("acme")).await.status == 200).then_some(());
    wait::until("the raised cap reaches the filter", passes).await;
}

#[tokio::test]
async fn a_refusal_leaves_the_clients_connection_open() {
    let caps = "caps: [{name: acme-day, subject: {customer: acme}, limit_calls: 1, window: day}]";
    let rig = Rig::start(&policy(caps)).await;
    assert_eq!(rig.app.send(&question("acme")).await.status, 200);
    // The first is refused by the control plane's answer, the others at once.
    for _ in 0..3 {
        let refused = rig.app.send(&question("acme")).await;
        assert_eq!((refused.status, refused.header("connection")), (429, None));
    }
}
