//! OpenAI's embeddings, and those of everybody who is compatible with them.
//! <https://platform.openai.com/docs/api-reference/embeddings> (read November 2026)

use super::{
    cost,
    disjoint::{Counts, add, add_some},
    errors,
    format::{ErrorShape, Format},
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::ResponseFacts,
    want::{large, latest, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = Format {
    name: "openai-embeddings",
    operation: "embeddings",
    error: ErrorShape::OpenAi,
    takes_usage_option: false,
    tells_its_end: false,
    request: &[value("model")],
    read_request,
    answer: &[value("model"), latest("usage", 4 * 1024), large("error", 64 * 1024)],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "service_tier");
    // Nothing is generated.
    facts.output_tokens_max = Some(0);
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.take_model(document, "model");
    errors::read_within(document, "error", facts);
    facts.keep(document, "usage");
}

fn count(facts: &mut ResponseFacts) {
    let raw = facts.kept("usage");
    let (counts, cost) = (Counts::parse(raw), raw.and_then(cost::of_usage));
    // Some count the total alone.
    let prompt = counts.at("/prompt_tokens").or_else(|| counts.at("/total_tokens"));
    facts.usage = prompt.map(|prompt| {
        let mut usage = Usage { complete: true, ..Usage::default() };
        let images = counts.at("/prompt_tokens_details/image_tokens").map(|images| images.min(prompt));
        add(&mut usage, Meter::Input, prompt.saturating_sub(images.unwrap_or(0)));
        add_some(&mut usage, Meter::ImageIn, images);
        usage
    });
    facts.provider_cost = cost;
}
