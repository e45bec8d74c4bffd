//! OpenAI's speech: text goes in, audio comes out. The audio tells no usage; the text is billed by its characters. As
//! events, the last one tells tokens.
//! <https://platform.openai.com/docs/api-reference/audio/createSpeech> (read November 2026)

use super::{
    disjoint::{Counts, split},
    errors,
    format::{ErrorShape, Format},
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::ResponseFacts,
    want::{TextKind, large, latest, text, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = Format {
    name: "openai-speech",
    operation: "speech",
    error: ErrorShape::OpenAi,
    takes_usage_option: false,
    tells_its_end: false,
    request: &[value("model"), value("stream_format"), text("input", TextKind::Spoken)],
    read_request,
    answer: &[value("type"), latest("usage", 4 * 1024), large("error", 64 * 1024)],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    facts.stream = request.text("stream_format").as_deref() == Some("sse");
    facts.bills_characters = true;
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.keep(document, "usage");
    if document.text("type").as_deref() == Some("speech.audio.done") {
        facts.end();
    }
    errors::read_within(document, "error", facts);
}

fn count(facts: &mut ResponseFacts) {
    let counts = Counts::parse(facts.kept("usage"));
    let mut usage = Usage { complete: true, ..Usage::default() };
    if let Some(input) = counts.at("/input_tokens") {
        split(&mut usage, Meter::Input, input, []);
    }
    if let Some(output) = counts.at("/output_tokens") {
        split(&mut usage, Meter::AudioOut, output, []);
    }
    facts.usage = (!usage.units.is_empty()).then_some(usage);
}
