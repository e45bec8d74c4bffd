//! OpenAI responses.

use super::{Answer, Api, Asked, CREATED, EVENTS, Script, openai};
use crate::provider::framing::named;
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(super) const RESPONSES: Api = Api { answer, error: openai::error, error_in_stream };

fn answer(asked: &Asked, script: &Script) -> Answer {
    let text = asked.text(script);
    let message = json!({
        "id": "msg_simulated", "type": "message", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": text}],
    });
    let usage = asked.usage(
        script,
        json!({
            "input_tokens": asked.prompt_tokens, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": asked.tokens, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked.prompt_tokens + asked.tokens,
        }),
    );
    let reason = script.finish_reason("completed");
    let whole = match reason {
        "max_output_tokens" | "content_filter" => "incomplete",
        other => other,
    };
    let mut end = response(asked, whole, json!([message]), usage.unwrap_or_default());
    if whole == "incomplete" {
        end["incomplete_details"] = json!({"reason": reason});
    }
    if !asked.stream {
        return Answer::json(&end);
    }
    let begin = response(asked, "in_progress", json!([]), Value::Null);
    let mut events = vec![json!({"type": "response.created", "response": begin})];
    events.push(json!({"type": "response.in_progress", "response": begin}));
    let place = json!({"item_id": "msg_simulated", "output_index": 0, "content_index": 0});
    let at = |kind: &str, key: &str, value: Value| {
        let mut event = place.clone();
        event["type"] = kind.into();
        event[key] = value;
        event
    };
    let mut item = message.clone();
    (item["status"], item["content"]) = (json!("in_progress"), json!([]));
    events.push(json!({"type": "response.output_item.added", "output_index": 0, "item": item}));
    let part = json!({"type": "output_text", "annotations": [], "logprobs": [], "text": ""});
    events.push(at("response.content_part.added", "part", part));
    for token in asked.deltas(script) {
        let mut delta = at("response.output_text.delta", "delta", json!(token));
        delta["logprobs"] = json!([]);
        events.push(delta);
    }
    let mut done = at("response.output_text.done", "text", json!(text));
    done["logprobs"] = json!([]);
    events.push(done);
    events.push(at("response.content_part.done", "part", message["content"][0].clone()));
    events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": message}));
    events.push(json!({"type": format!("response.{whole}"), "response": end}));
    let numbered = events.into_iter().enumerate().map(|(number, mut event)| {
        event["sequence_number"] = number.into();
        named(&event)
    });
    Answer::stream(EVENTS, numbered.collect())
}

fn response(asked: &Asked, status: &str, output: Value, usage: Value) -> Value {
    json!({
        "id": "resp_simulated", "object": "response", "created_at": CREATED, "status": status,
        "background": false, "error": null, "incomplete_details": null, "instructions": null,
        "max_output_tokens": null, "model": asked.model, "output": output, "parallel_tool_calls": true,
        "previous_response_id": null, "reasoning": {"effort": null, "summary": null}, "service_tier": "default",
        "store": true, "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
        "top_p": 1.0, "truncation": "disabled", "usage": usage, "user": null, "metadata": {},
    })
}

fn error_in_stream(kind: &str, message: &str) -> Bytes {
    named(&json!({"type": "error", "sequence_number": 0, "code": kind, "message": message, "param": null}))
}
