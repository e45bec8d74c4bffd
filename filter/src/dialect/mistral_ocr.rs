//! Mistral's reading of documents, billed by the page.
//! <https://docs.mistral.ai/api/#tag/ocr> (read November 2026)

use super::{
    disjoint::Counts,
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
    name: "mistral-ocr",
    operation: "ocr",
    error: ErrorShape::OpenAi,
    takes_usage_option: false,
    tells_its_end: false,
    request: &[value("model")],
    read_request,
    answer: &[value("model"), latest("usage_info", 4 * 1024), large("error", 64 * 1024)],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    facts.output_tokens_max = Some(0);
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.take_model(document, "model");
    facts.keep(document, "usage_info");
    errors::read_within(document, "error", facts);
}

fn count(facts: &mut ResponseFacts) {
    let pages = Counts::parse(facts.kept("usage_info")).at("/pages_processed");
    facts.usage = pages.map(|pages| Usage {
        units: [(Meter::Pages, pages)].into(),
        complete: true,
        ..Usage::default()
    });
}
