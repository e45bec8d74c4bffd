//! Ollama's own API: chat, generate and embed, in lines of JSON.
//! <https://github.com/ollama/ollama/blob/main/docs/api.md> (read November 2026)

use super::{
    disjoint::add,
    errors,
    format::{ErrorShape, Format},
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::ResponseFacts,
    want::{TextKind, Want, large, latest, text, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = format("ollama", "chat", read_request);
pub(super) const EMBED: Format = format("ollama-embed", "embeddings", read_embed_request);

const REQUEST: &[Want] =
    &[value("model"), value("stream"), value("options.num_predict"), large("format", 64 * 1024)];
const ANSWER: &[Want] = &[
    value("model"),
    value("done"),
    value("done_reason"),
    latest("prompt_eval_count", 32),
    latest("eval_count", 32),
    large("error", 64 * 1024),
    text("message.content", TextKind::Content),
    text("message.thinking", TextKind::Reasoning),
    text("message.tool_calls[].function.name", TextKind::Counted),
    text("message.tool_calls[].function.arguments", TextKind::Counted),
    text("response", TextKind::Content),
    text("thinking", TextKind::Reasoning),
];

const fn format(
    name: &'static str,
    operation: &'static str,
    read_request: fn(&Scanner, &mut RequestFacts),
) -> Format {
    Format {
        name,
        operation,
        error: ErrorShape::Ollama,
        takes_usage_option: false,
        tells_its_end: true,
        request: REQUEST,
        read_request,
        answer: ANSWER,
        read_answer,
        count,
    }
}

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    // It streams unless it is told not to.
    facts.stream = request.raw("stream") != Some(b"false");
    facts.output_tokens_max = request.count("options.num_predict");
    facts.asks_for_json = request.raw("format").is_some_and(|format| format != b"\"\"");
}

fn read_embed_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "");
    facts.output_tokens_max = Some(0);
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.take_model(document, "model");
    facts.take_finish_reasons(document, "done_reason");
    facts.keep(document, "prompt_eval_count");
    facts.keep(document, "eval_count");
    if document.is_true("done") {
        facts.end();
    }
    errors::read_within(document, "error", facts);
}

/// The prompt's count is left out where the prompt was cached.
fn count(facts: &mut ResponseFacts) {
    let mut usage = Usage { complete: true, ..Usage::default() };
    for (meter, path) in [(Meter::Input, "prompt_eval_count"), (Meter::Output, "eval_count")] {
        if let Some(count) = facts.kept(path).and_then(|raw| serde_json::from_slice(raw).ok()) {
            add(&mut usage, meter, count);
        }
    }
    facts.usage = (!usage.units.is_empty()).then_some(usage);
}
