//! Embeddings of Gemini and Vertex, which often tell no usage.
//! <https://ai.google.dev/api/embeddings> (read November 2026)

use super::{
    disjoint::{Counts, add},
    errors,
    format::{ErrorShape, Format},
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::ResponseFacts,
    want::{large, latest, sum, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = Format {
    name: "gemini-embeddings",
    operation: "embeddings",
    error: ErrorShape::Google,
    takes_usage_option: false,
    tells_its_end: false,
    request: &[value("model")],
    read_request,
    answer: &[
        latest("usageMetadata", 4 * 1024),
        // Vertex's `:predict` counts each text.
        sum(TEXTS),
        large("error", 64 * 1024),
    ],
    read_answer,
    count,
};

const TEXTS: &str = "predictions[].embeddings.statistics.token_count";

fn read_request(_: &Scanner, facts: &mut RequestFacts) {
    facts.output_tokens_max = Some(0);
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    errors::read_within(document, "error", facts);
    facts.keep(document, "usageMetadata");
    if let Some(sum) = document.count(TEXTS) {
        facts.count_of_body(Meter::Input, sum);
    }
}

fn count(facts: &mut ResponseFacts) {
    let counts = Counts::parse(facts.kept("usageMetadata"));
    let prompt = counts.at("/promptTokenCount").or_else(|| counts.at("/totalTokenCount"));
    facts.usage = prompt.map(|prompt| {
        let mut usage = Usage { complete: true, ..Usage::default() };
        add(&mut usage, Meter::Input, prompt);
        usage
    });
}
