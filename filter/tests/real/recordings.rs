//! Real providers' answers that lie beside the repository and not in it; without them, tests say so and check nothing.

use filter::{
    config::Config,
    dialect,
    head::Headers,
    request::RequestReader,
    response::{Expected, ResponseFacts, ResponseReader},
};
use serde_json::Value;
use std::{fs, path::PathBuf};

/// One answer.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) api: String,
    /// What its file says of it.
    pub(crate) about: Value,
    pub(crate) body: Vec<u8>,
}

/// All of them.
pub(crate) fn recordings() -> Vec<Recording> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings");
    let Ok(index) = fs::read(root.join("index.json")) else {
        eprintln!("SKIPPED: no recordings of real providers at {}", root.display());
        return Vec::new();
    };
    let index: Value = serde_json::from_slice(&index).unwrap();
    let names = ["real", "derived"].into_iter().flat_map(|kind| index[kind].as_array().unwrap());
    names
        .map(|name| {
            let name = name.as_str().unwrap().to_owned();
            let about: Value = serde_json::from_slice(
                &fs::read(root.join(&name).with_extension("json"))
                    .unwrap_or_else(|_| fs::read(root.join(format!("{name}.json"))).unwrap()),
            )
            .unwrap();
            let body = fs::read(root.join(format!("{name}.body"))).unwrap();
            let api = about["api"].as_str().unwrap().to_owned();
            Recording { name, api, about, body }
        })
        .collect()
}

/// What the reader expects of the answer, or `None` where this is no call.
pub(crate) fn expected(recording: &Recording) -> Option<Expected> {
    let text = |key: &str, default: &str| recording.about[key].as_str().unwrap_or(default).to_owned();
    let (host, path) = (text("request_host", "localhost"), text("request_path", "/"));
    let is_fetched = path.contains("/responses/resp_");
    let method = text("request_method", if is_fetched { "GET" } else { "POST" });
    let pairs: &[(&[u8], &[u8])] =
        &[(b":method", method.as_bytes()), (b":authority", host.as_bytes()), (b":path", path.as_bytes())];
    let headers = Headers::new(pairs);
    let detected = dialect::detect(&Config::parse(b"").unwrap(), &headers, None)?;
    let dialect = detected.dialect;
    let mut request = RequestReader::new(detected, &headers);
    request.read(recording.about["request_body"].to_string().as_bytes());
    let facts = request.facts();
    let several = facts.answers.is_some_and(|answers| answers > 1);
    Some(Expected { dialect, stream: facts.stream, json: false, several, usage_injected: false })
}

/// Reads an answer that comes in these pieces.
pub(crate) fn read<'a>(
    recording: &Recording,
    expected: Expected,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> ResponseFacts {
    let about = &recording.about;
    let status = about["status"].to_string();
    let mut pairs: Vec<(&[u8], &[u8])> = vec![(b":status", status.as_bytes())];
    let head = about["response_headers"].as_object().cloned().unwrap_or_default();
    let content_type = about["content_type"].as_str().unwrap_or("");
    pairs.push((b"content-type", content_type.as_bytes()));
    // Most bodies were recorded without their encoding.
    let is_gzip = recording.body.starts_with(b"\x1f\x8b");
    let is_told = |name: &str| name != "content-type" && (is_gzip || name != "content-encoding");
    if is_gzip {
        pairs.push((b"content-encoding", b"gzip"));
    }
    let told = head.iter().filter(|(name, _)| is_told(name));
    for (name, value) in told {
        pairs.push((name.as_bytes(), value.as_str().unwrap_or("").as_bytes()));
    }
    let mut reader = ResponseReader::new(expected, &Headers::new(&pairs));
    for piece in pieces {
        assert_eq!(reader.read(piece, false), None, "{}: nothing is changed", recording.name);
    }
    assert_eq!(reader.read(&[], true), None);
    reader.into_facts()
}
