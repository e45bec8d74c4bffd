//! Anthropic messages, also as Vertex AI serves them.

use super::{Answer, Api, Asked, EVENTS, Script};
use crate::provider::framing::named;
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(super) const MESSAGES: Api = Api { answer, error, error_in_stream };

fn answer(asked: &Asked, script: &Script) -> Answer {
    if asked.stream || asked.path.ends_with(":streamRawPredict") {
        return Answer::stream(EVENTS, events(asked, script).iter().map(named).collect());
    }
    Answer::json(&message(asked, script))
}

fn usage(asked: &Asked, script: &Script, output: u64) -> Value {
    let told = json!({
        "input_tokens": asked.prompt_tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output, "service_tier": "standard",
    });
    asked.usage(script, told).unwrap_or_else(|| json!({}))
}

/// A whole message.
pub(super) fn message(asked: &Asked, script: &Script) -> Value {
    json!({
        "model": asked.model, "id": "msg_simulated", "type": "message", "role": "assistant",
        "content": [{"type": "text", "text": asked.text(script)}],
        "stop_reason": script.finish_reason("end_turn"), "stop_sequence": null,
        "usage": usage(asked, script, asked.tokens),
    })
}

/// The same as the events of a stream.
pub(super) fn events(asked: &Asked, script: &Script) -> Vec<Value> {
    let mut begin = message(asked, script);
    (begin["content"], begin["stop_reason"]) = (json!([]), Value::Null);
    begin["usage"] = usage(asked, script, 1);
    let mut events = vec![json!({"type": "message_start", "message": begin})];
    let block = json!({"type": "text", "text": ""});
    events.push(json!({"type": "content_block_start", "index": 0, "content_block": block}));
    events.push(json!({"type": "ping"}));
    for token in asked.deltas(script) {
        let delta = json!({"type": "text_delta", "text": token});
        events.push(json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    }
    events.push(json!({"type": "content_block_stop", "index": 0}));
    let stop = json!({"stop_reason": script.finish_reason("end_turn"), "stop_sequence": null});
    let mut told = usage(asked, script, asked.tokens);
    if let Some(told) = told.as_object_mut() {
        told.retain(|key, _| key.ends_with("_tokens")); // the end does not repeat lifetimes and tier
    }
    events.push(json!({"type": "message_delta", "delta": stop, "usage": told}));
    events.push(json!({"type": "message_stop"}));
    events
}

fn error(_status: u16, kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"})
}

fn error_in_stream(kind: &str, message: &str) -> Bytes {
    named(&error(0, kind, message))
}
