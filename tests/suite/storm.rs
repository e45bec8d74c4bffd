//! Hundreds of calls that end in every bad way: nothing of a cap stays held, and what is spent is what the ledger says.

use harness::{call::Call, client::Client, rig::Rig, wait};
use protocol::money::PicoUsd;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{task::JoinSet, time::timeout};

const POLICY: &str = r#"
version: 1
caps:
  - {name: money, subject: {customer: acme}, limit_usd: "1000", window: day}
  - {name: tokens, subject: {customer: acme}, limit_tokens: 100000000, window: month}
  - {name: calls, subject: {customer: acme}, limit_calls: 1000000, window: week}
  - {name: tiny, subject: {customer: acme, feature: tiny}, limit_calls: 3, window: lifetime}
"#;
const CALLS: usize = 360;
const CLIENTS: usize = 30;
/// A client waits no longer for what never comes.
const PATIENCE: Duration = Duration::from_millis(150);

fn stream(script: &Value) -> Call {
    Call::chat("gpt-4o").customer("acme").streamed().script(script)
}

fn unary(script: &Value) -> Call {
    Call::chat("gpt-4o").customer("acme").script(script)
}

/// One call, and its bad end.
async fn ends_badly(client: &Client, number: usize) {
    let send = async |call: Call| drop(client.send(&call).await);
    let leaves_after = async |call: Call, events: usize| {
        let mut opened = client.open(&call).await.unwrap();
        opened.events(events).await;
    };
    match number % 12 {
        0 => drop(timeout(PATIENCE, client.send(&unary(&json!({"hang_before_head": true})))).await),
        1 => leaves_after(stream(&json!({"tokens": 500, "delay_ms": 5})), 3).await,
        2 => leaves_after(stream(&json!({"hang_after": 6})), 6).await,
        3 => send(unary(&json!({"reset_before_head": true}))).await,
        4 => send(stream(&json!({"reset_after": 5}))).await,
        5 => send(unary(&json!({"status": 500}))).await,
        6 => send(unary(&json!({"status": 429, "error": "rate_limit_error"}))).await,
        // Envoy's own timeout comes before an answer.
        7 => send(unary(&json!({"head_delay_ms": 2_000}))).await,
        8 => send(stream(&json!({"error_after": 4}))).await,
        9 => send(unary(&json!({"tokens": 0}))).await,
        10 => send(unary(&json!({})).header("x-bursar-feature", "tiny")).await,
        _ => send(stream(&json!({"no_usage": true}))).await,
    }
}

#[tokio::test]
async fn after_a_storm_of_bad_ends_nothing_is_held_and_the_ledger_agrees_with_the_caps() {
    let rig = Rig::with(POLICY, |setup| setup.route.push(("timeout".to_owned(), json!("1s")))).await;
    let http2 = Client::http2(rig.envoy.address());
    let mut clients = JoinSet::new();
    for first in 0..CLIENTS {
        let client = if first % 3 == 0 { http2.clone() } else { Client::new(rig.envoy.address()) };
        clients.spawn(async move {
            for number in (first..CALLS).step_by(CLIENTS) {
                ends_badly(&client, number).await;
            }
        });
    }
    clients.join_all().await;
    let calls = rig.bursar.calls("acme", CALLS).await;
    let caps = wait::until("nothing is held", async || {
        let caps = rig.bursar.items("/v1/caps").await;
        let nothing = |cap: &Value| matches!(cap["held"].as_str(), Some("0")) || cap["held"] == 0;
        caps.iter().all(nothing).then_some(caps)
    })
    .await;
    let spent = |name: &str| caps.iter().find(|cap| cap["name"] == name).unwrap()["spent"].clone();
    let admitted: Vec<&Value> = calls.iter().filter(|call| call["state"] == "finished").collect();
    let refused = calls.iter().filter(|call| call["state"] == "refused").count();
    assert_eq!(admitted.len() + refused, CALLS);
    assert!(refused >= CALLS / 12 - 3, "{refused}");
    let pico = |usd: &Value| usd.as_str().unwrap().parse::<PicoUsd>().unwrap().pico();
    let cost: i128 = admitted.iter().map(|call| pico(&call["cost_usd"])).sum();
    assert_eq!(pico(&spent("money")), cost);
    let tokens = |call: &&Value| -> u64 {
        ["input", "output"].iter().filter_map(|meter| call["tokens"][*meter].as_u64()).sum()
    };
    assert_eq!(spent("tokens"), admitted.iter().map(tokens).sum::<u64>());
    assert_eq!((spent("calls"), spent("tiny")), (json!(admitted.len()), json!(3)));
    for cap in &caps {
        assert_eq!(cap["holds"], json!([]), "{cap:#}");
        assert!(matches!(cap["debt"].as_str(), Some("0")) || cap["debt"] == 0, "{cap:#}");
    }
    voids_and_parts(&admitted);
    rig.bursar.is_consistent();
}

/// An error without usage costs nothing; what was cut costs its prompt and what was delivered.
fn voids_and_parts(calls: &[&Value]) {
    let of = |ending: &str, status: u64| {
        let these = calls.iter().filter(|call| call["ending"] == ending && call["status"] == status);
        these.copied().collect::<Vec<_>>()
    };
    for status in [500, 429] {
        let failed = of("complete", status);
        assert_eq!(failed.len(), CALLS / 12, "{status}");
        assert!(failed.iter().all(|call| call["cost_usd"] == "0"));
    }
    let left = of("client_abort", 200);
    assert_eq!(left.len(), CALLS / 6);
    for call in left {
        assert!(call["tokens"]["input"].as_u64() > Some(0), "{call:#}");
        assert!(call["tokens"]["output"].as_u64() > Some(0), "{call:#}");
        assert_eq!(call["usage_complete"], false);
    }
}
