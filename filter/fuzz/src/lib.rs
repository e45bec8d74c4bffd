//! What must hold of the filter whatever bytes come: one function per subject, which panics where it does not. The
//! fuzz targets look for a counterexample, and `filter/tests/regressions.rs` replays those that were found.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a property that does not hold panics, which is how the fuzzer learns of it"
)]

mod coding;
mod framing;
mod input;
mod json;
mod json_tree;
mod request;
mod response;
mod skim;

/// A property, of any bytes.
pub type Property = fn(&[u8]);

/// All of them, by the name of the fuzz target.
pub const PROPERTIES: [(&str, Property); 11] = [
    ("base64", coding::base64),
    ("encoding", coding::encoding),
    ("event_stream", framing::event_stream),
    ("json_array", framing::json_array),
    ("json_check", json::json_check),
    ("json_scan", json::json_scan),
    ("ndjson", framing::ndjson),
    ("request", request::request),
    ("response", response::response),
    ("skim", skim::skim),
    ("sse", framing::sse),
];

/// Checks one property.
pub fn check(name: &str, data: &[u8]) {
    let found = PROPERTIES.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no property is called {name}")).1(data);
}
