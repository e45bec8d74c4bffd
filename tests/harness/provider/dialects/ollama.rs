//! Ollama's own API: chat, generate, embed.

use super::{Answer, Api, Asked, Script};
use crate::provider::framing::line;
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(super) const OLLAMA: Api = Api { answer, error, error_in_stream };

fn answer(asked: &Asked, script: &Script) -> Answer {
    if asked.path.ends_with("/embed") {
        let count = asked.body["input"].as_array().map_or(1, Vec::len);
        let vectors = vec![json!([0.5, -0.25, 0.125]); count];
        let body =
            json!({"model": asked.model, "embeddings": vectors, "prompt_eval_count": asked.prompt_tokens});
        return Answer::json(&body);
    }
    let piece = |text: &str, done: bool| {
        let mut piece = json!({"model": asked.model, "created_at": "2026-09-21T12:00:00Z", "done": done});
        match asked.path.ends_with("/chat") {
            true => piece["message"] = json!({"role": "assistant", "content": text}),
            false => piece["response"] = text.into(),
        }
        piece
    };
    let end = |text: &str| {
        let mut end = piece(text, true);
        end["done_reason"] = script.finish_reason("stop").into();
        let told = json!({"prompt_eval_count": asked.prompt_tokens, "eval_count": asked.tokens});
        if let (Some(end), Some(Value::Object(told))) = (end.as_object_mut(), asked.usage(script, told)) {
            end.extend(told);
        }
        end
    };
    // It streams unless it is told not to.
    if asked.body["stream"] == false {
        return Answer::whole("application/json; charset=utf-8", end(&asked.text(script)).to_string());
    }
    let mut lines: Vec<Bytes> = asked.deltas(script).map(|token| line(&piece(token, false))).collect();
    lines.push(line(&end("")));
    Answer::stream("application/x-ndjson", lines)
}

fn error(_status: u16, _kind: &str, message: &str) -> Value {
    json!({"error": message})
}

fn error_in_stream(_kind: &str, message: &str) -> Bytes {
    line(&json!({"error": message}))
}
