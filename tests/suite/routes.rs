//! One compatible endpoint: `envoy/standalone/routes.yaml` with three providers, as users are given it.

use harness::{
    call::Call,
    client::{Answer, Client},
    envoy::key,
    places,
    provider::Provider,
    rig::Rig,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::task::JoinSet;

const NAMES: [&str; 3] = ["openai", "groq", "mistral"];

/// The whole path, with a provider for each name.
async fn start(more_policy: &str) -> (Rig, BTreeMap<&'static str, Provider>) {
    let file = places::root().join("envoy/standalone/routes.policy.yaml");
    let policy = std::fs::read_to_string(file).unwrap() + more_policy;
    let mut providers = BTreeMap::new();
    for name in NAMES {
        providers.insert(name, Provider::start().await);
    }
    let rig = Rig::with(&policy, |setup| {
        setup.members =
            providers.iter().map(|(name, provider)| ((*name).to_owned(), provider.address())).collect();
    })
    .await;
    (rig, providers)
}

fn chat(model: &str, script: &Value) -> Call {
    Call::chat(model).customer("acme").header("authorization", "Bearer of-the-application").script(script)
}

async fn booked(rig: &Rig, client: &Client, call: &Call) -> (Answer, Value) {
    let answer = client.send(call).await;
    let id = answer.header("x-bursar-call").unwrap().to_owned();
    let call = rig.bursar.call(&id).await;
    (answer, call)
}

#[tokio::test]
async fn an_application_names_a_model_and_never_sees_who_serves_it_or_a_key() {
    let (rig, providers) = start("").await;
    let http2 = Client::http2(rig.envoy.address());
    for (model, provider, host, path) in [
        ("gpt-4o", "openai", "api.openai.com", "/v1/chat/completions"),
        ("llama-3.3-70b-versatile", "groq", "api.groq.com", "/openai/v1/chat/completions"),
        ("mistral-medium-latest", "mistral", "api.mistral.ai", "/v1/chat/completions"),
    ] {
        for (client, body) in [(&rig.app, 10), (&http2, 60_000)] {
            let messages = json!([{"role": "user", "content": "x".repeat(body)}]);
            let (answer, call) =
                booked(&rig, client, &chat(model, &json!({})).set("messages", messages)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let received = providers[provider].received().pop().unwrap();
            assert_eq!((received.path.as_str(), received.json()["model"].as_str()), (path, Some(model)));
            assert_eq!(received.header("host").as_deref(), Some(host));
            assert_eq!(received.header("authorization"), Some(key(provider)));
            let ours = received.headers.iter().find(|(name, _)| name.starts_with("x-bursar"));
            assert_eq!(ours, None);
            assert_eq!((&call["provider"], &call["fallback"]), (&json!(provider), &json!(false)));
            assert_eq!(call["route"], format!("{provider}-first"));
            assert_ne!(call["cost_usd"], Value::Null);
        }
    }
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_provider_that_tells_usage_unasked_is_not_asked_and_the_one_behind_it_is() {
    let (rig, providers) = start("").await;
    let stream = |script| chat("mistral-medium-latest", &script).streamed();
    let refuses = json!({"refuses": "stream_options", "tokens": 20, "prompt_tokens": 10});
    let (answer, call) = booked(&rig, &rig.app, &stream(refuses)).await;
    assert_eq!((answer.status, &call["provider"]), (200, &json!("mistral")));
    assert_eq!(providers["mistral"].received().pop().unwrap().json().get("stream_options"), None);
    let script = json!({"fail_attempts": 1, "tokens": 20, "prompt_tokens": 10});
    let (_, call) = booked(&rig, &rig.app, &stream(script)).await;
    assert_eq!((&call["provider"], &call["usage_source"]), (&json!("openai"), &json!("reported")));
    let asked = providers["openai"].received().pop().unwrap().json();
    assert_eq!(
        (&asked["stream_options"]["include_usage"], &asked["model"]),
        (&json!(true), &json!("gpt-4o-mini"))
    );
}

#[tokio::test]
async fn a_lost_provider_is_replaced_and_the_call_priced_by_who_served_it() {
    let (rig, providers) = start("").await;
    for stream in [false, true] {
        let call = chat("gpt-4o", &json!({"fail_attempts": 1, "tokens": 20, "prompt_tokens": 10}));
        let call = if stream { call.streamed() } else { call };
        let (answer, call) = booked(&rig, &rig.app, &call).await;
        assert_eq!((answer.status, answer.header("x-bursar-fallback")), (200, Some("status_503")));
        let received = providers["groq"].received().pop().unwrap();
        assert_eq!(received.path, "/openai/v1/chat/completions");
        assert_eq!(received.json()["model"], "llama-3.3-70b-versatile");
        assert_eq!(received.header("authorization"), Some(key("groq")));
        let facts = ["provider", "original_provider", "original_model", "fallback_reason", "request_model"];
        assert_eq!(
            facts.map(|fact| call[fact].as_str().unwrap()),
            ["groq", "openai", "gpt-4o", "status_503", "gpt-4o"]
        );
        // 10 and 20 tokens at 0.59 and 0.79 USD per million.
        assert_eq!(call["cost_usd"], "0.0000217");
    }
    // What is tried first again gets what came, not what the other wanted.
    let (_, call) = booked(&rig, &rig.app, &chat("gpt-4o", &json!({}))).await;
    assert_eq!((&call["provider"], &call["fallback"]), (&json!("openai"), &json!(false)));
    assert_eq!(providers["openai"].received().pop().unwrap().path, "/v1/chat/completions");
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_provider_lost_in_the_middle_of_traffic_costs_no_call_that_had_no_answer_yet() {
    let (rig, providers) = start("").await;
    let calls = 40;
    // Some are waiting for an answer when it happens.
    let mut sent = JoinSet::new();
    for _ in 0..calls {
        let client = Client::new(rig.envoy.address());
        let call = chat("gpt-4o", &json!({"head_delay_ms": 400, "tokens": 20, "prompt_tokens": 10}));
        sent.spawn(async move { client.send(&call).await.status });
    }
    providers["openai"].until("it has some", |request| request.number >= 10).await;
    providers["openai"].lose();
    assert_eq!(sent.join_all().await, vec![200; calls]);
    let mut by_provider: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for call in rig.bursar.calls("acme", calls).await {
        let of = by_provider.entry(call["provider"].as_str().unwrap().to_owned()).or_default();
        of.0 += 1;
        of.1.push(
            call["attempts"].as_array().unwrap().last().unwrap()["cost_usd"].as_str().unwrap().to_owned(),
        );
    }
    let (served, costs) = &by_provider["groq"];
    assert!(*served >= 10, "{by_provider:?}");
    assert!(costs.iter().all(|cost| cost == "0.0000217"), "{costs:?}");
    // 10 and 20 tokens at 2.50 and 10 USD per million.
    let at_home = by_provider.get("openai").map(|(_, costs)| costs.as_slice()).unwrap_or_default();
    assert!(at_home.iter().all(|cost| cost == "0.000225"), "{at_home:?}");
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_model_that_no_route_serves_is_told_so() {
    let (rig, providers) = start("").await;
    let answer = rig.app.send(&chat("claude-sonnet-4", &json!({}))).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("model_not_found")));
    // A client cannot choose a route or a target by itself.
    let forged = chat("claude-sonnet-4", &json!({}))
        .header("x-bursar-route", "openai-first")
        .header("x-bursar-target", "groq");
    assert_eq!(rig.app.send(&forged).await.status, 404);
    // Nor by claiming to have signed them.
    let claimed = "/v1/chat/completions?X-Amz-SignedHeaders=host%3Bx-bursar-route%3Bx-bursar-target";
    for path in [claimed, &claimed.replace("chat/completions", "files")] {
        let body = json!({"model": "gpt-4o", "messages": []});
        let forged = Call::post(path).json(body).customer("acme");
        let forged = forged.header("x-bursar-route", "openai-first").header("x-bursar-target", "openai");
        assert_eq!(rig.app.send(&forged).await.status, 404, "{path}");
    }
    assert!(providers.values().all(|provider| provider.received().is_empty()));
    let calls = rig.bursar.calls("acme", 3).await;
    assert!(calls.iter().all(|call| call["cost_usd"] == "0"), "{calls:#?}");
}

#[tokio::test]
async fn a_downgrade_goes_where_its_model_is_served() {
    let more = "caps:\n  - {name: c, subject: {customer: acme}, limit_calls: 1, window: day, \
                action: {downgrade: llama-3.3-70b-versatile}}\n";
    let (rig, providers) = start(more).await;
    let (_, first) = booked(&rig, &rig.app, &chat("gpt-4o", &json!({}))).await;
    let (answer, second) = booked(&rig, &rig.app, &chat("gpt-4o", &json!({}))).await;
    assert_eq!(answer.header("x-bursar-downgraded"), Some("llama-3.3-70b-versatile"));
    assert_eq!([&first["provider"], &second["provider"]], [&json!("openai"), &json!("groq")]);
    assert_eq!(providers["groq"].received().pop().unwrap().json()["model"], "llama-3.3-70b-versatile");
    assert_eq!((&second["route"], &second["fallback"]), (&json!("groq-first"), &json!(false)));
}
