//! OpenAI chat completions, and the many APIs that are compatible with them.
//! <https://platform.openai.com/docs/api-reference/chat> (read November 2026)

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
    want::{TextKind, anywhere, large, latest, text, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = Format {
    name: "openai-chat",
    operation: "chat",
    error: ErrorShape::OpenAi,
    takes_usage_option: true,
    tells_its_end: false,
    request: &[
        value("model"),
        value("stream"),
        value("stream_options"),
        value("max_tokens"),
        value("max_completion_tokens"),
        value("n"),
        value("service_tier"),
        value("modalities"),
        value("response_format.type"),
        anywhere("cache_control"),
        // Azure's "on your data", which does not take `stream_options`.
        value("data_sources[].type"),
    ],
    read_request,
    answer: &[
        value("model"),
        value("service_tier"),
        latest("usage", 16 * 1024),
        latest("x_groq.usage", 4 * 1024),
        large("error", 64 * 1024),
        value("choices[].finish_reason"),
        // Perplexity repeats in each event, as `message`, all that has come.
        text("choices[].delta.content", TextKind::Content),
        text("choices[].message.content", TextKind::Whole),
        text("choices[].*.content[].text", TextKind::Content),
        text("choices[].*.refusal", TextKind::Refusal),
        text("choices[].*.reasoning_content", TextKind::Reasoning),
        text("choices[].*.reasoning", TextKind::Reasoning),
        text("choices[].*.tool_calls[].function.name", TextKind::Counted),
        text("choices[].*.tool_calls[].function.arguments", TextKind::Arguments),
        text("choices[].*.function_call.arguments", TextKind::Arguments),
        text("choices[].*.audio.transcript", TextKind::Content),
    ],
    read_answer,
    count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "service_tier");
    facts.stream = request.is_true("stream");
    facts.answers = request.count("n");
    // max_completion_tokens replaced max_tokens; where both stand, OpenAI refuses, others take the newer.
    let each = request.count("max_completion_tokens").or_else(|| request.count("max_tokens"));
    facts.output_tokens_max = each.map(|each| each.saturating_mul(facts.answers.unwrap_or(1).max(1)));
    let format = request.text("response_format.type");
    facts.asks_for_json = format.is_some_and(|format| matches!(&*format, "json_object" | "json_schema"));
    facts.makes_audio = request
        .raw("modalities")
        .is_some_and(|modalities| memchr::memmem::find(modalities, b"\"audio\"").is_some());
    facts.take_cache_hint(request, "cache_control");
    facts.refuses_usage_option = request.raw("data_sources[].type").is_some();
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.take_model(document, "model");
    facts.take_tier(document, "service_tier");
    facts.take_finish_reasons(document, "choices[].finish_reason");
    errors::read_within(document, "error", facts);
    // Groq says it twice.
    facts.keep(document, "x_groq.usage");
    facts.keep(document, "usage");
}

fn count(facts: &mut ResponseFacts) {
    let raw = facts.kept("usage").or_else(|| facts.kept("x_groq.usage"));
    let cost = raw.and_then(cost::of_usage);
    facts.usage = usage(&Counts::parse(raw));
    facts.provider_cost = cost;
}

/// OpenAI counts cached, written, audio and image tokens inside the prompt, and reasoning and audio inside the
/// completion. A usage that counts neither side tells nothing, which is not zero.
pub(super) fn usage(counts: &Counts<'_>) -> Option<Usage> {
    let either = |one, other| counts.at(one).or_else(|| counts.at(other));
    let mut usage = Usage { complete: true, ..Usage::default() };
    let prompt = counts.at("/prompt_tokens");
    let completion = counts.at("/completion_tokens");
    if let Some(whole) = prompt {
        // DeepSeek, Together and Mistral have names of their own.
        let cached = either("/prompt_tokens_details/cached_tokens", "/prompt_cache_hit_tokens")
            .or_else(|| either("/cached_tokens", "/num_cached_tokens"));
        let parts = [
            (Meter::CacheRead, cached),
            (Meter::CacheWrite5m, counts.at("/prompt_tokens_details/cache_write_tokens")),
            // Mistral's are beside the prompt, and billed by the second.
            (
                Meter::AudioIn,
                counts.at("/prompt_tokens_details/audio_tokens").filter(|audio| *audio <= whole),
            ),
            (Meter::ImageIn, counts.at("/prompt_tokens_details/image_tokens")),
        ];
        split(&mut usage, Meter::Input, whole, parts);
    }
    if let Some(whole) = completion {
        let reasoning = either("/completion_tokens_details/reasoning_tokens", "/reasoning_tokens");
        // What is beside the completion shows in the total. xAI and Google count reasoning there and name it (Google
        // does not always), Mistral the tokens of audio.
        let rest =
            counts.at("/total_tokens").and_then(|total| total.checked_sub(prompt?)?.checked_sub(whole));
        let is_beside = reasoning.is_some_and(|reasoning| {
            // Perplexity's deep research has it beside, and in no total.
            let researched = counts.at("/citation_tokens").or_else(|| counts.at("/num_search_queries"));
            reasoning > 0 && (rest == Some(reasoning) || (rest == Some(0) && researched.is_some()))
        });
        let beside = if is_beside { reasoning.unwrap_or(0) } else { 0 };
        let parts = [
            (Meter::Reasoning, reasoning),
            (Meter::AudioOut, counts.at("/completion_tokens_details/audio_tokens")),
            (Meter::ImageOut, counts.at("/completion_tokens_details/image_tokens")),
        ];
        split(&mut usage, Meter::Output, whole.saturating_add(beside), parts);
    }
    // Mistral bills audio by its length; Perplexity's deep research and xAI's live search bill what they read.
    add_some(&mut usage, Meter::AudioSeconds, counts.at("/prompt_audio_seconds"));
    add_some(&mut usage, Meter::Citation, counts.at("/citation_tokens"));
    add_some(&mut usage, Meter::WebSearch, either("/num_search_queries", "/num_sources_used"));
    (prompt.is_some() || completion.is_some()).then_some(usage)
}

#[cfg(test)]
mod tests;
