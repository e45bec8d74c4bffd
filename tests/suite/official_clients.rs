//! The official clients of the providers, behind Bursar: the application sees what it would see without it, and a
//! refusal is the error of its client that means "too much".

use harness::{
    call::Call,
    official::{self, Official},
    provider::Received,
    recording::Recording,
    rig::Rig,
};
use serde_json::{Value, json};

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}, globex: {plan: pro}}
caps: [{name: globex-calls, subject: {customer: globex}, limit_calls: 1, window: month}]
";

/// A client, one of its calls, and how it asks for a stream of it.
#[derive(Clone, Copy)]
struct Api {
    sdk: &'static str,
    unary: &'static str,
    streamed: &'static str,
    body: fn() -> Value,
    /// Added to the body of a stream.
    stream_options: fn() -> Value,
}

impl Api {
    const fn new(sdk: &'static str, call: &'static str, body: fn() -> Value) -> Self {
        Self { sdk, unary: call, streamed: call, body, stream_options: || json!({}) }
    }

    fn call(self, streamed: bool) -> Official {
        let mut body = (self.body)();
        if !streamed {
            return Official::new(self.sdk, self.unary, body);
        }
        body.as_object_mut().unwrap().extend((self.stream_options)().as_object().unwrap().clone());
        Official::new(self.sdk, self.streamed, body).streamed()
    }

    /// An answer that the simulator makes, unary and streamed, and these recorded ones.
    fn calls(self, recordings: &[&str]) -> Vec<(String, Official)> {
        let made = [false, true].map(|streamed| {
            let script = json!({"tokens": 5});
            (
                format!("{} {}, streamed: {streamed}", self.sdk, self.unary),
                self.call(streamed).script(&script),
            )
        });
        let replayed = recordings.iter().map(|name| {
            let call = self.call(Recording::read(name).asks_for_stream());
            ((*name).to_owned(), call.once().script(&json!({"recording": name})))
        });
        made.into_iter().chain(replayed).collect()
    }
}

