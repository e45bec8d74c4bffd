//! The control plane is killed while traffic flows: caps hold as far as allowances reach, then the policy's rule decides,
//! visibly; and when it comes back, everything arrives once, and not all at one moment.

use harness::{
    call::Call,
    client::Answer,
    control_plane::ControlPlane,
    envoy::{Envoy, Setup},
    ports::Port,
    provider::Provider,
    rig::{self, Rig},
    wait,
};
use serde_json::{Value, json};

fn policy(rule: &str) -> String {
    format!(
        "version: 1\nwhen_unreachable: {rule}\n\
         caps: [{{name: c, subject: {{customer: acme}}, limit_calls: 40, window: day}}]\n"
    )
}

async fn call(rig: &Rig) -> Answer {
    rig.app.send(&Call::chat("gpt-4o").customer("acme")).await
}

/// Calls after the kill until one is not held any more: how many were, and that one.
async fn use_up(rig: &Rig) -> (usize, Answer) {
    for held in 0..40 {
        let answer = call(rig).await;
        if answer.status != 200 || answer.header("x-bursar-degraded").is_some() {
            return (held, answer);
        }
    }
    (40, call(rig).await)
}

async fn decisions(rig: &Rig, count: usize) -> Vec<Value> {
    let calls = rig.bursar.calls("acme", count).await;
    let cap = rig.bursar.items("/v1/caps").await.remove(0);
    let admitted = calls.iter().filter(|call| call["state"] == "finished").count();
    assert_eq!(cap["spent"], admitted, "{cap:#}");
    calls.iter().map(|call| call["cap"]["decision"].clone()).collect()
}

#[tokio::test]
async fn within_its_allowance_an_envoy_goes_on_and_then_refuses_where_the_policy_says_so() {
    let mut rig = Rig::start(&policy("refuse")).await;
    assert_eq!(call(&rig).await.status, 200);
    rig.bursar.kill();
    let (held, refused) = use_up(&rig).await;
    assert!((1..39).contains(&held), "{held}");
    assert_eq!(refused.header("x-bursar-refused"), Some("unreachable"));
    let waiting = async || rig.envoy.metric("bursar_outbox_events{}").await.filter(|events| *events > 0);
    wait::until("it is seen that events wait", waiting).await;
    rig.bursar.resume().await;
    let decisions = decisions(&rig, held + 2).await;
    assert_eq!(decisions.iter().filter(|decision| **decision == "held").count(), held + 1);
    // Back, it gives what is left of the cap.
    let passes = async || (call(&rig).await.status == 200).then_some(());
    wait::until("calls pass again", passes).await;
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn where_the_policy_lets_calls_pass_their_answers_and_the_ledger_say_so() {
    let mut rig = Rig::start(&policy("allow")).await;
    assert_eq!(call(&rig).await.status, 200);
    rig.bursar.kill();
    let (held, passed) = use_up(&rig).await;
    assert_eq!((passed.status, passed.header("x-bursar-degraded")), (200, Some("unreachable")));
    for _ in 0..5 {
        assert_eq!(call(&rig).await.header("x-bursar-degraded"), Some("unreachable"));
    }
    rig.bursar.resume().await;
    let decisions = decisions(&rig, held + 7).await;
    assert_eq!(decisions.iter().filter(|decision| **decision == "allowed_unreachable").count(), 6);
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_fleet_that_waited_does_not_come_back_as_a_herd() {
    const ENVOYS: usize = 3;
    const CALLS: usize = 40;
    let provider = Provider::start().await;
    let mut bursar = ControlPlane::prepared(&policy("allow"), Port::free());
    bursar.resume().await;
    let mut envoys = Vec::new();
    for number in 0..ENVOYS {
        let node = format!("envoy-{number}");
        let control_plane = Some(bursar.address());
        let mut envoy = Envoy::start(Setup { node, control_plane, ..Setup::new(provider.address()) }).await;
        rig::has_snapshot(&mut envoy).await;
        envoys.push(envoy);
    }
    bursar.kill();
    for envoy in envoys.iter().cycle().take(ENVOYS * CALLS) {
        let answer = envoy.client().send(&Call::chat("gpt-4o").customer("acme")).await;
        assert_eq!(answer.status, 200);
    }
    bursar.resume().await;
    bursar.calls("acme", ENVOYS * CALLS).await;
    // Each worker sends what it has in one batch, and no other request for it.
    let page = bursar.client().send(&Call::get("/metrics")).await.text();
    let batches = page.lines().find_map(|line| line.strip_prefix("bursar_ingest_seconds_count ")).unwrap();
    let batches: usize = batches.parse().unwrap();
    assert!((ENVOYS..=4 * ENVOYS).contains(&batches), "{batches}");
    let ingested = format!(r#"bursar_ingest_events_total{{result="accepted"}} {}"#, ENVOYS * CALLS);
    assert!(page.contains(&ingested), "{page}");
    assert_eq!(json!(bursar.items("/v1/caps").await[0]["spent"]), json!(ENVOYS * CALLS));
    bursar.is_consistent();
}
