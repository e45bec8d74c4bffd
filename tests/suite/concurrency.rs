//! A cap holds however many calls come at once, over two workers and over two Envoys.

use harness::{
    call::Call,
    envoy::{Envoy, Setup},
    rig::{self, Rig},
    wait,
};
use serde_json::json;
use tokio::task::JoinSet;

fn policy(limit: &str) -> String {
    format!(
        "version: 1\nplans: {{pro: {{price_usd: '49.00', period: month, expected_margin_percent: 80}}}}\n\
         customers: {{acme: {{plan: pro}}}}\n\
         caps: [{{name: c, subject: {{customer: acme}}, {limit}, window: month}}]\n"
    )
}

/// Sends calls at once, each on a connection of its own, and counts the admitted and the refused.
async fn rush(envoys: &[&Envoy], calls: usize, call: &Call) -> (usize, usize) {
    let mut sent = JoinSet::new();
    for envoy in envoys.iter().cycle().take(calls) {
        let (client, call) = (envoy.client(), call.clone());
        sent.spawn(async move { client.send(&call).await.status });
    }
    let statuses = sent.join_all().await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    let admitted = statuses.iter().filter(|status| **status == 200).count();
    (admitted, calls - admitted)
}

#[tokio::test]
async fn of_many_calls_at_once_no_more_are_admitted_than_fit() {
    let rig = Rig::start(&policy("limit_calls: 10")).await;
    let slow = Call::chat("gpt-4o").customer("acme").script(&json!({"head_delay_ms": 100}));
    let (mut admitted, mut refused) = rush(&[&rig.envoy], 40, &slow).await;
    assert!(admitted <= 10, "{admitted} of 10");
    // Whatever was refused while others were open may pass now; in the end the cap is used up and never passed.
    let full = async || {
        let (more, less) = rush(&[&rig.envoy], 4, &slow).await;
        (admitted, refused) = (admitted + more, refused + less);
        (admitted >= 10).then_some(())
    };
    wait::until("the cap is used up", full).await;
    assert_eq!(admitted, 10);
    assert_eq!(rig.provider.received().len(), 10);
    rig.bursar.calls("acme", admitted + refused).await;
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn what_is_held_for_open_calls_counts_against_a_cap_in_money() {
    // Each call may cost 100 × 10 USD per million = 0.001 USD and its prompt; seven fit.
    let rig = Rig::start(&policy("limit_usd: '0.0079'")).await;
    let script = json!({"head_delay_ms": 150, "tokens": 100, "prompt_tokens": 10});
    let call = Call::chat("gpt-4o").customer("acme").set("max_tokens", 100).script(&script);
    let (admitted, refused) = rush(&[&rig.envoy], 30, &call).await;
    assert!((1..=7).contains(&admitted), "{admitted} of 7");
    rig.bursar.calls("acme", admitted + refused).await;
    let settled = wait::until("nothing is held any more", async || {
        let cap = rig.bursar.items("/v1/caps").await.remove(0);
        (cap["held"] == "0").then_some(cap)
    });
    let cap = settled.await;
    assert_eq!((&cap["limit"], &cap["debt"]), (&json!("0.0079"), &json!("0")), "{cap:#}");
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn two_envoys_share_one_cap() {
    let rig = Rig::start(&policy("limit_calls: 12")).await;
    let setup = Setup {
        control_plane: Some(rig.bursar.address()),
        node: "another".to_owned(),
        ..Setup::new(rig.provider.address())
    };
    let mut other = Envoy::start(setup).await;
    rig::has_snapshot(&mut other).await;
    let call = Call::chat("gpt-4o").customer("acme").script(&json!({"head_delay_ms": 50}));
    let (mut admitted, mut refused) = (0, 0);
    for _ in 0..5 {
        let (more, less) = rush(&[&rig.envoy, &other], 20, &call).await;
        (admitted, refused) = (admitted + more, refused + less);
    }
    assert!((1..=12).contains(&admitted), "{admitted} of 12");
    assert_eq!(rig.provider.received().len(), admitted);
    rig.bursar.calls("acme", admitted + refused).await;
    rig.bursar.is_consistent();
}
