//! OpenAI's moderations, which are free.
//! <https://platform.openai.com/docs/api-reference/moderations> (read November 2026)

use super::format::{ErrorShape, Format};
use crate::{json_scan::Scanner, request::RequestFacts, response::ResponseFacts, want::value};

pub(super) const FORMAT: Format = Format {
    name: "openai-moderations",
    operation: "moderation",
    error: ErrorShape::OpenAi,
    takes_usage_option: false,
    tells_its_end: false,
    request: &[value("model")],
    read_request,
    answer: &[value("model")],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    facts.output_tokens_max = Some(0);
    facts.free = true;
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.take_model(document, "model");
}

fn count(facts: &mut ResponseFacts) {
    facts.free = true;
}
