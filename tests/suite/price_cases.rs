//! What finance would check by hand: calls with known usage, at known instants, against known prices.

use harness::{call::Call, control_plane::ControlPlane};
use protocol::ids::CallId;
use serde_json::{Value, json};

/// In the form of LiteLLM's catalogue, with prices that are easily multiplied.
const CATALOGUE: &str = r#"{
  "claude-x": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 3e-06,
    "cache_creation_input_token_cost": 3.75e-06, "cache_read_input_token_cost": 3e-07, "output_cost_per_token": 1.5e-05},
  "long-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "cache_read_input_token_cost": 1e-07,
    "output_cost_per_token": 2e-06, "input_cost_per_token_above_200k_tokens": 2e-06,
    "cache_read_input_token_cost_above_200k_tokens": 2e-07, "output_cost_per_token_above_200k_tokens": 4e-06},
  "xai/long-x": {"litellm_provider": "xai", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
    "input_cost_per_token_above_200k_tokens": 2e-06, "output_cost_per_token_above_200k_tokens": 4e-06},
  "night-x": {"litellm_provider": "tencent", "mode": "chat", "input_cost_per_token": 2e-06, "output_cost_per_token": 2e-06,
    "off_peak_pricing": {"weekday_timezone": "Asia/Shanghai", "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06,
      "windows": [{"hours_utc": "16:30-00:30", "weekdays": [1, 2, 3, 4, 5]}]}},
  "regional-x": {"litellm_provider": "vertex_ai", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06,
    "regional_endpoint_uplift_multiplier": 1.1},
  "absurd-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0.25, "output_cost_per_token": 1e-06}
}"#;

/// 2026-11-20T00:00:00Z, a Friday, in seconds.
const FRIDAY: u64 = 1_795_132_800;
const HOUR: u64 = 3_600;

/// A call of a model that started then, with what it used, and facts of its end beside.
struct Case(&'static str, &'static str, u64, Value, Value);

/// What the ledger says that each call cost, or why it does not know. Each ends a minute after it started.
async fn costs(bursar: &ControlPlane, cases: &[Case]) -> Vec<String> {
    let mut costs = Vec::new();
    for (number, Case(provider, model, started, tokens, facts)) in cases.iter().enumerate() {
        let (started, finished) = (started * 1_000_000_000, (started + 60) * 1_000_000_000);
        let number = u8::try_from(number).unwrap();
        let id = CallId::new(started / 1_000_000, [number; 10]).to_string();
        let mut end = json!({"finished_at": finished, "ending": "complete", "outcome": "ok", "status": 200,
            "usage": {"units": tokens, "complete": true}});
        end.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
        let head = json!({"id": id, "provider": provider, "dialect": "openai-chat", "operation": "chat",
            "request_model": model, "started_at": started});
        let events = json!([{"kind": "finished", "head": head, "end": end}]);
        let batch = json!({"version": 1, "node": "n", "boot": "b", "events": events});
        let answer = bursar.client().send(&Call::post("/v1/events").json(batch)).await;
        assert_eq!(answer.json()["results"][0]["result"], "accepted", "{}", answer.text());
        let call = bursar.json(&format!("/v1/calls/{id}")).await;
        let known = call["cost_usd"].as_str().or_else(|| call["unpriced_reason"].as_str());
        costs.push(known.unwrap().to_owned());
    }
    costs
}

