//! Gemini, by itself and as Vertex AI serves it.

use super::{Answer, Api, Asked, Script};
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(super) const GENERATE: Api = Api { answer: generate, error, error_in_stream };
pub(super) const INTERACTIONS: Api =
    Api { answer: interaction, error, error_in_stream: error_of_interaction };
pub(super) const EMBED: Api = Api { answer: embed, error, error_in_stream };

const JSON: &str = "application/json; charset=UTF-8";

fn generate(asked: &Asked, script: &Script) -> Answer {
    let usage = |output: u64| {
        asked.usage(
            script,
            json!({
                "promptTokenCount": asked.prompt_tokens, "candidatesTokenCount": output,
                "totalTokenCount": asked.prompt_tokens + output,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": asked.prompt_tokens}],
            }),
        )
    };
    let answer = |text: &str, finish: Option<&str>, usage: Option<Value>| {
        let content = json!({"parts": [{"text": text}], "role": "model"});
        let mut candidate = json!({"content": content, "index": 0});
        if let Some(finish) = finish {
            candidate["finishReason"] = finish.into();
        }
        let mut answer = json!({"candidates": [candidate]});
        if let Some(usage) = usage {
            answer["usageMetadata"] = usage;
        }
        (answer["modelVersion"], answer["responseId"]) = (json!(asked.model), json!("c2ltdWxhdGVk"));
        answer
    };
    let reason = Some(script.finish_reason("STOP"));
    if asked.path.ends_with(":generateContent") {
        return Answer::whole(
            JSON,
            format!("{:#}\n", answer(&asked.text(script), reason, usage(asked.tokens))),
        );
    }
    let mut answers: Vec<Value> =
        (1..).zip(asked.deltas(script)).map(|(count, token)| answer(token, None, usage(count))).collect();
    answers.push(answer("", reason, usage(asked.tokens)));
    if asked.query.split('&').any(|pair| pair == "alt=sse") {
        return Answer::stream("text/event-stream", answers.iter().map(event).collect());
    }
    let element = |(number, answer): (usize, &Value)| {
        let before = if number == 0 { "[" } else { "\n,\r\n" };
        let after = if number + 1 == answers.len() { "\n]" } else { "" };
        Bytes::from(format!("{before}{answer:#}{after}"))
    };
    Answer::stream(JSON, answers.iter().enumerate().map(element).collect())
}

fn event(answer: &Value) -> Bytes {
    format!("data: {answer}\r\n\r\n").into()
}

fn embed(asked: &Asked, script: &Script) -> Answer {
    let vector = json!({"values": [0.5, -0.25, 0.125]});
    let vectors = asked.body["requests"].as_array().map_or(1, Vec::len);
    let mut body = match asked.path.rsplit(':').next() {
        Some("embedContent") => json!({"embedding": vector}),
        Some("predict") => {
            let statistics = json!({"truncated": false, "token_count": asked.prompt_tokens});
            json!({"predictions": [{"embeddings": {"statistics": statistics, "values": vector["values"]}}]})
        }
        _ => json!({"embeddings": vec![vector; vectors]}),
    };
    let told = asked.usage(script, json!({"promptTokenCount": asked.prompt_tokens}));
    if let (false, Some(told)) = (asked.path.ends_with(":predict"), told) {
        body["usageMetadata"] = told;
    }
    Answer::whole(JSON, format!("{body:#}\n"))
}

fn interaction(asked: &Asked, script: &Script) -> Answer {
    let usage = asked.usage(
        script,
        json!({
            "total_tokens": asked.prompt_tokens + asked.tokens, "total_input_tokens": asked.prompt_tokens,
            "total_cached_tokens": 0, "total_output_tokens": asked.tokens, "total_tool_use_tokens": 0,
            "total_thought_tokens": 0,
        }),
    );
    let mut whole = json!({"id": "v1_simulated", "status": script.finish_reason("completed"),
        "object": "interaction", "model": asked.model});
    if let Some(usage) = usage {
        whole["usage"] = usage;
    }
    if !asked.stream {
        whole["outputs"] = json!([{"type": "text", "text": asked.text(script)}]);
        return Answer::whole(JSON, whole.to_string());
    }
    let begin =
        json!({"id": "v1_simulated", "status": "in_progress", "object": "interaction", "model": asked.model});
    let mut events = vec![named(json!({"interaction": begin, "event_type": "interaction.created"}))];
    let delta =
        |text| json!({"index": 0, "delta": {"text": text, "type": "text"}, "event_type": "step.delta"});
    events.extend(asked.deltas(script).map(|token| named(delta(token))));
    events.push(named(json!({"interaction": whole, "event_type": "interaction.completed"})));
    events.push(Bytes::from_static(b"event: done\ndata: [DONE]\n\n"));
    Answer::stream("text/event-stream", events)
}

/// Named after its `event_type`.
fn named(event: Value) -> Bytes {
    let name = event["event_type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {event}\n\n").into()
}

fn error_of_interaction(kind: &str, message: &str) -> Bytes {
    let mut event = error(503, kind, message);
    event["event_type"] = json!("error");
    named(event)
}

fn error(status: u16, kind: &str, message: &str) -> Value {
    json!({"error": {"code": status, "message": message, "status": kind}})
}

fn error_in_stream(kind: &str, message: &str) -> Bytes {
    event(&error(503, kind, message))
}
