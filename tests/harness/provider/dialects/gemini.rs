//! Gemini, by itself and as Vertex AI serves it.

use super::{Answer, Api, Asked, Script};
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(super) const GENERATE: Api = Api { answer: generate, error, error_in_stream };
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

fn error(status: u16, kind: &str, message: &str) -> Value {
    json!({"error": {"code": status, "message": message, "status": kind}})
}

fn error_in_stream(kind: &str, message: &str) -> Bytes {
    event(&error(503, kind, message))
}
