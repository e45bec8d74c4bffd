//! The recordings under `tests/recordings/`: bodies as providers send them, with what Bursar must make of each.
//! Written for these tests in the providers' real formats; filter tests and suite read the same files.

use crate::places;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fs};

/// One recorded answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Why this case is there.
    pub about: String,
    /// The request's body.
    pub request: Value,
    /// The answer's status.
    pub status: u16,
    /// The answer's content type.
    pub content_type: String,
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
    /// Units per meter, disjoint; a meter that is not named was not counted or is zero.
    pub tokens: BTreeMap<String, u64>,
    /// reported, estimated, mixed or none.
    pub usage_source: String,
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
}

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

    /// Whether the answer is a stream.
    pub fn is_stream(&self) -> bool {
        self.content_type.starts_with("text/event-stream")
    }
}
