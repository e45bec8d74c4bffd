//! Usage in streams: Bursar asks for it where the client did not, and the client sees what it asked for.

use harness::{
    call::Call,
    client::Answer,
    official::{self, Official},
    rig,
};
use serde_json::{Value, json};

fn stream() -> Call {
    Call::chat("gpt-4o").customer("acme").streamed().script(&json!({"tokens": 3}))
}

/// The events of a stream as JSON, without the `usage: null` that a provider puts on each once usage is asked for.
fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!((answer.status, &answer.cut), (200, &None));
    let parsed = answer.events().into_iter().map(|event| match serde_json::from_str(&event) {
        Ok(Value::Object(mut event)) => {
            if event.get("usage").is_some_and(Value::is_null) {
                event.remove("usage");
            }
            Value::Object(event)
        }
        _ => Value::String(event),
    });
    parsed.collect()
}

#[tokio::test]
async fn a_client_that_did_not_ask_sees_no_usage_chunk_however_the_stream_is_cut() {
    let (provider, envoy) = rig::filter_alone(|_| {}).await;
    let direct = harness::client::Client::new(provider.address()).send(&stream()).await;
    for split in [usize::MAX, 1000, 64, 7, 1] {
        let call = stream().script(&json!({"tokens": 3, "split_bytes": split}));
        assert_eq!(events(&envoy.client().send(&call).await), events(&direct), "cut every {split} bytes");
    }
    let asked = provider.received();
    assert!(asked.iter().skip(1).all(|seen| seen.json()["stream_options"]["include_usage"] == true));
}

#[tokio::test]
async fn a_client_that_asked_gets_every_byte() {
    let (provider, envoy) = rig::filter_alone(|_| {}).await;
    let call = stream().set("stream_options", json!({"include_usage": true}));
    let direct = harness::client::Client::new(provider.address()).send(&call).await;
    assert_eq!(envoy.client().send(&call).await.body, direct.body);
}

#[tokio::test]
async fn a_refused_or_partial_stream_option_is_merged_and_not_replaced() {
    let (provider, envoy) = rig::filter_alone(|_| {}).await;
    for options in
        [json!({"include_usage": false}), json!({"include_obfuscation": false}), json!({}), Value::Null]
    {
        let call = stream().set("stream_options", options.clone());
        let answer = envoy.client().send(&call).await;
        assert!(!answer.text().contains("prompt_tokens"), "{options}: {}", answer.text());
        let seen = provider.received().pop().unwrap().json();
        assert_eq!(seen["stream_options"]["include_usage"], true, "{options}");
        if options.get("include_obfuscation").is_some() {
            assert_eq!(seen["stream_options"]["include_obfuscation"], false);
        }
        assert_eq!((&seen["model"], &seen["stream"]), (&json!("gpt-4o"), &json!(true)));
    }
}

#[tokio::test]
async fn the_official_client_sees_the_chunks_it_would_see_without_bursar() {
    let (provider, envoy) = rig::filter_alone(|_| {}).await;
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]});
    let mut asking = body.clone();
    asking["stream_options"] = json!({"include_usage": true});
    let call = |body: &Value| Official::chat(body.clone()).customer("acme").script(&json!({"tokens": 4}));
    let calls = [call(&body), call(&body).streamed(), call(&asking).streamed()];
    let everywhere =
        calls.iter().flat_map(|call| [call.clone().to(provider.address()), call.clone().to(envoy.address())]);
    let seen = official::make(everywhere).await;
    for pair in seen.chunks(2) {
        assert_eq!(pair[0], pair[1]);
    }
    assert_eq!(seen[0]["answer"]["usage"]["completion_tokens"], 4);
    assert_eq!(seen[2]["chunks"].as_array().unwrap().len(), 6);
    assert_eq!(seen[4]["chunks"].as_array().unwrap().len(), 7);
}

/// A body that is longer than what is held back, with the keys that matter in this order.
fn long(before: &str, after: &str) -> String {
    let text = "All work and no play makes Jack a dull boy. ".repeat(600_000 / 44);
    format!(r#"{{{before}"model":"gpt-4o","messages":[{{"role":"user","content":"{text}"}}]{after}}}"#)
}

#[tokio::test]
async fn a_stream_whose_request_is_too_long_to_hold_is_asked_for_usage_as_it_passes() {
    let (provider, envoy) = rig::filter_alone(|_| {}).await;
    let script = json!({"tokens": 3, "prompt_tokens": 9});
    let direct = harness::client::Client::new(provider.address()).send(&stream().script(&script)).await;
    for client in [envoy.client(), harness::client::Client::http2(envoy.address())] {
        for (before, after, injected) in [
            (r#""stream":true,"#, "", true),
            ("", r#","stream":true"#, true),
            (
                r#""stream_options":{"include_usage":false,"include_obfuscation":false},"stream":true,"#,
                "",
                true,
            ),
            ("", "", false),
        ] {
            let body = long(before, after);
            let call =
                Call::post("/v1/chat/completions").customer("acme").raw("application/json", body.clone());
            let answer = client.send(&call.script(&script)).await;
            let seen = provider.received().pop().unwrap();
            let mut expected: Value = serde_json::from_str(&body).unwrap();
            if injected {
                expected["stream_options"]["include_usage"] = json!(true);
                assert_eq!(events(&answer), events(&direct), "{before} {after}");
            }
            assert_eq!(seen.json(), expected, "{before} {after}");
            let length = seen.header("content-length").map(|length| length.parse().unwrap());
            assert!(
                length.is_none_or(|length: usize| length == seen.body.len()),
                "{before} {after}: {length:?}"
            );
        }
    }
}

#[tokio::test]
async fn white_space_behind_a_request_is_no_part_of_what_is_rewritten() {
    let (provider, envoy) = rig::filter_alone(|_| {}).await;
    let body = format!(r#"{{"model":"gpt-4o","stream":true,"messages":[]}}{}"#, "\n".repeat(100_000));
    let call = Call::post("/v1/chat/completions").raw("application/json", body);
    for client in [envoy.client(), harness::client::Client::http2(envoy.address())] {
        assert_eq!(client.send(&call).await.status, 200);
        let seen = provider.received().pop().unwrap();
        assert_eq!(seen.json()["stream_options"]["include_usage"], true);
        let length = seen.header("content-length").map(|length| length.parse().unwrap());
        assert!(length.is_none_or(|length: usize| length == seen.body.len()), "{length:?}");
    }
}
