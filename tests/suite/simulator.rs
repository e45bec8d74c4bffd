//! The simulated provider itself: tests that trust it must know that it breaks, hangs and streams as scripted.

use harness::{
    call::Call,
    client::Client,
    provider::{Provider, Taken},
    recording::Recording,
};
use serde_json::{Value, json};
use std::io::Read;

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
    let parsed: Vec<Value> = events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
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

/// Requests of every API, with where in the answer its count is, and which it must be.
fn requests() -> Vec<(&'static str, Value, &'static str, u64)> {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let chat = json!({"model": "m", "messages": messages, "max_tokens": 7});
    let text = json!({"model": "m", "input": "Hello"});
    let contents =
        json!({"contents": [{"parts": [{"text": "Hello"}]}], "generationConfig": {"maxOutputTokens": 7}});
    let converse = json!({"messages": messages, "inferenceConfig": {"maxTokens": 7}});
    vec![
        ("/v1/chat/completions", chat.clone(), "/usage/completion_tokens", 7),
        ("/openai/deployments/m/chat/completions?api-version=1", chat.clone(), "/usage/completion_tokens", 7),
        (
            "/v1/completions",
            json!({"model": "m", "prompt": "Hello", "max_tokens": 7}),
            "/usage/completion_tokens",
            7,
        ),
        (
            "/v1/responses",
            json!({"model": "m", "input": "Hello", "max_output_tokens": 7}),
            "/usage/output_tokens",
            7,
        ),
        ("/v1/embeddings", text.clone(), "/usage/total_tokens", 1),
        ("/v1/moderations", text.clone(), "/results/0/category_scores/none", 0),
        (
            "/v1/images/generations",
            json!({"model": "gpt-image-1", "prompt": "Hello"}),
            "/usage/output_tokens",
            16,
        ),
        ("/v1/messages", chat.clone(), "/usage/output_tokens", 7),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/m@1:rawPredict",
            chat.clone(),
            "/usage/output_tokens",
            7,
        ),
        ("/v1beta/models/m:generateContent", contents, "/usageMetadata/candidatesTokenCount", 7),
        (
            "/v1beta/models/m:embedContent",
            json!({"content": {"parts": []}}),
            "/usageMetadata/promptTokenCount",
            3,
        ),
        ("/v1beta/interactions", text, "/usage/total_output_tokens", 16),
        ("/model/amazon.nova-micro-v1%3A0/converse", converse.clone(), "/usage/outputTokens", 7),
        ("/model/amazon.nova-micro-v1%3A0/invoke", converse, "/usage/outputTokens", 7),
        ("/model/anthropic.claude/invoke", chat.clone(), "/usage/output_tokens", 7),
        ("/v2/chat", chat.clone(), "/usage/billed_units/output_tokens", 7),
        ("/v1/chat", chat.clone(), "/meta/billed_units/output_tokens", 7),
        ("/v2/embed", json!({"model": "m", "texts": ["Hello"]}), "/meta/billed_units/input_tokens", 2),
        (
            "/v2/rerank",
            json!({"model": "m", "query": "q", "documents": ["a"]}),
            "/meta/billed_units/search_units",
            1,
        ),
        (
            "/api/chat",
            json!({"model": "m", "messages": messages, "options": {"num_predict": 7}, "stream": false}),
            "/eval_count",
            7,
        ),
    ]
}

