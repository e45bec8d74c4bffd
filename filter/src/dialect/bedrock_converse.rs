//! Bedrock's Converse and ConverseStream.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html> (read November 2026)

use super::{
    disjoint::{Counts, add, add_some},
    format::{ErrorShape, Format},
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::ResponseFacts,
    want::{TextKind, anywhere, latest, text, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = Format {
    name: "bedrock-converse",
    operation: "chat",
    error: ErrorShape::Aws,
    takes_usage_option: false,
    tells_its_end: true,
    request: &[value("inferenceConfig.maxTokens"), value("serviceTier.type"), anywhere("cachePoint")],
    read_request,
    answer: &[
        value("stopReason"),
        latest("usage", 16 * 1024),
        value("serviceTier.type"),
        text("output.message.content[].text", TextKind::Content),
        text("output.message.content[].reasoningContent.reasoningText.text", TextKind::Reasoning),
        text("output.message.content[].toolUse.name", TextKind::Counted),
        text("output.message.content[].toolUse.input", TextKind::Counted),
        text("start.toolUse.name", TextKind::Counted),
        text("delta.text", TextKind::Content),
        text("delta.reasoningContent.text", TextKind::Reasoning),
        text("delta.toolUse.input", TextKind::Arguments),
    ],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "", "serviceTier.type");
    facts.output_tokens_max = request.count("inferenceConfig.maxTokens");
    facts.take_cache_hint(request, "cachePoint");
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.take_finish_reasons(document, "stopReason");
    facts.take_tier(document, "serviceTier.type");
    if document.raw("usage").is_some() {
        facts.keep(document, "usage");
        // In a stream it comes with the metadata, which is last.
        facts.end();
    }
}

fn count(facts: &mut ResponseFacts) {
    facts.usage = usage(&Counts::parse(facts.kept("usage")));
}

/// What was cached is outside the input. The wire says it twice, under two names.
pub(super) fn usage(counts: &Counts<'_>) -> Option<Usage> {
    let either = |one, other| counts.at(one).or_else(|| counts.at(other));
    let (input, output) = (counts.at("/inputTokens"), counts.at("/outputTokens"));
    let mut usage = Usage { complete: true, ..Usage::default() };
    if let Some(input) = input {
        add(&mut usage, Meter::Input, input);
        if let Some(read) = either("/cacheReadInputTokens", "/cacheReadInputTokenCount") {
            add(&mut usage, Meter::CacheRead, read);
        }
        let written = either("/cacheWriteInputTokens", "/cacheWriteInputTokenCount").unwrap_or(0);
        let hour =
            counts.sum_where("/cacheDetails", "/ttl", &["1h"], "/inputTokens").unwrap_or(0).min(written);
        add_some(&mut usage, Meter::CacheWrite1h, Some(hour));
        add_some(&mut usage, Meter::CacheWrite5m, Some(written.saturating_sub(hour)));
    }
    if let Some(output) = output {
        add(&mut usage, Meter::Output, output);
    }
    (input.is_some() || output.is_some()).then_some(usage)
}
