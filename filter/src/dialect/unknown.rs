//! A request to a metered provider in a format that nobody here knows: counted, and never silent.

use super::format::{ErrorShape, Format};
use crate::{json_scan::Scanner, request::RequestFacts, response::ResponseFacts, want::value};

pub(super) const FORMAT: Format = Format {
    name: "unknown",
    operation: "unknown",
    error: ErrorShape::OpenAi,
    takes_usage_option: false,
    tells_its_end: false,
    request: &[value("model"), value("stream")],
    read_request,
    answer: &[],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    facts.stream = request.is_true("stream");
}

fn read_answer(_: &Scanner, _: &mut ResponseFacts) {}

fn count(_: &mut ResponseFacts) {}
