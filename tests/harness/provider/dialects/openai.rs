//! OpenAI chat completions.

use super::{Answer, Api, Asked, CREATED, EVENTS, Script};
use crate::provider::framing::data;
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(super) const CHAT: Api = Api { answer, error, error_in_stream };

fn answer(asked: &Asked, script: &Script) -> Answer {
    if asked.stream {
        Answer::stream(EVENTS, chunks(asked, script))
    } else {
        Answer::json(&completion(asked, script))
    }
}

fn usage(asked: &Asked, script: &Script) -> Option<Value> {
    let completion = asked.tokens * asked.answers;
    let told = json!({
        "prompt_tokens": asked.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": asked.prompt_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    });
    asked.usage(script, told)
}

fn completion(asked: &Asked, script: &Script) -> Value {
    let choice = |index| {
        json!({
            "index": index,
            "message": {"role": "assistant", "content": asked.text(script), "refusal": null, "annotations": []},
            "logprobs": null,
            "finish_reason": script.finish_reason("stop"),
        })
    };
    let choices: Vec<Value> = (0..asked.answers).map(choice).collect();
    let mut body = json!({
        "id": "chatcmpl-simulated",
        "object": "chat.completion",
        "created": CREATED,
        "model": asked.model,
        "choices": choices,
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    });
    if let Some(usage) = usage(asked, script) {
        body["usage"] = usage;
    }
    body
}

/// A role, the tokens, a finish, the usage where it was asked for, the end.
fn chunks(asked: &Asked, script: &Script) -> Vec<Bytes> {
    let each = |delta: Value, finish: Value| {
        (0..asked.answers).map(
            move |index| json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}]),
        )
    };
    let include_usage = asked.body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let event = |choices: Value, usage: Option<Value>| {
        let mut chunk = json!({
            "id": "chatcmpl-simulated",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": asked.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
            "choices": choices,
        });
        if include_usage {
            chunk["usage"] = usage.unwrap_or(Value::Null);
        }
        data(&chunk)
    };
    let role = json!({"role": "assistant", "content": "", "refusal": null});
    let mut choices: Vec<Value> = each(role, Value::Null).collect();
    for token in asked.deltas(script) {
        choices.extend(each(json!({"content": token}), Value::Null));
    }
    choices.extend(each(json!({}), json!(script.finish_reason("stop"))));
    let mut events: Vec<Bytes> = choices.into_iter().map(|choices| event(choices, None)).collect();
    if let (true, Some(usage)) = (include_usage, usage(asked, script)) {
        events.push(event(json!([]), Some(usage)));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

pub(super) fn error(_status: u16, kind: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": kind}})
}

pub(super) fn error_in_stream(kind: &str, message: &str) -> Bytes {
    data(&error(0, kind, message))
}