const CHAT: Api = Api {
    // Where it is not asked for, Bursar asks for it; see stream_usage.rs.
    stream_options: || json!({"stream_options": {"include_usage": true}}),
    ..Api::new(
        "openai_sdk",
        "chat",
        || json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}),
    )
};
const RESPONSES: Api = Api::new("openai_sdk", "responses", || json!({"model": "gpt-4o", "input": "Hello"}));
const MESSAGES: Api = Api::new(
    "anthropic_sdk",
    "messages",
    || json!({"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}),
);
const GEMINI: Api =
    Api::new("gemini_sdk", "generate", || json!({"model": "gemini-2.5-flash", "contents": "Hello"}));
const CONVERSE: Api = Api {
    streamed: "converse_stream",
    ..Api::new("bedrock_sdk", "converse", || {
        json!({"modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "messages": [{"role": "user", "content": [{"text": "Hello"}]}]})
    })
};
const INVOKE: Api = Api {
    streamed: "invoke_model_with_response_stream",
    ..Api::new("bedrock_sdk", "invoke_model", || {
        let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100,
            "messages": [{"role": "user", "content": "Hello"}]});
        json!({"modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "body": body.to_string()})
    })
};

/// Makes each call at the provider itself and through Envoy, and compares what the application saw.
async fn sees_the_same(rig: &Rig, calls: Vec<(String, Official)>) {
    let both = calls.iter().flat_map(|(_, call)| {
        let call = call.clone().customer("acme");
        [call.clone().to(rig.provider.address()), call.to(rig.envoy.address())]
    });
    let seen = official::make(both).await;
    for ((name, _), pair) in calls.iter().zip(seen.chunks(2)) {
        assert_eq!(pair[0], pair[1], "{name}: what is seen directly, and through Bursar");
        is_what_was_sent(name, &pair[0]);
    }
}

/// Two that agree may still both be wrong.
fn is_what_was_sent(name: &str, seen: &Value) {
    let recording = name.contains('/').then(|| Recording::read(name));
    let failed = recording.as_ref().filter(|recording| recording.expected.outcome == "error");
    assert_eq!(seen["error"].is_string(), failed.is_some(), "{name}: {seen}");
    match failed {
        Some(recording) if recording.status >= 400 => {
            assert_eq!(seen["status"], recording.status, "{name}: {seen}")
        }
        Some(_) => assert!(seen["message"].is_string(), "{name}: {seen}"),
        None => {
            let chunks = seen["chunks"].as_array().is_some_and(|chunks| chunks.len() > 1);
            assert!(chunks || seen["answer"].is_object(), "{name}: {seen}");
        }
    }
}

#[tokio::test]
async fn openai_sees_what_it_would_see_without_bursar() {
    let rig = Rig::start(POLICY).await;
    let mut calls = CHAT.calls(&[
        "openai-chat/unary-reasoning",
        "openai-chat/unary-refusal",
        "openai-chat/unary-content-filter",
        "openai-chat/unary-error",
        "openai-chat/stream-tools",
        "openai-chat/stream-refusal",
        "openai-chat/stream-content-filter",
        "openai-chat/stream-error",
    ]);
    calls.extend(RESPONSES.calls(&[
        "openai-responses/unary-web-search",
        "openai-responses/unary-refusal",
        "openai-responses/unary-content-filter",
        "openai-responses/unary-error",
        "openai-responses/stream-reasoning-tools-cached",
        "openai-responses/stream-refusal",
        "openai-responses/stream-content-filter",
        "openai-responses/stream-failed",
    ]));
    sees_the_same(&rig, calls).await;
}

#[tokio::test]
async fn anthropic_sees_what_it_would_see_without_bursar() {
    let rig = Rig::start(POLICY).await;
    let calls = MESSAGES.calls(&[
        "anthropic-messages/unary-thinking",
        "anthropic-messages/unary-refusal",
        "anthropic-messages/unary-rate-limit",
        "anthropic-messages/unary-overloaded",
        "anthropic-messages/stream-web-search",
        "anthropic-messages/stream-tools",
        "anthropic-messages/stream-refusal",
        "anthropic-messages/stream-error",
    ]);
    sees_the_same(&rig, calls).await;
}

#[tokio::test]
async fn gemini_sees_what_it_would_see_without_bursar() {
    let rig = Rig::start(POLICY).await;
    let calls = GEMINI.calls(&[
        "gemini/unary-thinking",
        "gemini/unary-safety",
        "gemini/unary-prompt-blocked",
        "gemini/unary-error",
        "gemini/stream-counts-jump",
        "gemini/stream-safety",
        "gemini/stream-error",
    ]);
    sees_the_same(&rig, calls).await;
}

#[tokio::test]
async fn bedrock_sees_what_it_would_see_without_bursar_and_nothing_signed_is_changed() {
    let rig = Rig::start(POLICY).await;
    let mut calls = CONVERSE.calls(&[
        "bedrock-converse/unary-cached",
        "bedrock-converse/unary-guardrail",
        "bedrock-converse/unary-throttled",
        "bedrock-converse/unary-error",
        "bedrock-converse/stream-tools",
        "bedrock-converse/stream-guardrail",
        "bedrock-converse/stream-throttled",
    ]);
    calls.extend(INVOKE.calls(&[
        "bedrock-invoke/unary-claude-cached",
        "bedrock-invoke/unary-claude-refusal",
        "bedrock-invoke/unary-error",
        "bedrock-invoke/stream-claude",
        "bedrock-invoke/stream-error",
    ]));
    let mut long = (CONVERSE.body)();
    long["messages"][0]["content"][0]["text"] = "All work and no play. ".repeat(20_000).into();
    let long = Official::new(CONVERSE.sdk, CONVERSE.unary, long).script(&json!({"tokens": 5}));
    calls.push(("a body that is too long to be held".to_owned(), long));
    let count = calls.len();
    sees_the_same(&rig, calls).await;

    let received = rig.provider.received();
    let through: Vec<&Received> =
        received.iter().filter(|seen| seen.header("x-envoy-attempt-count").is_some()).collect();
    assert_eq!(through.len(), count);
    let arrived = through.iter().map(|seen| as_it_arrived(seen));
    let mut changed = as_it_arrived(through[0]);
    changed["body"] = format!("{} ", changed["body"].as_str().unwrap()).into();
    let verify = arrived.chain([changed]).map(|request| Official::new("bedrock_sdk", "verify", request));
    let mut signatures = official::make(verify).await;
    let signature = &signatures.pop().unwrap()["answer"];
    assert_ne!(signature["sent"], signature["recomputed"], "one changed byte is seen");
    for signature in signatures {
        let signature = &signature["answer"];
        assert_eq!(signature["sent"], signature["recomputed"], "{signature}");
        assert!(signature["signed"].as_array().unwrap().contains(&json!("host")), "{signature}");
    }
}

fn as_it_arrived(seen: &Received) -> Value {
    let text = |(name, value): &(String, hyper::body::Bytes)| json!([name, String::from_utf8_lossy(value)]);
    let headers: Vec<Value> = seen.headers.iter().map(text).collect();
    let body = String::from_utf8(seen.body.to_vec()).unwrap();
    json!({"method": seen.method, "path": seen.path, "headers": headers, "body": body})
}

/// Uses up the cap of globex, and lets a client run into it: an error of this class, that names the cap, and no retry.
async fn is_told_of_a_reached_cap(api: Api, class: &str, statuses: &[u64]) {
    let rig = Rig::start(POLICY).await;
    assert_eq!(rig.app.send(&Call::chat("gpt-4o").customer("globex")).await.status, 200);
    let calls = [false, true].map(|streamed| api.call(streamed).customer("globex").to(rig.envoy.address()));
    for seen in official::make(calls).await {
        assert_eq!(seen["error"], class, "{seen}");
        assert!(statuses.contains(&seen["status"].as_u64().unwrap()), "{seen}");
        assert!(seen["message"].as_str().unwrap().contains("globex-calls"), "{seen}");
    }
    assert_eq!(rig.provider.received().len(), 1, "a refused call never reaches the provider");
    // One of ours, two of the client's: it did not try again what cannot help.
    let calls = rig.bursar.calls("globex", 3).await;
    assert_eq!(calls.iter().filter(|call| call["state"] == "refused").count(), 2);
}

#[tokio::test]
async fn a_reached_cap_is_a_rate_limit_error_of_openai() {
    is_told_of_a_reached_cap(CHAT, "RateLimitError", &[429]).await;
}

#[tokio::test]
async fn a_reached_cap_is_a_rate_limit_error_of_openai_responses() {
    is_told_of_a_reached_cap(RESPONSES, "RateLimitError", &[429]).await;
}

#[tokio::test]
async fn a_reached_cap_is_a_rate_limit_error_of_anthropic() {
    is_told_of_a_reached_cap(MESSAGES, "RateLimitError", &[429]).await;
}

#[tokio::test]
async fn a_reached_cap_is_a_client_error_of_gemini() {
    is_told_of_a_reached_cap(GEMINI, "ClientError", &[429]).await;
}

// AWS's clients know no `x-should-retry`. They try every 429 again whose type their model of the call does not name,
// and every throttling; what AWS itself says of a quota is a 400, and is taken for an answer.
#[tokio::test]
async fn a_reached_cap_is_a_quota_error_of_bedrock_converse() {
    is_told_of_a_reached_cap(CONVERSE, "ServiceQuotaExceededException", &[400, 402, 429]).await;
}

#[tokio::test]
async fn a_reached_cap_is_a_quota_error_of_bedrock_invoke() {
    is_told_of_a_reached_cap(INVOKE, "ServiceQuotaExceededException", &[400, 402, 429]).await;
}
