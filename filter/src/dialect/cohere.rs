//! Cohere's chat, version 2 and 1. What is billed is not what was read: a chat template of ten times its size is free.
//! <https://docs.cohere.com/reference/chat> (read November 2026)

use super::{
    disjoint::{Counts, add_some, split},
    format::{ErrorShape, Format},
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::ResponseFacts,
    want::{TextKind, latest, text, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = Format {
    name: "cohere-chat",
    operation: "chat",
    error: ErrorShape::Cohere,
    takes_usage_option: false,
    tells_its_end: true,
    request: &[value("model"), value("stream"), value("max_tokens"), value("response_format.type")],
    read_request,
    answer: &[
        // The answer itself; version 1 tells the same in a line that repeats all of it.
        value("finish_reason"),
        latest("usage", 4 * 1024),
        latest("meta", 4 * 1024),
        text("message.content[].text", TextKind::Content),
        text("message.content[].thinking", TextKind::Reasoning),
        text("message.tool_plan", TextKind::Reasoning),
        text("message.tool_calls[].function.name", TextKind::Counted),
        text("message.tool_calls[].function.arguments", TextKind::Arguments),
        // In a stream.
        value("type"),
        value("delta.finish_reason"),
        value("delta.error"),
        latest("delta.usage", 4 * 1024),
        latest("response.meta", 4 * 1024),
        text("delta.message.content.text", TextKind::Content),
        text("delta.message.content.thinking", TextKind::Reasoning),
        text("delta.message.tool_plan", TextKind::Reasoning),
        text("delta.message.tool_calls.function.name", TextKind::Counted),
        text("delta.message.tool_calls.function.arguments", TextKind::Arguments),
        text("text", TextKind::Content),
        value("event_type"),
    ],
    read_answer,
    count,
};

const USAGES: [&str; 4] = ["usage", "meta", "delta.usage", "response.meta"];

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    facts.stream = request.is_true("stream");
    facts.output_tokens_max = request.count("max_tokens");
    facts.asks_for_json = request.text("response_format.type").as_deref() == Some("json_object");
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    for reason in ["finish_reason", "delta.finish_reason"] {
        facts.take_finish_reasons(document, reason);
    }
    for usage in USAGES {
        facts.keep(document, usage);
    }
    if document.raw("delta.error").is_some() {
        facts.fail("error");
    }
    let (kind, event) = (document.text("type"), document.text("event_type"));
    if kind.as_deref() == Some("message-end") || event.as_deref() == Some("stream-end") {
        facts.end();
    }
}

fn count(facts: &mut ResponseFacts) {
    facts.usage = USAGES.iter().find_map(|path| usage(&Counts::parse(facts.kept(path))));
}

/// The counts of cached tokens refer to what was read, not to what is billed, so they are none of ours.
pub(super) fn usage(counts: &Counts<'_>) -> Option<Usage> {
    let either = |one, other| counts.at(one).or_else(|| counts.at(other));
    let input = either("/billed_units/input_tokens", "/tokens/input_tokens");
    let output = either("/billed_units/output_tokens", "/tokens/output_tokens");
    let mut usage = Usage { complete: true, ..Usage::default() };
    let images = counts.at("/billed_units/image_tokens");
    match input {
        Some(input) => split(&mut usage, Meter::Input, input, [(Meter::ImageIn, images)]),
        None => add_some(&mut usage, Meter::ImageIn, images),
    }
    if let Some(output) = output {
        split(&mut usage, Meter::Output, output, [(Meter::Reasoning, counts.at("/tokens/reasoning_tokens"))]);
    }
    add_some(&mut usage, Meter::SearchUnits, counts.at("/billed_units/search_units"));
    (!usage.units.is_empty()).then_some(usage)
}
