//! Gemini's interactions.
//! <https://ai.google.dev/api/interactions-api> (read November 2026)

use super::{
    disjoint::{Counts, add, split},
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
    name: "gemini-interactions",
    operation: "chat",
    error: ErrorShape::Google,
    takes_usage_option: false,
    tells_its_end: true,
    request: &[
        value("model"),
        value("agent"),
        value("stream"),
        value("generation_config.max_output_tokens"),
        value("service_tier"),
    ],
    read_request,
    answer: &[
        // The interaction itself.
        value("model"),
        value("agent"),
        value("status"),
        value("service_tier"),
        latest("usage", 16 * 1024),
        large("error", 64 * 1024),
        text("outputs[].text", TextKind::Content),
        // In a stream.
        value("event_type"),
        value("interaction.model"),
        value("interaction.status"),
        value("interaction.service_tier"),
        latest("interaction.usage", 16 * 1024),
        latest("metadata.usage", 16 * 1024),
        text("delta.text", TextKind::Content),
        text("delta.content.text", TextKind::Content),
    ],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "service_tier");
    if facts.model.is_none() {
        facts.take_names(request, "agent", "service_tier");
    }
    facts.stream = request.is_true("stream");
    facts.output_tokens_max = request.count("generation_config.max_output_tokens");
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    for (model, status, tier, usage) in [
        ("model", "status", "service_tier", "usage"),
        ("interaction.model", "interaction.status", "interaction.service_tier", "interaction.usage"),
    ] {
        facts.take_model(document, model);
        facts.take_tier(document, tier);
        facts.keep(document, usage);
        match document.text(status).as_deref() {
            // It runs on, and what it uses comes with a later request, which Bursar does not see: not free, not known.
            Some("queued" | "in_progress") => {}
            Some(status) => {
                facts.finish(status);
                facts.end();
            }
            None => {}
        }
    }
    facts.take_model(document, "agent");
    facts.keep(document, "metadata.usage");
    errors::read_within(document, "error", facts);
}

fn count(facts: &mut ResponseFacts) {
    let kept = ["interaction.usage", "usage", "metadata.usage"].iter().find_map(|path| facts.kept(path));
    facts.usage = usage(&Counts::parse(kept));
}

/// What was cached is inside the input, what was thought beside the output.
fn usage(counts: &Counts<'_>) -> Option<Usage> {
    let (input, output) = (counts.at("/total_input_tokens"), counts.at("/total_output_tokens"));
    let mut usage = Usage { complete: true, ..Usage::default() };
    if let Some(input) = input {
        let of =
            |modality| counts.sum_where("/input_tokens_by_modality", "/modality", &[modality], "/tokens");
        let parts = [
            (Meter::CacheRead, counts.at("/total_cached_tokens")),
            (Meter::AudioIn, of("audio")),
            (Meter::ImageIn, of("image")),
        ];
        split(&mut usage, Meter::Input, input, parts);
    }
    if let Some(tools) = counts.at("/total_tool_use_tokens") {
        add(&mut usage, Meter::Input, tools);
    }
    if let Some(output) = output {
        split(&mut usage, Meter::Output, output, []);
    }
    if let Some(thought) = counts.at("/total_thought_tokens") {
        add(&mut usage, Meter::Reasoning, thought);
    }
    (input.is_some() || output.is_some()).then_some(usage)
}
