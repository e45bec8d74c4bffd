//! Which API a path belongs to. One file per family of APIs; each makes an answer that depends on the request, and
//! the errors that its real provider would send.

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod ollama;
mod openai;
mod openai_others;
mod openai_responses;

use super::{asked::Asked, script::Script};
use hyper::body::Bytes;
use serde_json::Value;

/// The time that every answer was "created" at; answers do not depend on the clock.
const CREATED: u64 = 1_790_000_000;
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream; charset=utf-8";

/// An answer, in the pieces in which it is sent.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) content_type: &'static str,
    pub(super) pieces: Vec<Bytes>,
    pub(super) streamed: bool,
}

impl Answer {
    fn json(body: &Value) -> Self {
        Self::whole(JSON, format!("{body:#}\n"))
    }

    fn whole(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { content_type, pieces: vec![body.into()], streamed: false }
    }

    fn stream(content_type: &'static str, pieces: Vec<Bytes>) -> Self {
        Self { content_type, pieces, streamed: true }
    }
}

/// One API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Api {
    /// The answer to a request.
    pub(super) answer: fn(&Asked, &Script) -> Answer,
    /// The body of an HTTP error: its status, its kind and its text.
    pub(super) error: fn(u16, &str, &str) -> Value,
    /// The same as a piece of a stream that has begun.
    pub(super) error_in_stream: fn(&str, &str) -> Bytes,
}

/// The API that is served at a path.
pub(super) fn at(path: &str) -> Option<Api> {
    let path = path.split('?').next().unwrap_or_default();
    let call = path.rsplit([':', '/']).next().unwrap_or_default();
    let in_model = path.contains("/model/");
    Some(match call {
        _ if path.ends_with("/chat/completions") => openai::CHAT,
        "completions" => openai_others::COMPLETIONS,
        "responses" => openai_responses::RESPONSES,
        "embeddings" => openai_others::EMBEDDINGS,
        "moderations" => openai_others::MODERATIONS,
        "generations" | "edits" => openai_others::IMAGES,
        "transcriptions" | "translations" => openai_others::TRANSCRIPTION,
        "speech" => openai_others::SPEECH,
        "messages" | "rawPredict" | "streamRawPredict" => anthropic::MESSAGES,
        "generateContent" | "streamGenerateContent" => gemini::GENERATE,
        "embedContent" | "batchEmbedContents" | "predict" => gemini::EMBED,
        "interactions" => gemini::INTERACTIONS,
        "converse" | "converse-stream" if in_model => bedrock::CONVERSE,
        "invoke" | "invoke-with-response-stream" if in_model => bedrock::INVOKE,
        "chat" | "generate" | "embed" if path.starts_with("/api/") => ollama::OLLAMA,
        "chat" => cohere::CHAT,
        "embed" => cohere::EMBED,
        "rerank" => cohere::RERANK,
        _ => return None,
    })
}

/// The error of a path where nothing is served, and of a script that cannot be read.
pub(super) fn error(status: u16, kind: &str, message: &str) -> Value {
    (openai::CHAT.error)(status, kind, message)
}
