//! Cohere's embed and rerank.
//! <https://docs.cohere.com/reference/rerank> (read November 2026)

use super::{
    cohere,
    disjoint::Counts,
    format::{ErrorShape, Format},
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::ResponseFacts,
    want::{Want, latest, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const EMBED: Format = format("cohere-embed", "embeddings");
pub(super) const RERANK: Format = format("cohere-rerank", "rerank");

const REQUEST: &[Want] = &[value("model")];
const ANSWER: &[Want] = &[latest("meta", 4 * 1024), latest("usage", 4 * 1024)];

const fn format(name: &'static str, operation: &'static str) -> Format {
    Format {
        name,
        operation,
        error: ErrorShape::Cohere,
        takes_usage_option: false,
        tells_its_end: false,
        request: REQUEST,
        read_request,
        answer: ANSWER,
        read_answer,
        count,
    }
}

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    facts.output_tokens_max = Some(0);
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.keep(document, "meta");
    facts.keep(document, "usage");
}

fn count(facts: &mut ResponseFacts) {
    // Voyage, Jina and Together answer at the same paths, and bill tokens.
    let total = Counts::parse(facts.kept("usage")).at("/total_tokens");
    facts.usage = cohere::usage(&Counts::parse(facts.kept("meta"))).or_else(|| {
        let units = [(Meter::Input, total?)].into();
        Some(Usage { units, complete: true, ..Usage::default() })
    });
}
