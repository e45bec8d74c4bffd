//! The recordings under `tests/recordings/`: bodies as providers send them, with what Bursar must make of each.
//! Written for these tests in the providers' real formats; filter tests and suite read the same files.

use crate::{call::Call, places};
use hyper::{Method, body::Bytes};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};

/// One recorded answer, and the request it is for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Why this case is there.
    pub about: String,
    /// The request's method; POST where it is not named.
    #[serde(default)]
    pub method: Option<String>,
    /// The request's `:authority`.
    pub host: String,
    /// The request's path, with its query.
    pub path: String,
    /// The type of the request's body, where it is not JSON.
    #[serde(default)]
    pub request_content_type: Option<String>,
    /// The request's body: JSON, or of another type the text itself.
    pub request: Value,
    /// The answer's status.
    pub status: u16,
    /// The answer's content type.
    pub content_type: String,
    /// Further headers of the answer.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What Bursar must read from it.
    pub expected: Expected,
    /// The answer's body, from the file beside.
    #[serde(skip)]
    pub body: Bytes,
}

/// What Bursar must read from a recording.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Units per meter, disjoint; a meter that is not named was not counted or is zero. Where the usage is mixed or
    /// estimated, only what Bursar must know all the same.
    pub tokens: BTreeMap<String, u64>,
    /// reported, estimated, mixed or none.
    pub usage_source: String,
    /// The provider's name, where the host tells it.
    #[serde(default)]
    pub provider: Option<String>,
    /// The model that was asked for, where it is not `model` in the request's JSON.
    #[serde(default)]
    pub request_model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// One per answer.
    pub finish_reasons: Vec<String>,
    /// What the call was worth.
    pub outcome: String,
    /// The provider's error type, where it sent one.
    #[serde(default)]
    pub error_type: Option<String>,
    /// The tier that was served, where it says.
    #[serde(default)]
    pub service_tier: Option<String>,
    /// What the provider says it costs, in USD.
    #[serde(default)]
    pub provider_cost_usd: Option<String>,
}

/// Types of an answer that comes in pieces.
const STREAMS: [&str; 4] = [
    "text/event-stream",
    "application/x-ndjson",
    "application/stream+json",
    "application/vnd.amazon.eventstream",
];
/// Calls that answer in pieces, whatever their type.
const STREAMING_CALLS: [&str; 4] =
    [":streamGenerateContent", ":streamRawPredict", "/converse-stream", "/invoke-with-response-stream"];

impl Recording {
    /// By its name, `openai-chat/case`.
    pub fn read(name: &str) -> Self {
        let place = places::root().join("tests/recordings").join(name);
        let json = fs::read(place.with_extension("json")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut recording: Self =
            serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{name}.json: {error}"));
        let body = fs::read(place.with_extension("body")).unwrap_or_else(|error| panic!("{name}: {error}"));
        recording.body = body.into();
        recording
    }

    /// The names of all of a dialect, sorted.
    pub fn names(dialect: &str) -> Vec<String> {
        let place = places::root().join("tests/recordings").join(dialect);
        let files = fs::read_dir(place).expect("recordings of this dialect").flatten();
        let name = |file: fs::DirEntry| Some(file.file_name().to_str()?.strip_suffix(".json")?.to_owned());
        let mut names: Vec<String> = files.filter_map(name).map(|case| format!("{dialect}/{case}")).collect();
        names.sort();
        names
    }

    /// The names of the dialects that have recordings, sorted.
    pub fn dialects() -> Vec<String> {
        let files = fs::read_dir(places::root().join("tests/recordings")).expect("recordings").flatten();
        let mut names: Vec<String> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// The request, as an application sends it.
    pub fn call(&self) -> Call {
        let method = self.method.as_deref().map_or(Ok(Method::POST), str::parse);
        let call = Call::new(method.expect("a method"), &self.path).header("host", &self.host);
        match (&self.request_content_type, &self.request) {
            (Some(kind), Value::String(text)) => call.raw(kind, text.clone()),
            (None, Value::Null) => call,
            (None, body) => call.json(body.clone()),
            (Some(kind), _) => panic!("a request of {kind} must be a text"),
        }
    }

    /// Whether the answer comes in pieces.
    pub fn is_stream(&self) -> bool {
        let typed = STREAMS.iter().any(|kind| self.content_type.starts_with(kind));
        typed || STREAMING_CALLS.iter().any(|call| self.path.contains(call)) && self.status < 400
    }

    /// Whether the request asks for a stream.
    pub fn asks_for_stream(&self) -> bool {
        let in_form = self.request.as_str().is_some_and(|form| form.contains("name=\"stream\"\r\n\r\ntrue"));
        self.is_stream()
            || in_form
            || self.request["stream"] == json!(true)
            || STREAMING_CALLS.iter().any(|call| self.path.contains(call))
    }

    /// The model that was asked for.
    pub fn request_model(&self) -> Option<&str> {
        self.expected.request_model.as_deref().or_else(|| self.request["model"].as_str())
    }
}
