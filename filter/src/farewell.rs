//! How a stream ends that is stopped in its middle: in the words in which its dialect says that the output limit is
//! reached, so that a client reads an answer that is too short and not one that is broken.

use crate::dialect::Dialect;
use serde_json::{Value, json};

/// How the client gets documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Server-sent events.
    Events,
    /// A document a line.
    Lines,
    /// The elements of one long array.
    Array,
    /// AWS's event stream.
    Frames,
}

/// What an end repeats of the stream.
#[derive(Clone, Debug, Default)]
pub struct Told<'a> {
    /// The last event that goes on; null where it is no JSON.
    pub last: Value,
    /// The answer's id, where only its beginning has it.
    pub id: Option<&'a str>,
    /// The model that answers.
    pub model: Option<&'a str>,
    /// The prompt, as it is counted.
    pub input_tokens: u64,
    /// What was delivered, likewise.
    pub output_tokens: u64,
}

/// The end of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// What the client gets.
    pub bytes: Vec<u8>,
    /// The finish reason that it names.
    pub reason: &'static str,
}

/// The end of a stream of this dialect; none where it cannot be ended but by breaking it: formats without a word for
/// it, and documents inside others (Bedrock's invoke).
pub fn of(dialect: Dialect, wire: Wire, told: &Told<'_>) -> Option<Farewell> {
    let (bytes, reason) = match (dialect, wire) {
        (Dialect::OpenaiChat, Wire::Events) => {
            (openai(told, &json!({"index": 0, "delta": {}, "finish_reason": "length"})), "length")
        }
        (Dialect::OpenaiCompletions, Wire::Events) => {
            let choice = json!({"index": 0, "text": "", "logprobs": null, "finish_reason": "length"});
            (openai(told, &choice), "length")
        }
        (Dialect::OpenaiResponses, Wire::Events) => (responses(told), "max_output_tokens"),
        (Dialect::AnthropicMessages, Wire::Events) => (anthropic(told), "max_tokens"),
        (Dialect::Gemini, Wire::Events) => (event(None, &gemini(told)), "MAX_TOKENS"),
        (Dialect::Gemini, Wire::Array) => (format!(",\n{}\n]", gemini(told)), "MAX_TOKENS"),
        (Dialect::CohereChat, Wire::Events) => (cohere(told), "MAX_TOKENS"),
        (Dialect::CohereChat, Wire::Lines) => {
            let response =
                json!({"finish_reason": "MAX_TOKENS", "text": "", "meta": {"billed_units": usage(told)}});
            let end = json!({"is_finished": true, "event_type": "stream-end", "finish_reason": "MAX_TOKENS", "response": response});
            (format!("{end}\n"), "MAX_TOKENS")
        }
        (Dialect::Ollama, Wire::Lines) => (format!("{}\n", ollama(told)), "length"),
        (Dialect::BedrockConverse, Wire::Frames) => {
            return Some(Farewell { bytes: converse(told), reason: "max_tokens" });
        }
        _ => return None,
    };
    Some(Farewell { bytes: bytes.into_bytes(), reason })
}

fn event(name: Option<&str>, document: &Value) -> String {
    let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {document}\n\n")
}

fn usage(told: &Told<'_>) -> Value {
    json!({"input_tokens": told.input_tokens, "output_tokens": told.output_tokens})
}

/// A value of the last event, and another where it has none.
fn repeated(told: &Told<'_>, path: &str, otherwise: impl Into<Value>) -> Value {
    told.last.pointer(path).cloned().unwrap_or_else(|| otherwise.into())
}

fn openai(told: &Told<'_>, choice: &Value) -> String {
    let mut choice = choice.clone();
    if let (Some(choice), Some(index)) = (choice.as_object_mut(), told.last.pointer("/choices/0/index")) {
        choice.insert("index".to_owned(), index.clone());
    }
    let chunk = json!({
        "id": repeated(told, "/id", ""),
        "object": repeated(told, "/object", "chat.completion.chunk"),
        "created": repeated(told, "/created", 0),
        "model": repeated(told, "/model", told.model),
        "choices": [choice],
    });
    format!("{}data: [DONE]\n\n", event(None, &chunk))
}

