//! What there is to say of one wire format. Each dialect's file says it as one `FORMAT`.

use crate::{json_scan::Scanner, request::RequestFacts, response::ResponseFacts, want::Want};

/// One wire format.
#[derive(Debug)]
pub(crate) struct Format {
    /// The dialect's name in configuration, events and metrics.
    pub name: &'static str,
    /// OpenTelemetry's `gen_ai.operation.name`.
    pub operation: &'static str,
    /// How an error looks that the dialect's own SDKs understand.
    pub error: ErrorShape,
    /// Whether a stream tells its usage only if `stream_options.include_usage` asks for it.
    pub takes_usage_option: bool,
    /// Whether an answer always tells that it is over.
    pub tells_its_end: bool,
    /// What matters in a request,
    pub request: &'static [Want],
    /// and what it means.
    pub read_request: fn(&Scanner, &mut RequestFacts),
    /// What matters in an answer: in the body of a unary one, and in each event of a stream,
    pub answer: &'static [Want],
    /// and what it means. What it means depends on the values wanted alone.
    pub read_answer: fn(&Scanner, &mut ResponseFacts),
    /// Makes meters of the usage that was kept, when the answer is over.
    pub count: fn(&mut ResponseFacts),
}

/// The body of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorShape {
    /// `{"error": {"message", "type", "param", "code"}}`
    OpenAi,
    /// `{"type": "error", "error": {"type", "message"}}`
    Anthropic,
    /// `{"error": {"code", "message", "status"}}`
    Google,
    /// `{"message"}`, and the kind in `x-amzn-errortype`.
    Aws,
    /// `{"message"}`
    Cohere,
    /// `{"error": "…"}`
    Ollama,
}
