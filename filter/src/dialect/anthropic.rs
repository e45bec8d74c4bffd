//! Anthropic's messages, also on Vertex.
//! <https://docs.anthropic.com/en/api/messages> (read November 2026)

use super::{
    cost,
    disjoint::{Counts, add, add_some, split},
    errors,
    format::{ErrorShape, Format},
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::{ResponseFacts, named},
    want::{TextKind, anywhere, large, latest, text, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = Format {
    name: "anthropic-messages",
    operation: "chat",
    error: ErrorShape::Anthropic,
    takes_usage_option: false,
    tells_its_end: true,
    request: &[
        value("model"),
        value("stream"),
        value("max_tokens"),
        value("service_tier"),
        value("output_format.type"),
        value("output_config.format.type"),
        anywhere("cache_control"),
    ],
    read_request,
    answer: ANSWER,
    read_answer,
    count,
};

/// Also what Claude answers through Bedrock's invoke.
pub(super) const ANSWER: &[crate::want::Want] = &[
    // The message itself.
    value("model"),
    value("stop_reason"),
    latest("usage", 16 * 1024),
    large("error", 64 * 1024),
    text("content[].text", TextKind::Content),
    text("content[].name", TextKind::Counted),
    text("content[].input", TextKind::Counted),
    text("content[].thinking", TextKind::Reasoning),
    // In a stream: its beginning, its pieces, and how it ended.
    value("type"),
    value("message.model"),
    latest("message.usage", 16 * 1024),
    value("delta.stop_reason"),
    text("delta.text", TextKind::Content),
    text("delta.thinking", TextKind::Reasoning),
    text("content_block.name", TextKind::Counted),
    text("delta.partial_json", TextKind::Arguments),
];

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    // Anthropic's tiers of a request ("auto", "standard_only") are no tiers of price.
    facts.take_names(request, "model", "");
    facts.stream |= request.is_true("stream");
    facts.output_tokens_max = request.count("max_tokens");
    let format = request.text("output_config.format.type").or_else(|| request.text("output_format.type"));
    facts.asks_for_json = format.as_deref() == Some("json_schema");
    facts.take_cache_hint(request, "cache_control");
}

pub(super) fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.take_model(document, "message.model");
    facts.take_model(document, "model");
    facts.take_finish_reasons(document, "stop_reason");
    facts.take_finish_reasons(document, "delta.stop_reason");
    facts.keep(document, "message.usage");
    facts.keep(document, "usage");
    if document.text("type").as_deref() == Some("message_stop") {
        facts.end();
    }
    errors::read_within(document, "error", facts);
}

pub(super) fn count(facts: &mut ResponseFacts) {
    let first = Counts::parse(facts.kept("message.usage"));
    let last = Counts::parse(facts.kept("usage"));
    let text = |path| last.text(path).or_else(|| first.text(path)).and_then(named);
    let tier = match text("/speed").as_deref() {
        Some("fast") => named("fast"),
        _ => text("/service_tier"),
    };
    let region = text("/inference_geo").filter(|region| &**region != "not_available");
    // OpenRouter answers in this format too.
    let cost = facts.kept("usage").and_then(cost::of_usage);
    let mut usage = usage(&first, &last);
    // An advisor is a dearer model, and rated as the one that answered: marked as the estimate that it is.
    let advised = last
        .list("/iterations")
        .iter()
        .any(|iteration| iteration.text("/model").is_some_and(|model| facts.model.as_deref() != Some(model)));
    if let Some(usage) = usage.as_mut().filter(|_| advised) {
        usage.estimated = usage.units.keys().copied().collect();
    }
    facts.usage = usage;
    facts.provider_cost = cost;
    facts.service_tier = tier.or(facts.service_tier.take());
    facts.region = region.or(facts.region.take());
}

/// `message_start` tells the prompt, and as its output a placeholder that is no count. `message_delta` tells
/// totals, of which those that it has win, key by key. What was cached is outside the input.
pub(super) fn usage(first: &Counts<'_>, last: &Counts<'_>) -> Option<Usage> {
    let at = |path: &str| last.at(path).or_else(|| first.at(path));
    let iterations = last.list("/iterations");
    let mut usage = Usage { complete: true, ..Usage::default() };
    let output = last.at("/output_tokens");
    if iterations.is_empty() {
        prompt(&mut usage, &at);
        if let Some(whole) = output {
            let thinking = last.at("/output_tokens_details/thinking_tokens");
            split(&mut usage, Meter::Output, whole, [(Meter::Reasoning, thinking)]);
        }
    } else {
        // The totals leave out what compaction and advisors used; it is billed all the same.
        for iteration in &iterations {
            prompt(&mut usage, &|path: &str| iteration.at(path));
            add(&mut usage, Meter::Output, iteration.at("/output_tokens").unwrap_or(0));
        }
    }
    add_some(&mut usage, Meter::WebSearch, at("/server_tool_use/web_search_requests"));
    let told = output.is_some() || at("/input_tokens").is_some();
    told.then_some(usage)
}

fn prompt(usage: &mut Usage, at: &impl Fn(&str) -> Option<u64>) {
    let Some(input) = at("/input_tokens") else { return };
    add(usage, Meter::Input, input);
    if let Some(read) = at("/cache_read_input_tokens") {
        add(usage, Meter::CacheRead, read);
    }
    // Only the start splits what was written by how long it lives; what exceeds the split lives five minutes.
    let hour = at("/cache_creation/ephemeral_1h_input_tokens").unwrap_or(0);
    let written = at("/cache_creation_input_tokens").unwrap_or(0);
    let five_minutes = at("/cache_creation/ephemeral_5m_input_tokens").unwrap_or(0);
    let whole = written.max(hour.saturating_add(five_minutes));
    add_some(usage, Meter::CacheWrite1h, Some(hour));
    add_some(usage, Meter::CacheWrite5m, Some(whole.saturating_sub(hour)));
}
