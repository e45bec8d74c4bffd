//! Reads a request body as it arrives, as far as admission needs it, and rewrites what must be rewritten.

use crate::{dialect::Dialect, estimate, json_scan::Scanner};
use serde_json::{Map, Value};

/// No model reads or generates as many tokens. A larger number is a client's mistake, and must not make an event
/// that the control plane cannot believe.
const TOKENS_MAX: u64 = 1 << 40;

/// Reads one request body.
#[derive(Debug)]
pub struct RequestReader {
    dialect: Dialect,
    scanner: Scanner,
    bytes: u64,
    content_length: Option<u64>,
}

/// What a request asks for, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// The model.
    pub model: Option<Box<str>>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The tier.
    pub tier: Option<Box<str>>,
    /// The output limit over all answers.
    pub output_tokens_max: Option<u64>,
    /// The prompt's size in tokens, estimated.
    pub input_tokens_estimate: u64,
    /// Whether the whole body was read.
    pub whole: bool,
}

impl RequestReader {
    /// Begins with what the head says of the body's length.
    pub fn new(dialect: Dialect, content_length: Option<u64>) -> Self {
        Self { dialect, scanner: Scanner::new(dialect.request_wants()), bytes: 0, content_length }
    }

    /// Takes the next piece.
    pub fn read(&mut self, piece: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        self.scanner.feed(piece);
    }

    /// Whether the head says that the body is longer than that.
    pub fn is_longer_than(&self, bytes: usize) -> bool {
        self.content_length.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > bytes))
    }

    /// What is known so far.
    pub fn facts(&self) -> RequestFacts {
        // A body that is not whole yet is at least as long as its head says.
        let bytes = self.bytes.max(self.content_length.unwrap_or(0));
        let text = |key| self.scanner.text(key).filter(|text| text.len() <= protocol::ids::NAME_BYTES_MAX);
        RequestFacts {
            model: text("model").map(Into::into),
            stream: self.scanner.last("stream").is_some_and(|found| found.value == b"true"),
            tier: text("service_tier").map(Into::into),
            output_tokens_max: self.dialect.output_tokens_max(&self.scanner).map(|max| max.min(TOKENS_MAX)),
            input_tokens_estimate: estimate::tokens_of_bytes(bytes).min(TOKENS_MAX),
            whole: self.scanner.ended(),
        }
    }

    /// The whole body with usage asked for, where it streams and does not ask by itself. `None`: it stays as it is.
    pub fn with_usage_asked(&self, body: &[u8]) -> Option<Vec<u8>> {
        if !self.facts().stream || !self.scanner.ended() || self.dialect.refuses_usage_option(&self.scanner) {
            return None;
        }
        let options = self.scanner.last("stream_options");
        let mut merged: Map<String, Value> = match options.map(|found| serde_json::from_slice(&found.value)) {
            None | Some(Ok(Value::Null)) => Map::new(),
            Some(Ok(Value::Object(options))) => options,
            // The provider will refuse it; that is between the two.
            Some(_) => return None,
        };
        if merged.get("include_usage") == Some(&Value::Bool(true)) {
            return None;
        }
        merged.insert("include_usage".to_owned(), Value::Bool(true));
        let merged = Value::Object(merged).to_string();
        let (before, written, after) = match options {
            Some(found) => {
                let (start, end) = (usize::try_from(found.start).ok()?, usize::try_from(found.end).ok()?);
                (body.get(..start)?, merged, body.get(end..)?)
            }
            None => {
                let brace = body.iter().position(|byte| *byte == b'{')?.checked_add(1)?;
                (body.get(..brace)?, format!("\"stream_options\":{merged},"), body.get(brace..)?)
            }
        };
        Some([before, written.as_bytes(), after].concat())
    }
}

#[cfg(test)]
mod tests;
