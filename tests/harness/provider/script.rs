//! What a test asks the simulated provider to do with one request: JSON in one header. Everything has a default, and
//! the same request gets the same answer, to the byte.

pub use super::encoding::Encoding;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The header.
pub const HEADER: &str = "x-sim-script";

/// One request's script.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// The HTTP status. From 400 on the body is an error object.
    pub status: u16,
    /// Answers this HTML instead of JSON.
    pub html: Option<String>,
    /// The error's type, in the words of the API that is called.
    pub error: String,
    /// Fails with 503 while Envoy's attempt count is not above this.
    pub fail_attempts: u32,
    /// Of an attempt after so many, by Envoy's count, all is well: neither its status nor how it begins is scripted.
    pub well_after_attempts: Option<u32>,
    /// Answers 422 to requests with this key.
    pub refuses: Option<String>,
    /// Headers of the answer.
    pub headers: BTreeMap<String, String>,
    /// Generated tokens; by default the request's output limit, at most 16.
    pub tokens: Option<u64>,
    /// The text of every generated token.
    pub token: String,
    /// Prompt tokens; by default a quarter of the prompt's bytes.
    pub prompt_tokens: Option<u64>,
    /// Replaces the usage object, however wrong.
    pub usage: Option<Value>,
    /// Leaves usage out although it was asked for.
    pub no_usage: bool,
    /// The model that answers; by default the one that was asked for.
    pub served_model: Option<String>,
    /// The finish reason; by default the one of a regular end.
    pub finish_reason: Option<String>,
    /// Waits before the head.
    pub head_delay_ms: u64,
    /// Waits before each chunk of a stream.
    pub delay_ms: u64,
    /// Cuts the body into writes of so many bytes.
    pub split_bytes: usize,
    /// Breaks the connection instead of sending a head.
    pub reset_before_head: bool,
    /// Breaks the connection after so many chunks (of a unary body: in its middle).
    pub reset_after: Option<usize>,
    /// Never sends a head.
    pub hang_before_head: bool,
    /// Sends nothing any more after so many chunks (of a unary body: in its middle).
    pub hang_after: Option<usize>,
    /// Sends an error object inside the stream after so many chunks, and ends it.
    pub error_after: Option<usize>,
    /// Compresses the body although nobody asked, with a flush after each event.
    pub encoding: Option<Encoding>,
    /// Replays a recording, `openai-chat/case`, whatever was asked.
    pub recording: Option<String>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            status: 200,
            html: None,
            error: "server_error".to_owned(),
            fail_attempts: 0,
            well_after_attempts: None,
            refuses: None,
            headers: BTreeMap::new(),
            tokens: None,
            token: " moon".to_owned(),
            prompt_tokens: None,
            usage: None,
            no_usage: false,
            served_model: None,
            finish_reason: None,
            head_delay_ms: 0,
            delay_ms: 0,
            split_bytes: usize::MAX,
            reset_before_head: false,
            reset_after: None,
            hang_before_head: false,
            hang_after: None,
            error_after: None,
            encoding: None,
            recording: None,
        }
    }
}

impl Script {
    /// Reads the header's value.
    pub fn parse(header: Option<&[u8]>) -> Result<Self, String> {
        match header {
            Some(bytes) => serde_json::from_slice(bytes).map_err(|error| format!("{HEADER}: {error}")),
            None => Ok(Self::default()),
        }
    }

    /// The script of one attempt.
    pub(super) fn of_attempt(self, attempt: u32) -> Self {
        let well = Self::default();
        match self.well_after_attempts {
            Some(last) if attempt > last => Self {
                status: well.status,
                head_delay_ms: well.head_delay_ms,
                reset_before_head: false,
                hang_before_head: false,
                ..self
            },
            _ => self,
        }
    }

    /// The finish reason, where an API's regular one is this.
    pub(super) fn finish_reason<'a>(&'a self, regular: &'a str) -> &'a str {
        self.finish_reason.as_deref().unwrap_or(regular)
    }
}
