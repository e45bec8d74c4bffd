//! The attempt instance: what Envoy tried, and what came of each try.

use harness::{call::Call, client::Answer, envoy::Setup, provider::Provider, rig::Rig, wait};
use protocol::money::PicoUsd;
use serde_json::{Value, json};
use std::net::SocketAddr;

fn chat(script: &Value) -> Call {
    Call::chat("gpt-4o").customer("acme").script(script)
}

/// Envoy tries up to three times more, at once, for whatever reason.
fn retries(setup: &mut Setup) {
    setup.attempts = Some(json!([]));
    let policy = json!({
        "retry_on": "5xx,reset,connect-failure",
        "num_retries": 3,
        "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"},
        "per_try_timeout": "0.5s",
    });
    setup.route.push(("retry_policy".to_owned(), policy));
}

/// Sends a call, and gives it as it is booked.
async fn booked(rig: &Rig, call: &Call) -> (Answer, Value) {
    let answer = rig.app.send(call).await;
    let id = answer.header("x-bursar-call").unwrap().to_owned();
    let call = rig.bursar.call(&id).await;
    (answer, call)
}

/// Of each attempt, these fields.
fn told<const N: usize>(call: &Value, fields: [&str; N]) -> Value {
    let attempts = call["attempts"].as_array().unwrap();
    attempts.iter().map(|attempt| Value::from(fields.map(|field| attempt[field].clone()).to_vec())).collect()
}

const FATE: [&str; 4] = ["number", "outcome", "reason", "status"];

