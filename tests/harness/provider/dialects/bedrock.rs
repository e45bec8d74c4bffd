//! Amazon Bedrock: Converse, and InvokeModel with the bodies of the models' own APIs.

use super::{Answer, Api, Asked, Script, anthropic};
use crate::provider::framing::frame;
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(super) const CONVERSE: Api = Api { answer: converse, error, error_in_stream };
pub(super) const INVOKE: Api = Api { answer: invoke, error, error_in_stream };

const FRAMES: &str = "application/vnd.amazon.eventstream";

fn usage(asked: &Asked, script: &Script) -> Value {
    let told = json!({"inputTokens": asked.prompt_tokens, "outputTokens": asked.tokens,
        "totalTokens": asked.prompt_tokens + asked.tokens});
    asked.usage(script, told).unwrap_or_else(|| json!({}))
}

fn whole(asked: &Asked, script: &Script) -> Value {
    let message = json!({"content": [{"text": asked.text(script)}], "role": "assistant"});
    json!({"metrics": {"latencyMs": 7}, "output": {"message": message},
        "stopReason": script.finish_reason("end_turn"), "usage": usage(asked, script)})
}

/// Name and content of each event.
fn events(asked: &Asked, script: &Script) -> Vec<(&'static str, Value)> {
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    let delta = |token| ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": token}}));
    events.extend(asked.deltas(script).map(delta));
    events.push(("contentBlockStop", json!({"contentBlockIndex": 0})));
    events.push(("messageStop", json!({"stopReason": script.finish_reason("end_turn")})));
    events.push(("metadata", json!({"metrics": {"latencyMs": 7}, "usage": usage(asked, script)})));
    events
}

fn event(kind: &str, content: &Value) -> Bytes {
    let mut content = content.clone();
    content["p"] = json!("abcdefgh"); // padding, as the real one has
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    frame(&headers, content.to_string().as_bytes())
}

fn converse(asked: &Asked, script: &Script) -> Answer {
    if asked.path.ends_with("/converse") {
        return Answer::json(&whole(asked, script));
    }
    let frames = events(asked, script).iter().map(|(kind, content)| event(kind, content)).collect();
    Answer::stream(FRAMES, frames)
}

fn invoke(asked: &Asked, script: &Script) -> Answer {
    let (input, output) = (asked.prompt_tokens, asked.tokens);
    let claude = asked.model.contains("anthropic.");
    if asked.path.ends_with("/invoke") {
        return Answer::json(&match () {
            () if claude => anthropic::message(asked, script),
            () if asked.model.contains("nova") => whole(asked, script),
            () if asked.model.contains("meta.") => json!({"generation": asked.text(script),
                "prompt_token_count": input, "generation_token_count": output, "stop_reason": "stop"}),
            () => json!({"inputTextTokenCount": input, "results": [{"tokenCount": output,
                "outputText": asked.text(script), "completionReason": "FINISH"}]}),
        });
    }
    let mut chunks = match claude {
        true => anthropic::events(asked, script),
        false => events(asked, script).into_iter().map(|(kind, content)| json!({kind: content})).collect(),
    };
    if let (false, Some(last)) = (script.no_usage, chunks.last_mut()) {
        last["amazon-bedrock-invocationMetrics"] = json!({"inputTokenCount": input,
            "outputTokenCount": output, "invocationLatency": 7, "firstByteLatency": 3});
    }
    let chunk = |chunk: &Value| event("chunk", &json!({"bytes": BASE64_STANDARD.encode(chunk.to_string())}));
    Answer::stream(FRAMES, chunks.iter().map(chunk).collect())
}

fn error(_status: u16, _kind: &str, message: &str) -> Value {
    json!({"message": message})
}

fn error_in_stream(kind: &str, message: &str) -> Bytes {
    let headers =
        [(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")];
    frame(&headers, error(0, kind, message).to_string().as_bytes())
}
