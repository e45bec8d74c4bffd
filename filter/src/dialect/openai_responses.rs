//! OpenAI's Responses API, and those of xAI, DeepSeek, OpenRouter, Azure and Bedrock's OpenAI endpoint.
//! <https://platform.openai.com/docs/api-reference/responses> (read November 2026)

use super::{
    cost,
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
    name: "openai-responses",
    operation: "chat",
    error: ErrorShape::OpenAi,
    takes_usage_option: false,
    tells_its_end: true,
    request: &[
        value("model"),
        value("stream"),
        value("max_output_tokens"),
        value("service_tier"),
        value("text.format.type"),
    ],
    read_request,
    answer: &[
        // The answer itself.
        value("id"),
        value("background"),
        value("model"),
        value("status"),
        value("service_tier"),
        value("incomplete_details.reason"),
        large("error", 64 * 1024),
        latest("usage", 16 * 1024),
        latest("tool_usage", 4 * 1024),
        text("output[].content[].text", TextKind::Content),
        text("output[].content[].refusal", TextKind::Refusal),
        text("output[].summary[].text", TextKind::Reasoning),
        text("output[].name", TextKind::Counted),
        text("output[].arguments", TextKind::Arguments),
        // In a stream, where events tell it piece by piece and the last one tells it all again.
        value("type"),
        value("code"),
        value("response.id"),
        value("response.background"),
        value("response.model"),
        value("response.status"),
        value("response.service_tier"),
        value("response.incomplete_details.reason"),
        large("response.error", 64 * 1024),
        latest("response.usage", 16 * 1024),
        latest("response.tool_usage", 4 * 1024),
        text("delta", TextKind::ByType),
    ],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "service_tier");
    facts.stream = request.is_true("stream");
    facts.output_tokens_max = request.count("max_output_tokens");
    let format = request.text("text.format.type");
    facts.asks_for_json = format.is_some_and(|format| matches!(&*format, "json_object" | "json_schema"));
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    let kind = document.text("type");
    let kind = kind.as_deref();
    if let Some(kind) = kind {
        facts.delta_is(kind_of_delta(kind));
    }
    for [id, background, model, status, tier, reason, error, usage, tool_usage] in [WHOLE, WITHIN] {
        if document.is_true(background) {
            facts.take_background(document, id);
        }
        facts.take_id(document, id);
        facts.take_model(document, model);
        facts.take_tier(document, tier);
        facts.keep(document, usage);
        facts.keep(document, tool_usage);
        errors::read_within(document, error, facts);
        let status = document.text(status);
        match status.as_deref() {
            Some("completed" | "incomplete" | "failed" | "cancelled") if kind.is_none_or(is_last) => {
                facts.end();
                facts.finish(status.as_deref().unwrap_or_default());
                if let Some(reason) = document.text(reason) {
                    facts.stopped_by(&reason);
                }
            }
            // It runs on in the background; a later request asks for the answer, and its usage with it.
            Some("queued" | "in_progress") if kind.is_none() => facts.free = true,
            _ => {}
        }
    }
    if kind == Some("error") && facts.error_type.is_none() {
        facts.fail(&document.text("code").unwrap_or_else(|| "error".to_owned()));
    }
}

const WHOLE: [&str; 9] = [
    "id",
    "background",
    "model",
    "status",
    "service_tier",
    "incomplete_details.reason",
    "error",
    "usage",
    "tool_usage",
];
const WITHIN: [&str; 9] = [
    "response.id",
    "response.background",
    "response.model",
    "response.status",
    "response.service_tier",
    "response.incomplete_details.reason",
    "response.error",
    "response.usage",
    "response.tool_usage",
];

fn is_last(kind: &str) -> bool {
    matches!(kind, "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled")
}

fn kind_of_delta(event: &str) -> TextKind {
    match event {
        "response.output_text.delta" => TextKind::Content,
        "response.refusal.delta" => TextKind::Refusal,
        "response.function_call_arguments.delta" | "response.mcp_call_arguments.delta" => TextKind::Arguments,
        kind if kind.contains("audio.delta") => TextKind::Base64,
        _ => TextKind::Reasoning,
    }
}

fn count(facts: &mut ResponseFacts) {
    let either = |one, other| facts.kept(one).or_else(|| facts.kept(other));
    let raw = either("response.usage", "usage");
    let tools = Counts::parse(either("response.tool_usage", "tool_usage"));
    let cost = raw.and_then(cost::of_usage);
    let mut usage = usage(&Counts::parse(raw));
    if let Some(usage) = &mut usage {
        // Billed beside the tokens of the model.
        add_some(usage, Meter::WebSearch, tools.at("/web_search/num_requests"));
        add_some(usage, Meter::ImageIn, tools.at("/image_gen/input_tokens"));
        add_some(usage, Meter::ImageOut, tools.at("/image_gen/output_tokens"));
        facts.free = false;
    }
    facts.usage = usage;
    facts.provider_cost = cost;
}

/// Cached and written tokens are inside the input, reasoning inside the output.
fn usage(counts: &Counts<'_>) -> Option<Usage> {
    let (input, output) = (counts.at("/input_tokens"), counts.at("/output_tokens"));
    let mut usage = Usage { complete: true, ..Usage::default() };
    if let Some(whole) = input {
        let parts = [
            (Meter::CacheRead, counts.at("/input_tokens_details/cached_tokens")),
            (Meter::CacheWrite5m, counts.at("/input_tokens_details/cache_write_tokens")),
            (Meter::AudioIn, counts.at("/input_tokens_details/audio_tokens")),
            (Meter::ImageIn, counts.at("/input_tokens_details/image_tokens")),
        ];
        split(&mut usage, Meter::Input, whole, parts);
    }
    if let Some(whole) = output {
        let parts = [
            (Meter::Reasoning, counts.at("/output_tokens_details/reasoning_tokens")),
            (Meter::AudioOut, counts.at("/output_tokens_details/audio_tokens")),
        ];
        split(&mut usage, Meter::Output, whole, parts);
    }
    add_some(&mut usage, Meter::WebSearch, counts.at("/num_sources_used"));
    (input.is_some() || output.is_some()).then_some(usage)
}
