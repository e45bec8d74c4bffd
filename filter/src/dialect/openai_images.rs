//! OpenAI's images. The newer models are billed by tokens and tell them; the older ones by image.
//! <https://platform.openai.com/docs/api-reference/images> (read November 2026)

use super::{
    disjoint::{Counts, split},
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
    name: "openai-images",
    operation: "image_generation",
    error: ErrorShape::OpenAi,
    takes_usage_option: false,
    tells_its_end: false,
    request: &[value("model"), value("n"), value("stream")],
    read_request,
    answer: &[value("type"), latest("usage", 4 * 1024), large("error", 64 * 1024)],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    facts.stream = request.is_true("stream");
    facts.images = Some(request.count("n").unwrap_or(1));
    facts.makes_images = true;
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.keep(document, "usage");
    if document.text("type").is_some_and(|kind| kind.ends_with(".completed")) {
        facts.end();
    }
    errors::read_within(document, "error", facts);
}

fn count(facts: &mut ResponseFacts) {
    let counts = Counts::parse(facts.kept("usage"));
    let mut usage = Usage { complete: true, ..Usage::default() };
    if let Some(input) = counts.at("/input_tokens") {
        split(
            &mut usage,
            Meter::Input,
            input,
            [(Meter::ImageIn, counts.at("/input_tokens_details/image_tokens"))],
        );
    }
    if let Some(output) = counts.at("/output_tokens") {
        // What it writes on the way is text, where it says so.
        let text = counts.at("/output_tokens_details/text_tokens");
        split(&mut usage, Meter::ImageOut, output, [(Meter::Output, text)]);
    }
    facts.usage = (!usage.units.is_empty()).then_some(usage);
}