fn responses(told: &Told<'_>) -> String {
    let number = told.last.pointer("/sequence_number").and_then(Value::as_u64).unwrap_or(0);
    let response = json!({
        "id": told.id.unwrap_or_default(),
        "object": "response",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "error": null,
        "model": told.model,
        "output": [],
        "usage": {
            "input_tokens": told.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": told.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": told.input_tokens.saturating_add(told.output_tokens),
        },
    });
    let kind = "response.incomplete";
    let end = json!({"type": kind, "sequence_number": number.saturating_add(1), "response": response});
    event(Some(kind), &end)
}

fn anthropic(told: &Told<'_>) -> String {
    let block = json!({"type": "content_block_stop", "index": repeated(told, "/index", 0)});
    let delta = json!({
        "type": "message_delta",
        "delta": {"stop_reason": "max_tokens", "stop_sequence": null},
        "usage": {"output_tokens": told.output_tokens},
    });
    [block, delta, json!({"type": "message_stop"})]
        .iter()
        .map(|document| event(document.pointer("/type").and_then(Value::as_str), document))
        .collect()
}

fn gemini(told: &Told<'_>) -> Value {
    json!({
        "candidates": [{
            "content": {"parts": [{"text": ""}], "role": "model"},
            "finishReason": "MAX_TOKENS",
            "index": repeated(told, "/candidates/0/index", 0),
        }],
        "modelVersion": repeated(told, "/modelVersion", told.model),
        "responseId": repeated(told, "/responseId", ""),
    })
}

fn cohere(told: &Told<'_>) -> String {
    let block = json!({"type": "content-end", "index": repeated(told, "/index", 0)});
    let counts = usage(told);
    let delta = json!({"finish_reason": "MAX_TOKENS", "usage": {"billed_units": counts, "tokens": counts}});
    let end = json!({"type": "message-end", "delta": delta});
    [("content-end", block), ("message-end", end)]
        .iter()
        .map(|(name, document)| event(Some(name), document))
        .collect()
}

fn ollama(told: &Told<'_>) -> Value {
    let mut end = json!({
        "model": repeated(told, "/model", told.model),
        "created_at": repeated(told, "/created_at", ""),
        "done": true,
        "done_reason": "length",
        "prompt_eval_count": told.input_tokens,
        "eval_count": told.output_tokens,
    });
    // Chats answer with messages, the older generation with a text.
    let (key, value) = match told.last.get("response") {
        Some(_) => ("response", json!("")),
        None => ("message", json!({"role": "assistant", "content": ""})),
    };
    if let Some(end) = end.as_object_mut() {
        end.insert(key.to_owned(), value);
    }
    end
}

fn converse(told: &Told<'_>) -> Vec<u8> {
    let block = json!({"contentBlockIndex": repeated(told, "/contentBlockIndex", 0)});
    let usage = json!({
        "inputTokens": told.input_tokens,
        "outputTokens": told.output_tokens,
        "totalTokens": told.input_tokens.saturating_add(told.output_tokens),
    });
    [
        ("contentBlockStop", block),
        ("messageStop", json!({"stopReason": "max_tokens"})),
        ("metadata", json!({"usage": usage, "metrics": {"latencyMs": 0}})),
    ]
    .iter()
    .flat_map(|(kind, document)| frame(kind, document.to_string().as_bytes()))
    .collect()
}

/// One event of AWS's event stream.
fn frame(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in
        [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")]
    {
        const STRING: u8 = 7;
        headers.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.extend_from_slice(name.as_bytes());
        headers.push(STRING);
        headers.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    // Two lengths and their checksum before, a checksum behind.
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let total = headers.len().saturating_add(payload.len()).saturating_add(16);
    let mut frame = [length(total), length(headers.len())].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend_from_slice(payload);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}
