//! Gemini's generateContent, of AI Studio and of Vertex: unary, as server-sent events, and as one long JSON array.
//! <https://ai.google.dev/api/generate-content> (read November 2026)

use super::{
    disjoint::{Counts, add, add_some, split},
    errors,
    format::{ErrorShape, Format},
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::{ResponseFacts, named},
    want::{TextKind, large, latest, text, value},
};
use protocol::meters::{Meter, Usage};

pub(super) const FORMAT: Format = Format {
    name: "gemini",
    operation: "chat",
    error: ErrorShape::Google,
    takes_usage_option: false,
    tells_its_end: true,
    request: &[
        value("generationConfig.maxOutputTokens"),
        value("generationConfig.candidateCount"),
        value("generationConfig.responseMimeType"),
        value("generationConfig.responseModalities"),
        value("generation_config.max_output_tokens"),
        value("serviceTier"),
        value("generationConfig.thinkingConfig.includeThoughts"),
    ],
    read_request,
    answer: &[
        value("modelVersion"),
        latest("usageMetadata", 16 * 1024),
        value("candidates[].finishReason"),
        value("promptFeedback.blockReason"),
        large("error", 64 * 1024),
        latest("candidates[].groundingMetadata.webSearchQueries", 16 * 1024),
        text("candidates[].content.parts[].functionCall.name", TextKind::Counted),
        text("candidates[].content.parts[].functionCall.args", TextKind::Counted),
        text("candidates[].content.parts[].text", TextKind::Content),
    ],
    read_answer,
    count,
};

/// Searches are billed one by one, and are in no usage.
const SEARCHES: &str = "candidates[].groundingMetadata.webSearchQueries";

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "", "serviceTier");
    facts.answers = request.count("generationConfig.candidateCount");
    let each = request
        .count("generationConfig.maxOutputTokens")
        .or_else(|| request.count("generation_config.max_output_tokens"));
    facts.output_tokens_max = each.map(|each| each.saturating_mul(facts.answers.unwrap_or(1).max(1)));
    // Thoughts come between the parts of the answer, and are no JSON.
    facts.asks_for_json = request.text("generationConfig.responseMimeType").as_deref()
        == Some("application/json")
        && !request.is_true("generationConfig.thinkingConfig.includeThoughts");
    let modalities = request.raw("generationConfig.responseModalities").unwrap_or_default();
    facts.makes_audio = memchr::memmem::find(modalities, b"AUDIO").is_some();
    facts.makes_images = memchr::memmem::find(modalities, b"IMAGE").is_some();
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.take_model(document, "modelVersion");
    // Vertex sends an object with a traffic type alone before the last one, which has the counts.
    let counts = document
        .raw("usageMetadata")
        .is_some_and(|usage| memchr::memmem::find(usage, b"TokenCount\"").is_some());
    if counts {
        facts.keep(document, "usageMetadata");
    }
    for reason in document.all("candidates[].finishReason") {
        facts.finish(&reason_of(reason));
        // The chunk that says why is the last one.
        facts.end();
    }
    if let Some(reason) = document.text("promptFeedback.blockReason") {
        facts.finish(&reason);
        facts.end();
    }
    facts.keep(document, SEARCHES);
    errors::read_within(document, "error", facts);
}

/// By its name, or by its number in Google's `FinishReason`.
fn reason_of(raw: &[u8]) -> String {
    let names = [
        "FINISH_REASON_UNSPECIFIED",
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
    ];
    match serde_json::from_slice::<serde_json::Value>(raw) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Number(number)) => {
            let position = number.as_u64().and_then(|number| usize::try_from(number).ok());
            position
                .and_then(|position| names.get(position))
                .map_or_else(|| number.to_string(), |name| (*name).to_owned())
        }
        _ => String::new(),
    }
}

fn count(facts: &mut ResponseFacts) {
    let counts = Counts::parse(facts.kept("usageMetadata"));
    let tier = counts
        .text("/serviceTier")
        .and_then(named)
        .or_else(|| counts.text("/trafficType").and_then(tier_of_traffic));
    let searches = Counts::parse(facts.kept(SEARCHES)).list("").len();
    facts.usage = usage(&counts, facts.terminal).map(|mut usage| {
        add_some(&mut usage, Meter::WebSearch, u64::try_from(searches).ok());
        usage
    });
    facts.service_tier = tier.or(facts.service_tier.take());
}

/// Vertex's traffic types that have prices of their own.
fn tier_of_traffic(traffic: &str) -> Option<Box<str>> {
    let tiers = [("PRIORITY", "priority"), ("FLEX", "flex"), ("PROVISIONED_THROUGHPUT", "provisioned")];
    tiers.iter().find(|(part, _)| traffic.contains(part)).and_then(|(_, tier)| named(tier))
}

/// What was cached is inside the prompt; what tools put into it and what was thought are beside. A count of zero is
/// left out, and so is one that is not known (a file given by its address).
fn usage(counts: &Counts<'_>, is_whole: bool) -> Option<Usage> {
    let (prompt, tools) = (counts.at("/promptTokenCount"), counts.at("/toolUsePromptTokenCount"));
    let (answer, thoughts) = (counts.at("/candidatesTokenCount"), counts.at("/thoughtsTokenCount"));
    let of = |list: &str, modality: &[&str]| counts.sum_where(list, "/modality", modality, "/tokenCount");
    let mut usage = Usage { complete: true, ..Usage::default() };
    if let Some(prompt) = prompt {
        // Google's numbers of the modalities: 2 image, 4 audio.
        let uncached = |modality: &[&str]| {
            let whole = of("/promptTokensDetails", modality)?;
            Some(whole.saturating_sub(of("/cacheTokensDetails", modality).unwrap_or(0)))
        };
        let parts = [
            (Meter::CacheRead, counts.at("/cachedContentTokenCount")),
            (Meter::AudioIn, uncached(&["AUDIO", "4"])),
            (Meter::ImageIn, uncached(&["IMAGE", "2"])),
        ];
        split(&mut usage, Meter::Input, prompt, parts);
    }
    if let Some(tools) = tools {
        add(&mut usage, Meter::Input, tools);
    }
    if let Some(answer) = answer {
        let parts = [
            (Meter::AudioOut, of("/candidatesTokensDetails", &["AUDIO", "4"])),
            (Meter::ImageOut, of("/candidatesTokensDetails", &["IMAGE", "2"])),
        ];
        split(&mut usage, Meter::Output, answer, parts);
    } else if prompt.is_some() && is_whole {
        add(&mut usage, Meter::Output, 0);
    }
    if let Some(thoughts) = thoughts {
        add(&mut usage, Meter::Reasoning, thoughts);
    }
    [prompt, tools, answer, thoughts].iter().any(Option::is_some).then_some(usage)
}
