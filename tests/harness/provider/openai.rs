//! The openai-chat wire format: what a real provider would answer to this request, in the pieces it would send.

use super::script::Script;
use hyper::body::Bytes;
use serde_json::{Value, json};

/// The time that every answer was "created" at; answers do not depend on the clock.
const CREATED: u64 = 1_790_000_000;

/// A request as far as the answer depends on it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    model: String,
    pub(super) stream: bool,
    include_usage: bool,
    answers: u64,
    prompt_tokens: u64,
    tokens: u64,
}

impl Asked {
    /// Reads a request's body, or says what the provider would complain about.
    pub(super) fn read(body: &[u8], script: &Script) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("not valid JSON: {error}"))?;
        let Some(model) = body.get("model").and_then(Value::as_str) else {
            return Err("you must provide a model parameter".to_owned());
        };
        let number = |key: &str| body.get(key).and_then(Value::as_u64);
        let limit = number("max_completion_tokens").or_else(|| number("max_tokens")).unwrap_or(16);
        let prompt_bytes = body.get("messages").map_or(0, |messages| messages.to_string().len());
        let prompt_tokens = u64::try_from(prompt_bytes / 4).unwrap_or(0);
        Ok(Self {
            model: script.served_model.clone().unwrap_or_else(|| model.to_owned()),
            stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
            include_usage: body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)),
            answers: number("n").unwrap_or(1),
            prompt_tokens: script.prompt_tokens.unwrap_or(prompt_tokens),
            tokens: script.tokens.unwrap_or(limit.min(16)),
        })
    }

    fn usage(&self, script: &Script) -> Value {
        let completion = self.tokens * self.answers;
        script.usage.clone().unwrap_or_else(|| {
            json!({
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": completion,
                "total_tokens": self.prompt_tokens + completion,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 0, "audio_tokens": 0,
                    "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
                },
            })
        })
    }

    fn text(&self, script: &Script) -> String {
        (0..self.tokens).map(|_| script.token.as_str()).collect()
    }

    /// A whole `chat.completion`.
    pub(super) fn completion(&self, script: &Script) -> Bytes {
        let choice = |index| {
            json!({
                "index": index,
                "message": {"role": "assistant", "content": self.text(script), "refusal": null, "annotations": []},
                "logprobs": null,
                "finish_reason": script.finish_reason,
            })
        };
        let choices: Vec<Value> = (0..self.answers).map(choice).collect();
        let mut body = json!({
            "id": "chatcmpl-simulated",
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model,
            "choices": choices,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        });
        if let (false, Some(body)) = (script.no_usage, body.as_object_mut()) {
            body.insert("usage".to_owned(), self.usage(script));
        }
        format!("{body:#}\n").into()
    }

    /// The events of a stream: a role, the tokens, a finish, the usage where it was asked for, the end.
    pub(super) fn chunks(&self, script: &Script) -> Vec<Bytes> {
        let each = |delta: Value, finish: Value| {
            (0..self.answers).map(move |index| {
                json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}])
            })
        };
        let role = json!({"role": "assistant", "content": "", "refusal": null});
        let mut choices: Vec<Value> = each(role, Value::Null).collect();
        for _ in 0..self.tokens {
            choices.extend(each(json!({"content": script.token}), Value::Null));
        }
        choices.extend(each(json!({}), json!(script.finish_reason)));
        if let Some(after) = script.error_after {
            choices.truncate(after);
        }
        let mut events: Vec<Bytes> = choices.into_iter().map(|choices| self.event(choices, None)).collect();
        if script.error_after.is_some() {
            events.push(data(&error_object(&script.error, "the model is overloaded")));
            return events;
        }
        if self.include_usage && !script.no_usage {
            events.push(self.event(json!([]), Some(self.usage(script))));
        }
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
        events
    }

    fn event(&self, choices: Value, usage: Option<Value>) -> Bytes {
        let mut chunk = json!({
            "id": "chatcmpl-simulated",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
            "choices": choices,
        });
        if let (true, Some(chunk)) = (self.include_usage, chunk.as_object_mut()) {
            chunk.insert("usage".to_owned(), usage.unwrap_or(Value::Null));
        }
        data(&chunk)
    }
}

/// The error object of every failure.
pub(super) fn error_object(kind: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": kind}})
}

fn data(event: &Value) -> Bytes {
    format!("data: {event}\n\n").into()
}
