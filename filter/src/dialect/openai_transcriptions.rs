//! OpenAI's transcriptions and translations: a form with a file goes in, text comes out. Models are billed by tokens or
//! by seconds; an answer in plain text or subtitles tells neither.
//! <https://platform.openai.com/docs/api-reference/audio> (read November 2026)

use super::{
    disjoint::{Counts, add_some, split},
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
    name: "openai-transcriptions",
    operation: "transcription",
    error: ErrorShape::OpenAi,
    takes_usage_option: false,
    tells_its_end: false,
    request: &[value("model"), value("stream")],
    read_request,
    answer: &[
        value("type"),
        latest("usage", 4 * 1024),
        large("error", 64 * 1024),
        text("delta", TextKind::Content),
        text("text", TextKind::Whole),
    ],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    facts.stream = request.is_true("stream");
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.keep(document, "usage");
    if document.text("type").as_deref() == Some("transcript.text.done") {
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
            [(Meter::AudioIn, counts.at("/input_token_details/audio_tokens"))],
        );
    }
    if let Some(output) = counts.at("/output_tokens") {
        split(&mut usage, Meter::Output, output, []);
    }
    add_some(&mut usage, Meter::AudioSeconds, counts.at("/seconds"));
    facts.usage = (!usage.units.is_empty()).then_some(usage);
}
