//! Bedrock's InvokeModel and its stream: whatever the family of the model answers, in its own words.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html> (read November 2026)

use super::{
    anthropic, bedrock_converse,
    disjoint::{Counts, add},
    format::{ErrorShape, Format},
    openai_chat,
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::ResponseFacts,
    want::{TextKind, anywhere, latest, sum, text, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = Format {
    name: "bedrock-invoke",
    operation: "chat",
    error: ErrorShape::Aws,
    takes_usage_option: false,
    tells_its_end: false,
    request: &[
        // Claude and Mistral; Nova; Titan; Llama.
        value("max_tokens"),
        value("inferenceConfig.maxTokens"),
        value("inferenceConfig.max_new_tokens"),
        value("textGenerationConfig.maxTokenCount"),
        value("max_gen_len"),
        anywhere("cache_control"),
        anywhere("cachePoint"),
    ],
    read_request,
    answer: &[
        // Claude, whole and in a stream.
        value("model"),
        value("stop_reason"),
        value("type"),
        value("message.model"),
        latest("message.usage", 16 * 1024),
        value("delta.stop_reason"),
        text("content[].text", TextKind::Content),
        text("content[].thinking", TextKind::Reasoning),
        text("content[].name", TextKind::Counted),
        text("content[].input", TextKind::Counted),
        text("content_block.name", TextKind::Counted),
        text("delta.text", TextKind::Content),
        text("delta.thinking", TextKind::Reasoning),
        text("delta.partial_json", TextKind::Arguments),
        // Claude, Nova, Jamba.
        latest("usage", 16 * 1024),
        latest("metadata.usage", 16 * 1024),
        // Nova.
        value("stopReason"),
        value("messageStop.stopReason"),
        text("output.message.content[].text", TextKind::Content),
        text("contentBlockDelta.delta.text", TextKind::Content),
        text("contentBlockDelta.delta.toolUse.input", TextKind::Arguments),
        // Titan.
        latest("inputTextTokenCount", 32),
        latest("totalOutputTextTokenCount", 32),
        sum("results[].tokenCount"),
        value("results[].completionReason"),
        value("completionReason"),
        text("results[].outputText", TextKind::Content),
        text("outputText", TextKind::Content),
        // Llama.
        latest("prompt_token_count", 32),
        latest("generation_token_count", 32),
        text("generation", TextKind::Content),
        // Mistral, Cohere, Claude of old, Jamba, DeepSeek.
        value("outputs[].stop_reason"),
        text("outputs[].text", TextKind::Content),
        value("generations[].finish_reason"),
        text("generations[].text", TextKind::Content),
        value("finish_reason"),
        text("text", TextKind::Content),
        text("completion", TextKind::Content),
        value("choices[].finish_reason"),
        text("choices[].*.content", TextKind::Content),
        // What Bedrock itself adds to the last piece of a stream.
        latest("amazon-bedrock-invocationMetrics", 4 * 1024),
    ],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    let limits = [
        "max_tokens",
        "inferenceConfig.maxTokens",
        "inferenceConfig.max_new_tokens",
        "textGenerationConfig.maxTokenCount",
        "max_gen_len",
    ];
    facts.output_tokens_max = limits.iter().find_map(|limit| request.count(limit));
    facts.take_cache_hint(request, "cache_control");
    facts.take_cache_hint(request, "cachePoint");
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    anthropic::read_answer(document, facts);
    for reason in [
        "stopReason",
        "messageStop.stopReason",
        "results[].completionReason",
        "completionReason",
        "outputs[].stop_reason",
        "generations[].finish_reason",
        "finish_reason",
        "choices[].finish_reason",
    ] {
        facts.take_finish_reasons(document, reason);
    }
    for count in KEPT {
        facts.keep(document, count);
    }
    if let Some(sum) = document.count("results[].tokenCount") {
        facts.count_of_body(Meter::Output, sum);
    }
    if document.raw("amazon-bedrock-invocationMetrics").is_some() {
        facts.end();
    }
}

const KEPT: [&str; 6] = [
    "metadata.usage",
    "inputTextTokenCount",
    "totalOutputTextTokenCount",
    "prompt_token_count",
    "generation_token_count",
    "amazon-bedrock-invocationMetrics",
];

/// Titan counts in `28.0`.
fn number(raw: &[u8]) -> Option<u64> {
    Counts::parse(Some(raw)).at("")
}

/// The model's own words count; where it has none, Bedrock's metrics do. In 4 of 35 recorded streams of Claude the
/// two differ, and the model's are what its own API would bill.
fn count(facts: &mut ResponseFacts) {
    let first = Counts::parse(facts.kept("message.usage"));
    let usage = Counts::parse(facts.kept("usage").or_else(|| facts.kept("metadata.usage")));
    let metrics = Counts::parse(facts.kept("amazon-bedrock-invocationMetrics"));
    let kept = |path| facts.kept(path).and_then(number);
    let titan =
        kept("totalOutputTextTokenCount").or_else(|| facts.units_of_body.get(&Meter::Output).copied());
    let mut told = anthropic::usage(&first, &usage)
        .or_else(|| bedrock_converse::usage(&usage))
        .or_else(|| openai_chat::usage(&usage))
        .or_else(|| plain(kept("inputTextTokenCount"), titan))
        .or_else(|| plain(kept("prompt_token_count"), kept("generation_token_count")))
        .or_else(|| {
            let mut usage = plain(metrics.at("/inputTokenCount"), metrics.at("/outputTokenCount"))?;
            for (meter, path) in [
                (Meter::CacheRead, "/cacheReadInputTokenCount"),
                (Meter::CacheWrite5m, "/cacheWriteInputTokenCount"),
            ] {
                if let Some(count) = metrics.at(path) {
                    add(&mut usage, meter, count);
                }
            }
            Some(usage)
        });
    // A model that did not come to tell its answer's count: Bedrock counted it.
    if let (Some(told), Some(output)) = (&mut told, metrics.at("/outputTokenCount"))
        && !told.units.contains_key(&Meter::Output)
    {
        add(told, Meter::Output, output);
    }
    facts.usage = told;
}

fn plain(input: Option<u64>, output: Option<u64>) -> Option<Usage> {
    let mut usage = Usage { complete: true, ..Usage::default() };
    for (meter, count) in [(Meter::Input, input), (Meter::Output, output)] {
        if let Some(count) = count {
            add(&mut usage, meter, count);
        }
    }
    (!usage.units.is_empty()).then_some(usage)
}
