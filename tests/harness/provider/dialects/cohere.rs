//! Cohere: chat of both versions, embed, rerank.

use super::{Answer, Api, Asked, Script};
use crate::provider::framing::{line, named};
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(super) const CHAT: Api = Api { answer: chat, error, error_in_stream };
pub(super) const EMBED: Api = Api { answer: embed, error, error_in_stream };
pub(super) const RERANK: Api = Api { answer: rerank, error, error_in_stream };

fn usage(asked: &Asked, script: &Script) -> Value {
    let (input, output) = (asked.prompt_tokens, asked.tokens);
    let told = json!({"billed_units": {"input_tokens": input, "output_tokens": output},
        "tokens": {"input_tokens": input + 200, "output_tokens": output}});
    asked.usage(script, told).unwrap_or_else(|| json!({}))
}

fn chat(asked: &Asked, script: &Script) -> Answer {
    let (text, usage) = (asked.text(script), usage(asked, script));
    let finish = script.finish_reason("COMPLETE");
    if asked.path.starts_with("/v1/") {
        let whole = json!({"response_id": "simulated", "text": text, "generation_id": "simulated",
            "finish_reason": finish, "meta": usage});
        if !asked.stream {
            return Answer::json(&whole);
        }
        let mut lines =
            vec![json!({"is_finished": false, "event_type": "stream-start", "generation_id": "simulated"})];
        let delta = |text| json!({"is_finished": false, "event_type": "text-generation", "text": text});
        lines.extend(asked.deltas(script).map(delta));
        lines.push(json!({"is_finished": true, "event_type": "stream-end", "response": whole, "finish_reason": finish}));
        return Answer::stream("application/stream+json", lines.iter().map(line).collect());
    }
    if !asked.stream {
        let message = json!({"role": "assistant", "content": [{"type": "text", "text": text}]});
        return Answer::json(
            &json!({"id": "simulated", "message": message, "finish_reason": finish, "usage": usage}),
        );
    }
    let begin = json!({"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}});
    let mut events = vec![json!({"id": "simulated", "type": "message-start", "delta": begin})];
    let content = |content: Value| json!({"message": {"content": content}});
    let block = content(json!({"type": "text", "text": ""}));
    events.push(json!({"type": "content-start", "index": 0, "delta": block}));
    let delta = |text| json!({"type": "content-delta", "index": 0, "delta": content(json!({"text": text}))});
    events.extend(asked.deltas(script).map(delta));
    events.push(json!({"type": "content-end", "index": 0}));
    events.push(json!({"type": "message-end", "delta": {"finish_reason": finish, "usage": usage}}));
    let mut pieces: Vec<Bytes> = events.iter().map(named).collect();
    pieces.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Answer::stream("text/event-stream", pieces)
}

fn embed(asked: &Asked, script: &Script) -> Answer {
    let vectors = vec![json!([0.5, -0.25, 0.125]); asked.body["texts"].as_array().map_or(1, Vec::len)];
    let told = asked.usage(script, json!({"billed_units": {"input_tokens": asked.prompt_tokens}}));
    Answer::json(&json!({"id": "simulated", "embeddings": {"float": vectors}, "meta": told}))
}

fn rerank(asked: &Asked, script: &Script) -> Answer {
    let documents = asked.body["documents"].as_array().map_or(0, Vec::len);
    let result = |index| json!({"index": index, "relevance_score": 0.5});
    let results: Vec<Value> = (0..documents).map(result).collect();
    let told = asked.usage(script, json!({"billed_units": {"search_units": documents.div_ceil(100)}}));
    Answer::json(&json!({"id": "simulated", "results": results, "meta": told}))
}

fn error(_status: u16, _kind: &str, message: &str) -> Value {
    json!({"id": "simulated", "message": message})
}

fn error_in_stream(_kind: &str, message: &str) -> Bytes {
    named(&json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}}))
}