#[tokio::test]
async fn each_retry_is_told_with_why_it_was_made_and_errors_cost_nothing() {
    let rig = Rig::with("version: 1", retries).await;
    let script = json!({"fail_attempts": 2, "tokens": 100, "prompt_tokens": 10});
    let (answer, call) = booked(&rig, &chat(&script)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        told(&call, FATE),
        json!([[1, "failed", null, 503], [2, "failed", "status_503", 503], [3, "ok", "status_503", 200]])
    );
    assert_eq!(told(&call, ["cost_usd"]), json!([["0"], ["0"], ["0.001025"]]));
    let upstream = json!([rig.provider.address().to_string()]);
    assert_eq!(told(&call, ["upstream"]), json!([upstream, upstream, upstream]));
    assert_eq!((&call["cost_usd"], &call["usage_source"]), (&json!("0.001025"), &json!("reported")));
    // Nothing of it is seen outside.
    assert!(rig.provider.received().iter().all(|request| request.header("x-bursar-call").is_none()));
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_lost_attempt_costs_what_the_policy_says_that_its_provider_bills() {
    let policy = |bills: &str| {
        format!(
            "version: 1\nprices: {{bills_on_abort: {{openai: {bills}}}}}\n\
             caps: [{{name: c, subject: {{customer: acme}}, limit_usd: \"1\", window: day}}]\n"
        )
    };
    let rig = Rig::with(&policy("full"), retries).await;
    // The prompt is estimated at so many tokens of 2.50 USD per million; 50 tokens at 10 USD are allowed.
    let script =
        json!({"hang_before_head": true, "well_after_attempts": 1, "tokens": 20, "prompt_tokens": 10});
    let call = chat(&script).set("max_tokens", 50);
    let (answer, call) = booked(&rig, &call).await;
    assert_eq!(answer.status, 200);
    assert_eq!(told(&call, FATE), json!([[1, "lost", null, 0], [2, "ok", "per_try_timeout", 200]]));
    let input = call["attempts"][0]["tokens"]["input"].as_i64().unwrap();
    assert_eq!(call["attempts"][0]["tokens"], json!({"input": input, "output": 50}));
    let pico = |usd: &Value| usd.as_str().unwrap().parse::<PicoUsd>().unwrap().pico();
    let (lost, own) = (i128::from(input) * 2_500_000 + 50 * 10_000_000, 10 * 2_500_000 + 20 * 10_000_000);
    assert_eq!(pico(&call["attempts"][0]["cost_usd"]), lost);
    assert_eq!(pico(&call["attempts"][1]["cost_usd"]), own);
    assert_eq!(pico(&call["cost_usd"]), lost + own);
    // The filter has charged the cap the same.
    assert_eq!(pico(&call["settled_usd"]), lost + own);
    assert_eq!((&call["tokens"]["output"], &call["usage_source"]), (&json!(20), &json!("mixed")));
    // What an Envoy holds is told with its next report.
    let settled = async || {
        let cap = rig.bursar.items("/v1/caps").await.remove(0);
        (cap["held"] == "0").then_some(cap)
    };
    let cap = wait::until("nothing is held", settled).await;
    assert_eq!(cap["spent"], call["cost_usd"], "{cap:#}");
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn resets_and_refused_connections_are_told_apart() {
    let rig = Rig::with("version: 1", retries).await;
    let script = json!({"reset_before_head": true, "well_after_attempts": 1});
    let (_, call) = booked(&rig, &chat(&script)).await;
    assert_eq!(told(&call, FATE), json!([[1, "lost", null, 0], [2, "ok", "reset", 200]]));
    let nobody = Rig::with("version: 1", |setup| {
        retries(setup);
        setup.provider = SocketAddr::from(([127, 0, 0, 1], 9)).into();
    })
    .await;
    let (answer, call) = booked(&nobody, &chat(&json!({}))).await;
    assert_eq!(answer.status, 503);
    let unsent = "connect_failure";
    assert_eq!(
        told(&call, ["outcome", "reason"]),
        json!([["unsent", null], ["unsent", unsent], ["unsent", unsent], ["error", unsent]])
    );
    assert_eq!(call["cost_usd"], "0");
}

#[tokio::test]
async fn where_no_attempt_is_answered_each_may_be_billed() {
    let rig = Rig::with("version: 1", retries).await;
    let (answer, call) = booked(&rig, &chat(&json!({"hang_before_head": true}))).await;
    assert_eq!((answer.status, &call["outcome"]), (504, &json!("timed_out")));
    let time = "per_try_timeout";
    assert_eq!(
        told(&call, ["outcome", "reason"]),
        json!([["lost", null], ["lost", time], ["lost", time], ["timed_out", time]])
    );
    let costs: Vec<Value> =
        call["attempts"].as_array().unwrap().iter().map(|attempt| attempt["cost_usd"].clone()).collect();
    assert!(costs.iter().all(|cost| *cost == costs[0] && *cost != "0"), "{costs:?}");
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn of_hedged_requests_the_winner_carries_the_usage_and_the_loser_an_estimate() {
    let rig = Rig::with("version: 1", |setup| {
        retries(setup);
        setup.route.push(("hedge_policy".to_owned(), json!({"hedge_on_per_try_timeout": true})));
    })
    .await;
    let script = json!({"hang_before_head": true, "well_after_attempts": 1});
    let (answer, call) = booked(&rig, &chat(&script)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(told(&call, FATE), json!([[1, "lost", null, 0], [2, "ok", "hedged", 200]]));
    assert_eq!(call["lines"].as_array().unwrap().iter().filter(|line| line["attempt"] == 1).count(), 1);
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_fallback_of_an_aggregate_cluster_is_priced_by_who_served_it() {
    let second = Provider::start().await;
    let address = second.address();
    let rig = Rig::with("version: 1", |setup| {
        retries(setup);
        setup.attempts = Some(json!([{"cluster": "spare", "provider": "groq", "account": "b"}]));
        setup.falls_back(&[("spare", address)]);
    })
    .await;
    let script = json!({"fail_attempts": 1, "served_model": "llama-3.3-70b-versatile", "tokens": 20});
    let (answer, call) = booked(&rig, &chat(&script)).await;
    assert_eq!((answer.status, second.received().len()), (200, 1));
    assert_eq!(
        told(&call, ["provider", "cluster", "outcome"]),
        json!([["openai", "provider", "failed"], ["groq", "spare", "ok"]])
    );
    let facts =
        ["provider", "fallback", "fallback_reason", "original_provider", "original_model", "response_model"];
    assert_eq!(
        facts.map(|fact| call[fact].clone()),
        [
            json!("groq"),
            json!(true),
            json!("status_503"),
            json!("openai"),
            json!("gpt-4o"),
            json!("llama-3.3-70b-versatile")
        ]
    );
    // 13 and 20 tokens at 0.59 and 0.79 USD per million.
    assert_eq!(call["cost_usd"], "0.00002347");
    rig.bursar.is_consistent();
}