async fn import(bursar: &ControlPlane, query: &str, catalogue: &str) -> Value {
    let call = Call::post(&format!("/v1/prices/imports{query}")).raw("text/plain", catalogue.to_owned());
    let answer = bursar.client().send(&call).await;
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn known_calls_cost_what_an_invoice_would_say() {
    let bursar = ControlPlane::start("version: 1\n").await;
    import(&bursar, "", CATALOGUE).await;
    let none = || json!({});
    let cached = json!({"input": 3, "cache_write_5m": 12_304, "cache_read": 0, "output": 550});
    let long =
        |input: u64, cached: u64| json!({"input": input - cached, "cache_read": cached, "output": 1_000});
    let night = |at| Case("tencent", "night-x", at, json!({"input": 1_000_000}), none());
    let (day, sunday) = (24 * HOUR, FRIDAY + 48 * HOUR);
    let cases = [
        (Case("anthropic", "claude-x", FRIDAY, cached, none()), "0.054399"),
        // A threshold is measured on the prompt with what was cached, and moves every meter.
        (Case("openai", "long-x", FRIDAY, long(200_000, 150_000), none()), "0.067"),
        (Case("openai", "long-x", FRIDAY, long(200_001, 150_000), none()), "0.134002"),
        (Case("xai", "long-x", FRIDAY, json!({"input": 199_999}), none()), "0.199999"),
        (Case("xai", "long-x", FRIDAY, json!({"input": 200_000}), none()), "0.4"),
        // Thursday 16:30 UTC is Friday in Shanghai; a window begins with its first instant and ends before its last.
        (night(FRIDAY - 7 * HOUR - HOUR / 2 - 1), "2"),
        (night(FRIDAY - 7 * HOUR - HOUR / 2), "1"),
        (night(FRIDAY + HOUR / 2 - 1), "1"),
        (night(FRIDAY + HOUR / 2), "2"),
        // Friday 16:30 UTC is Saturday there, Sunday 17:00 UTC is Monday.
        (night(FRIDAY + day - 7 * HOUR), "2"),
        (night(sunday + 17 * HOUR), "1"),
        (
            Case("vertex_ai", "regional-x", FRIDAY, json!({"input": 10}), json!({"region": "europe-west1"})),
            "0.000011",
        ),
        (
            Case("vertex_ai", "regional-x", FRIDAY, json!({"input": 10}), json!({"region": "global"})),
            "0.00001",
        ),
        (Case("openai", "long-x-mini", FRIDAY, json!({"input": 10}), none()), "no_model"),
        (Case("openai", "long-x", FRIDAY, json!({"input": 10, "audio_in": 1}), none()), "no_rate:audio_in"),
        (Case("openai", "absurd-x", FRIDAY, json!({"input": 10}), none()), "no_rate:input"),
    ];
    let (cases, expected): (Vec<Case>, Vec<&str>) = cases.into_iter().unzip();
    assert_eq!(costs(&bursar, &cases).await, expected);
    bursar.is_consistent();
}

#[tokio::test]
async fn a_call_pays_the_price_of_its_start_and_files_of_one_s_own_say_everything() {
    let bursar = ControlPlane::start("version: 1\n").await;
    let own = r#"
version: 1
currency: USD
prices:
  - {provider: openai, model: m, to: "2026-11-20T12:00:00Z", rates: {input: {usd_per_mtok: 1}}}
  - {provider: openai, model: m, from: "2026-11-20T12:00:00Z", rates: {input: {usd_per_mtok: "2.5"}}}
  - {provider: openai, model: steps, rates: {input: {usd_per_mtok: 1}, output: {usd_per_mtok: 10}}}
  - {provider: openai, model: steps, threshold: {from_input_tokens: 1000, marginal: true}, rates: {input: {usd_per_mtok: 3}}}
  - {provider: openai, model: later, from: 2026-11-21, rates: {input: {usd_per_mtok: 1}}}
  - {provider: openai, model: reader-, match: prefix, rates: {pages: {usd_per_unit: "0.002"}, requests: {usd_per_unit: "0.01"}}}
"#;
    import(&bursar, "", own).await;
    let noon = FRIDAY + 12 * HOUR;
    let input = |model, at, tokens: u64| Case("openai", model, at, json!({"input": tokens}), json!({}));
    let cases = [
        // It ends after the change.
        (input("m", noon - 1, 1_000_000), "1"),
        (input("m", noon, 1_000_000), "2.5"),
        (input("steps", noon, 999), "0.000999"),
        (input("steps", noon, 1_001), "0.001005"),
        (input("later", noon, 1), "outside_window"),
        (Case("openai", "reader-1", noon, json!({"pages": 3}), json!({})), "0.016"),
    ];
    let (cases, expected): (Vec<Case>, Vec<&str>) = cases.into_iter().unzip();
    assert_eq!(costs(&bursar, &cases).await, expected);
}

#[tokio::test]
async fn a_row_a_hundred_thousand_times_too_high_waits_and_the_old_price_stays() {
    let bursar = ControlPlane::start("version: 1\n").await;
    import(&bursar, "", CATALOGUE).await;
    let absurd = CATALOGUE.replace(r#""input_cost_per_token": 3e-06"#, r#""input_cost_per_token": 0.3"#);
    let answer = import(&bursar, "", &absurd).await;
    assert_eq!(answer["summary"]["changed"], 0, "{answer:#}");
    let waiting = bursar.items("/v1/prices?status=proposed&provider=anthropic").await;
    assert!(waiting.iter().any(|row| row["rate_usd_per_mtok"] == "300000"), "{waiting:#?}");
    let now = Case("anthropic", "claude-x", FRIDAY, json!({"input": 1_000_000}), json!({}));
    assert_eq!(costs(&bursar, &[now]).await, ["3"]);
}
