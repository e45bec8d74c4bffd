//! The simulated provider itself: tests that trust it must know that it breaks, hangs and streams as scripted.

use harness::{
    call::Call,
    client::Client,
    provider::{Provider, Taken},
};
use serde_json::json;

async fn simulator() -> (Provider, Client) {
    let provider = Provider::start().await;
    let client = Client::new(provider.address());
    (provider, client)
}

#[tokio::test]
async fn a_unary_answer_counts_what_it_contains() {
    let (_provider, client) = simulator().await;
    let answer = client.send(&Call::chat("gpt-4o").set("n", 2).script(&json!({"tokens": 3}))).await;
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][1]["message"]["content"], " moon moon moon");
    assert_eq!(body["usage"]["completion_tokens"], 6);
    assert_eq!(answer.header("content-length").unwrap(), answer.body.len().to_string());
}

#[tokio::test]
async fn a_stream_has_usage_only_where_it_is_asked_for() {
    let (_provider, client) = simulator().await;
    let call = Call::chat("gpt-4o").streamed().script(&json!({"tokens": 2}));
    let events = client.send(&call).await.events();
    assert_eq!(events.len(), 5, "role, two tokens, finish, end: {events:?}");
    assert!(!events.concat().contains("usage"));
    let asked = call.set("stream_options", json!({"include_usage": true}));
    let events = client.send(&asked).await.events();
    let parsed: Vec<serde_json::Value> =
        events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
    assert_eq!(events.last().unwrap(), "[DONE]");
    assert!(parsed[0]["usage"].is_null() && parsed[0].get("usage").is_some());
    let last = parsed.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["completion_tokens"]), (&json!([]), &json!(2)));
}

#[tokio::test]
async fn the_same_request_gets_the_same_bytes_however_they_are_cut() {
    let (_provider, client) = simulator().await;
    let call = Call::chat("gpt-4o").streamed();
    let whole = client.send(&call).await.body;
    let cut = client.send(&call.script(&json!({"split_bytes": 7}))).await.body;
    assert_eq!(whole, cut);
}

#[tokio::test]
async fn it_breaks_and_hangs_where_the_script_says() {
    let (provider, client) = simulator().await;
    let call = Call::chat("gpt-4o").streamed();
    let broken = client.send(&call.clone().script(&json!({"reset_after": 2}))).await;
    assert_eq!((broken.status, broken.events().len()), (200, 2));
    assert!(broken.cut.is_some());
    let none = client.send(&call.clone().script(&json!({"reset_before_head": true}))).await;
    assert_eq!(none.status, 0);
    let mut hung = client.open(&call.script(&json!({"hang_after": 3}))).await.unwrap();
    hung.events(3).await;
    assert_eq!(provider.received()[2].answer, Taken::Open);
    drop(hung);
    provider
        .until("the hung answer is given up", |seen| seen.number == 2 && seen.answer == Taken::Aborted)
        .await;
}

#[tokio::test]
async fn what_it_was_sent_can_be_asked_for() {
    let (provider, client) = simulator().await;
    client.send(&Call::chat("gpt-4o").header("x-mark", b"\xff")).await;
    let list = client.send(&Call::get("/_sim/requests")).await.json();
    assert_eq!(list[0]["path"], "/v1/chat/completions");
    assert_eq!(list[0]["answer"], "complete");
    assert_eq!(list.as_array().unwrap().len(), 1);
    let mark = provider.received()[0].headers.iter().find(|(name, _)| name == "x-mark").unwrap().1.clone();
    assert_eq!(&mark[..], b"\xff");
}

#[tokio::test]
async fn failures_have_the_shapes_of_real_ones() {
    let (_provider, client) = simulator().await;
    let script = |script| Call::chat("gpt-4o").script(&script);
    let html = client.send(&script(json!({"status": 502, "html": "<html>bad gateway</html>"}))).await;
    assert_eq!((html.status, html.header("content-type")), (502, Some("text/html")));
    let error = client.send(&script(json!({"status": 429, "error": "rate_limit_exceeded"}))).await;
    assert_eq!((error.status, &error.json()["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    let first = script(json!({"fail_attempts": 1}));
    assert_eq!(client.send(&first.clone().header("x-envoy-attempt-count", "1")).await.status, 503);
    assert_eq!(client.send(&first.header("x-envoy-attempt-count", "2")).await.status, 200);
    assert_eq!(client.send(&Call::chat("gpt-4o").script(&json!({"no": "such"}))).await.status, 400);
    assert_eq!(client.send(&Call::post("/v1/chat/completions").raw("text/plain", "{")).await.status, 400);
}
