//! Delivery: what the filter saw reaches the ledger once, whoever was down, restarted or killed meanwhile.

use harness::{
    call::Call,
    control_plane::ControlPlane,
    envoy::{Envoy, Setup},
    ports::Port,
    provider::Provider,
    rig::Rig,
    wait,
};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}}
caps: [{name: acme-month, subject: {customer: acme}, limit_usd: '10.00', window: month}]
when_unreachable: allow
";

fn question() -> Call {
    Call::chat("gpt-4o").customer("acme").set("max_tokens", 20)
}

/// Sends calls and returns their ids.
async fn send(envoy: &Envoy, count: usize) -> BTreeSet<String> {
    let client = envoy.client();
    let mut ids = BTreeSet::new();
    for _ in 0..count {
        let answer = client.send(&question()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        ids.insert(answer.header("x-bursar-call").unwrap().to_owned());
    }
    ids
}

async fn has_exactly(bursar: &ControlPlane, ids: &BTreeSet<String>) {
    let calls = bursar.calls("acme", ids.len()).await;
    let booked: BTreeSet<String> = calls.iter().map(|call| call["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(&booked, ids);
    bursar.is_consistent();
}

#[tokio::test]
async fn a_control_plane_that_comes_later_hears_of_all_calls_before() {
    let provider = Provider::start().await;
    let mut bursar = ControlPlane::prepared(POLICY, Port::free());
    let setup = Setup { control_plane: Some(bursar.address()), ..Setup::new(provider.address()) };
    let envoy = Envoy::start(setup).await;
    let ids = send(&envoy, 20).await;
    bursar.resume().await;
    has_exactly(&bursar, &ids).await;
}

#[tokio::test]
async fn calls_go_on_while_the_control_plane_is_killed_and_none_is_lost_or_doubled() {
    let mut rig = Rig::start(POLICY).await;
    let mut ids = send(&rig.envoy, 10).await;
    rig.bursar.kill();
    ids.extend(send(&rig.envoy, 10).await);
    rig.bursar.resume().await;
    ids.extend(send(&rig.envoy, 10).await);
    has_exactly(&rig.bursar, &ids).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_sigkill_and_sigterm() {
    let mut rig = Rig::start(POLICY).await;
    let ids = send(&rig.envoy, 25).await;
    rig.bursar.calls("acme", 25).await;
    rig.bursar.kill();
    rig.bursar.resume().await;
    has_exactly(&rig.bursar, &ids).await;
    assert!(rig.bursar.terminate().await.success());
    rig.bursar.resume().await;
    has_exactly(&rig.bursar, &ids).await;
}

#[tokio::test]
async fn a_call_whose_envoy_was_killed_is_known_and_stays_charged_to_its_cap() {
    let mut rig = Rig::start(POLICY).await;
    let call = question().streamed().script(&json!({"hang_after": 3}));
    let mut opened = rig.app.open(&call).await.unwrap();
    opened.events(3).await;
    let id = opened.so_far().header("x-bursar-call").unwrap().to_owned();
    let booked = wait::until("the started event is booked", async || {
        let call = rig.bursar.client().send(&Call::get(&format!("/v1/calls/{id}"))).await;
        (call.status == 200).then(|| call.json())
    });
    let call = booked.await;
    rig.envoy.process.kill();
    assert_eq!((&call["state"], &call["customer"]), (&json!("open"), &json!("acme")), "{call:#}");
    assert!(call["hold_usd"].is_string(), "{call:#}");
    let cap = rig.bursar.items("/v1/caps").await.remove(0);
    assert_eq!(cap["held"], call["hold_usd"], "{cap:#}");
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_call_of_which_nothing_more_is_heard_is_closed_as_orphaned_at_the_cost_of_its_input() {
    let mut bursar = ControlPlane::start(POLICY).await;
    let started_at = wait::unix_now() - Duration::from_secs(3_600);
    let head = json!({
        "id": "01990000-0000-7000-8000-000000000001", "provider": "openai",
        "dialect": "openai-chat", "operation": "chat", "request_model": "gpt-4o", "input_tokens_estimate": 1000,
        "attribution": {"customer": {"value": "acme", "from": "header"}},
        "started_at": u64::try_from(started_at.as_nanos()).unwrap(), "hold": "0.0525", "hold_input": "0.0025",
    });
    let event = json!({"kind": "started", "head": head});
    let batch = json!({"version": 1, "node": "killed", "boot": "b", "events": [event]});
    let answer = bursar.client().send(&Call::post("/v1/events").json(batch)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(bursar.items("/v1/calls").await[0]["state"], "open");
    // It looks when it starts, and then every half minute.
    bursar.kill();
    bursar.resume().await;
    let call = bursar.calls("acme", 1).await.remove(0);
    assert_eq!((&call["state"], &call["ending"]), (&json!("orphaned"), &json!("orphaned")), "{call:#}");
    assert_eq!(
        (&call["usage_source"], &call["cost_usd"]),
        (&json!("estimated"), &json!("0.0025")),
        "{call:#}"
    );
    bursar.is_consistent();
}

#[tokio::test]
async fn an_envoy_that_is_killed_and_started_again_goes_on_with_what_was_spent() {
    let mut rig = Rig::start(&POLICY.replace("limit_usd: '10.00'", "limit_calls: 3")).await;
    let ids = send(&rig.envoy, 2).await;
    has_exactly(&rig.bursar, &ids).await;
    rig.envoy.restart().await;
    harness::rig::has_snapshot(&mut rig.envoy).await;
    let mut admitted = 0;
    for _ in 0..6 {
        admitted += usize::from(rig.envoy.client().send(&question()).await.status == 200);
    }
    assert!(admitted <= 1, "{admitted} more than the one left");
}
