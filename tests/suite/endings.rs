//! Endings: however a call ends, it ends in the ledger once, and what it held is given back.

use harness::{call::Call, client::Client, provider::Taken, rig::Rig, wait};
use serde_json::{Value, json};

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}}
caps: [{name: acme-month, subject: {customer: acme}, limit_usd: '10.00', window: month}]
";

fn question() -> Call {
    Call::chat("gpt-4o").customer("acme").set("max_tokens", 1000)
}

/// The one call of acme, and that its cap holds nothing for it any more.
async fn ended(rig: &Rig) -> Value {
    let call = rig.bursar.calls("acme", 1).await.remove(0);
    let free = wait::until("nothing is held any more", async || {
        let caps = rig.bursar.items("/v1/caps").await;
        let cap = caps
            .into_iter()
            .find(|cap| cap["name"].as_str().is_some_and(|name| name.starts_with("acme-month")))?;
        (cap["held"] == "0").then_some(cap)
    });
    let cap = free.await;
    if let Some(cost) = call["cost_usd"].as_str() {
        assert_eq!(cap["spent"], cost, "{cap:#}");
    }
    rig.bursar.is_consistent();
    call
}

fn is(call: &Value, ending: &str, outcome: &str) {
    assert_eq!((&call["ending"], &call["outcome"]), (&json!(ending), &json!(outcome)), "{call:#}");
    assert_eq!(call["state"], "finished", "{call:#}");
}

#[tokio::test]
async fn a_client_that_hangs_up_in_a_stream_is_charged_for_what_it_got() {
    let rig = Rig::start(POLICY).await;
    let call = question().streamed().script(&json!({"tokens": 900, "token": " four", "delay_ms": 5}));
    let mut opened = rig.app.open(&call).await.unwrap();
    opened.events(21).await; // the role and twenty tokens
    drop(opened);
    rig.provider.until("Envoy hangs up on the provider", |seen| seen.answer == Taken::Aborted).await;
    let call = ended(&rig).await;
    is(&call, "client_abort", "client_aborted");
    assert_eq!((&call["usage_source"], &call["usage_complete"]), (&json!("estimated"), &json!(false)));
    let output = call["tokens"]["output"].as_u64().unwrap();
    assert!((20..900).contains(&output), "estimated from what was delivered: {output}");
    assert!(call["time_to_first_token_ms"].is_number());
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_answer_is_booked() {
    let rig = Rig::start(POLICY).await;
    let call = question().script(&json!({"hang_before_head": true}));
    let impatient = Client::new(rig.envoy.address());
    let waiting = tokio::spawn(async move { impatient.send(&call).await });
    rig.provider.until("the request arrives", |_| true).await;
    waiting.abort();
    let call = ended(&rig).await;
    is(&call, "client_abort", "client_aborted");
}

#[tokio::test]
async fn a_provider_that_breaks_a_stream_is_booked_as_that() {
    let rig = Rig::start(POLICY).await;
    let answer = rig.app.send(&question().streamed().script(&json!({"tokens": 50, "reset_after": 11}))).await;
    assert!(answer.status == 200 && answer.cut.is_some(), "{answer:?}");
    let call = ended(&rig).await;
    is(&call, "upstream_reset", "error");
    assert_eq!(call["usage_source"], "estimated");
}

#[tokio::test]
async fn a_provider_that_breaks_before_it_answers_is_booked_as_that() {
    let rig = Rig::start(POLICY).await;
    let answer = rig.app.send(&question().script(&json!({"reset_before_head": true}))).await;
    assert_eq!(answer.status, 503);
    let call = ended(&rig).await;
    is(&call, "upstream_reset", "error");
    assert_eq!(call["status"], 503);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_in_time_is_booked_as_a_timeout() {
    let rig = Rig::with(POLICY, |setup| setup.route = vec![("timeout".to_owned(), json!("0.4s"))]).await;
    let answer = rig.app.send(&question().script(&json!({"hang_before_head": true}))).await;
    assert_eq!(answer.status, 504);
    is(&ended(&rig).await, "timeout", "timed_out");
}

#[tokio::test]
async fn a_stream_that_stalls_is_booked_as_a_timeout() {
    let rig = Rig::with(POLICY, |setup| setup.route = vec![("idle_timeout".to_owned(), json!("0.4s"))]).await;
    let answer = rig.app.send(&question().streamed().script(&json!({"hang_after": 5}))).await;
    assert!(answer.cut.is_some(), "{answer:?}");
    is(&ended(&rig).await, "timeout", "timed_out");
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_costs_nothing() {
    let rig = Rig::with(POLICY, |setup| setup.provider.port = 9).await;
    assert_eq!(rig.app.send(&question()).await.status, 503);
    let call = ended(&rig).await;
    is(&call, "local_reply", "error");
    assert!(call["response_flags"].as_str().unwrap().contains("UF"), "{call:#}");
    assert_eq!(call["cost_usd"], "0", "{call:#}");
}

#[tokio::test]
async fn a_call_that_envoy_tries_twice_is_one_call_of_two_attempts() {
    let rig = Rig::start(POLICY).await;
    assert_eq!(rig.app.send(&question().script(&json!({"fail_attempts": 1, "tokens": 5}))).await.status, 200);
    assert_eq!(rig.provider.received().len(), 2);
    let call = ended(&rig).await;
    is(&call, "complete", "ok");
    let id = call["id"].as_str().unwrap();
    let call = rig.bursar.json(&format!("/v1/calls/{id}")).await;
    let last = call["attempts"].as_array().unwrap().last().unwrap();
    assert_eq!(last["number"], 2, "{call:#}");
}

#[tokio::test]
async fn an_error_of_the_provider_is_booked_and_costs_nothing() {
    let rig = Rig::start(POLICY).await;
    let script = json!({"status": 429, "error": "rate_limit_exceeded"});
    assert_eq!(rig.app.send(&question().script(&script)).await.status, 429);
    let call = ended(&rig).await;
    is(&call, "complete", "error");
    assert_eq!((&call["status"], &call["error_type"]), (&json!(429), &json!("rate_limit_exceeded")));
}