#[tokio::test]
async fn every_api_is_answered_in_its_shape_and_counts_what_was_asked_for() {
    let (_provider, client) = simulator().await;
    for (path, body, count, expected) in requests() {
        let answer = client.send(&Call::post(path).json(body)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let counted = answer.json().pointer(count).and_then(Value::as_u64);
        assert_eq!(counted.unwrap_or(0), expected, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_form_is_read_like_json() {
    let (_provider, client) = simulator().await;
    let answer = client.send(&Recording::read("openai-transcriptions/unary-json").call()).await;
    assert_eq!(answer.json()["usage"]["input_token_details"]["audio_tokens"], 40);
    let seconds = client.send(&Recording::read("openai-transcriptions/unary-duration").call()).await;
    assert_eq!(seconds.json()["usage"]["type"], "duration");
    let stream = client.send(&Recording::read("openai-transcriptions/stream-plain").call()).await;
    assert!(stream.text().ends_with("data: [DONE]\r\n\r\n"), "{}", stream.text());
    let speech = client.send(&Recording::read("openai-speech/unary-binary").call()).await;
    assert_eq!((speech.status, speech.header("content-type")), (200, Some("audio/mpeg")));
}

#[tokio::test]
async fn every_api_streams_in_its_framing() {
    let (_provider, client) = simulator().await;
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let chat = json!({"model": "m", "messages": messages, "stream": true});
    for (path, content_type, starts, ends) in [
        ("/v1/responses", "text/event-stream; charset=utf-8", "event: response.created\n", "}\n\n"),
        (
            "/v1/messages",
            "text/event-stream; charset=utf-8",
            "event: message_start\n",
            "\"message_stop\"}\n\n",
        ),
        ("/v1beta/models/m:streamGenerateContent?alt=sse", "text/event-stream", "data: {", "}\r\n\r\n"),
        ("/v1beta/models/m:streamGenerateContent", "application/json; charset=UTF-8", "[{", "}\n]"),
        ("/v1beta/interactions", "text/event-stream", "event: interaction.created\n", "data: [DONE]\n\n"),
        ("/v2/chat", "text/event-stream", "event: message-start\n", "data: [DONE]\n\n"),
        ("/v1/chat", "application/stream+json", "{", "}\n"),
        ("/api/generate", "application/x-ndjson", "{", "}\n"),
        ("/model/m/converse-stream", "application/vnd.amazon.eventstream", "\0\0\0", ""),
        ("/model/anthropic.m/invoke-with-response-stream", "application/vnd.amazon.eventstream", "\0\0", ""),
    ] {
        let call = Call::post(path).json(chat.clone());
        let answer = client.send(&call.clone().script(&json!({"tokens": 3}))).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)), "{path}");
        assert!(answer.body.starts_with(starts.as_bytes()), "{path}: {}", answer.text());
        assert!(answer.body.ends_with(ends.as_bytes()), "{path}: {}", answer.text());
        let failed =
            client.send(&call.script(&json!({"tokens": 3, "error_after": 2, "error": "overloaded"}))).await;
        assert!(failed.body.len() < answer.body.len() && failed.text().contains("overloaded"), "{path}");
    }
}

#[tokio::test]
async fn recorded_streams_break_between_their_events() {
    let (_provider, client) = simulator().await;
    for (name, event_end) in [
        ("anthropic-messages/stream-plain", "\n\n"),
        ("gemini/stream-plain", "\r\n\r\n"),
        ("gemini/stream-array", "\n,\r\n"),
        ("cohere-chat/v1-stream", "\n"),
    ] {
        let recording = Recording::read(name);
        let call = recording.call().script(&json!({"recording": name, "reset_after": 2}));
        let text = client.send(&call).await.text();
        assert!(text.ends_with(event_end) && text.matches(event_end).count() == 2, "{name}: {text:?}");
        assert!(recording.body.starts_with(text.as_bytes()), "{name}");
    }
    let name = "bedrock-converse/stream-plain";
    let recording = Recording::read(name);
    let call = recording.call().script(&json!({"recording": name, "reset_after": 1}));
    let first = u32::from_be_bytes(*recording.body.first_chunk().unwrap());
    assert_eq!(client.send(&call).await.body.len(), usize::try_from(first).unwrap());
}

#[tokio::test]
async fn answers_are_compressed_event_by_event() {
    let (_provider, client) = simulator().await;
    let plain = client.send(&Call::chat("gpt-4o").streamed()).await;
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        for call in [Call::chat("gpt-4o"), Call::chat("gpt-4o").streamed()] {
            let script = json!({"encoding": encoding, "split_bytes": 9});
            let answer = client.send(&call.header("accept-encoding", "identity").script(&script)).await;
            assert_eq!(answer.header("content-encoding"), Some(encoding));
            let text = decoded(encoding, &answer.body);
            assert!(text == plain.body || text.ends_with(b"}\n"), "{encoding}: {text:?}");
        }
        // What was sent before the break can be read without what comes after it.
        let script = json!({"encoding": encoding, "reset_after": 2});
        let broken = client.send(&Call::chat("gpt-4o").streamed().script(&script)).await;
        let text = decoded(encoding, &broken.body);
        let two = plain.text().match_indices("\n\n").nth(1).unwrap().0 + 2;
        assert_eq!(text, plain.body[..two], "{encoding}");
    }
}

/// What can be read of it.
fn decoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn Read> = match encoding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(body)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(body)),
        "br" => Box::new(brotli::Decompressor::new(body, 4096)),
        _ => Box::new(zstd::stream::Decoder::new(body).unwrap()),
    };
    let mut text = Vec::new();
    let mut byte = [0];
    while let Ok(1) = reader.read(&mut byte) {
        text.push(byte[0]);
    }
    text
}
