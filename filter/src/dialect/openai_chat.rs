//! OpenAI chat completions, and the many APIs that are compatible with them.
//! <https://platform.openai.com/docs/api-reference/chat> (read November 2026)

use crate::{
    frame::Verdict,
    json_scan::{Scanner, Want, top_level},
    response::ResponseFacts,
};
use memchr::memmem::{self, Finder};
use protocol::{
    ids::NAME_BYTES_MAX,
    meters::{Meter, Usage},
};
use serde::Deserialize;
use std::sync::LazyLock;

pub(super) const REQUEST_WANTS: &[Want] = &[
    top_level("model"),
    top_level("stream"),
    top_level("stream_options"),
    top_level("max_tokens"),
    top_level("max_completion_tokens"),
    top_level("n"),
    top_level("service_tier"),
    // Kept only so far as to know that it is there.
    Want { top: "data_sources", depth: 1, key: "data_sources", bytes_max: 64 * 1024 },
];

/// Azure's "on your data" does not take `stream_options`.
pub(super) fn refuses_usage_option(request: &Scanner) -> bool {
    request.last("data_sources").is_some()
}

pub(super) fn output_tokens_max(request: &Scanner) -> Option<u64> {
    // max_completion_tokens replaced max_tokens; where both stand, OpenAI refuses, others take the newer.
    let each = request.count("max_completion_tokens").or_else(|| request.count("max_tokens"))?;
    Some(each.saturating_mul(request.count("n").unwrap_or(1).max(1)))
}

pub(super) const RESPONSE_WANTS: &[Want] = &[
    top_level("model"),
    top_level("service_tier"),
    Want { top: "usage", depth: 1, key: "usage", bytes_max: 16 * 1024 },
    Want { top: "error", depth: 1, key: "error", bytes_max: 64 * 1024 },
    Want { top: "choices", depth: 3, key: "finish_reason", bytes_max: 64 },
    Want { top: "choices", depth: 4, key: "refusal", bytes_max: 16 * 1024 },
];

pub(super) fn read_response(body: &Scanner, facts: &mut ResponseFacts) {
    facts.model = body.text("model").as_deref().and_then(named);
    facts.service_tier = body.text("service_tier").as_deref().and_then(named);
    if let Some(error) = body.last("error") {
        facts.error_type = error_type(&error.value);
    }
    for found in body.found() {
        match found.key {
            "usage" => facts.usage = usage(&found.value).or(facts.usage.take()),
            "finish_reason" => {
                let reason: Option<String> = serde_json::from_slice(&found.value).unwrap_or_default();
                facts.finish_reasons.extend(reason.as_deref().and_then(named));
            }
            "refusal" => facts.refused |= found.value.starts_with(b"\""),
            _ => {}
        }
    }
}

/// A name that a provider gave, unless it is none or longer than any name may be.
fn named(text: &str) -> Option<Box<str>> {
    (!text.is_empty() && text.len() <= NAME_BYTES_MAX).then(|| text.into())
}

/// More answers than that are not asked for; a stream could repeat its end for ever.
const FINISH_REASONS_MAX: usize = 64;

/// What only a streamed event that matters holds; the many that carry text hold none of these.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default, borrow)]
    model: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    service_tier: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default, borrow)]
    error: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default, borrow)]
    finish_reason: Option<std::borrow::Cow<'a, str>>,
}

pub(super) fn read_event(data: &[u8], facts: &mut ResponseFacts) -> Verdict {
    if data == b"[DONE]" {
        facts.terminal = true;
        return Verdict::Keep;
    }
    // Parsing every event costs four times what looking at its bytes does, and only these can matter.
    let text_bytes = delivered_bytes(data, facts);
    facts.text_bytes = facts.text_bytes.saturating_add(text_bytes);
    if facts.model.is_some() && text_bytes > 0 && !may_matter(data) {
        return Verdict::Keep;
    }
    let Ok(event) = serde_json::from_slice::<Event<'_>>(data) else {
        facts.unreadable_events = facts.unreadable_events.saturating_add(1);
        return Verdict::Keep;
    };
    if let Some(error) = event.error {
        facts.error_type = error_type(error.get().as_bytes()).or_else(|| Some("error".into()));
    }
    // Azure's first event has an empty model.
    if facts.model.is_none() {
        facts.model = event.model.as_deref().and_then(named);
    }
    if let Some(tier) = event.service_tier {
        facts.service_tier = named(&tier);
    }
    let choices = event.choices.unwrap_or_default();
    let reasons = choices.iter().filter_map(|choice| choice.finish_reason.as_deref());
    let room = FINISH_REASONS_MAX.saturating_sub(facts.finish_reasons.len());
    facts.finish_reasons.extend(reasons.filter_map(named).take(room));
    // A later `"usage": null` must not erase what an earlier event told.
    let Some(usage) = event.usage else { return Verdict::Keep };
    facts.usage = usage.into_usage().or(facts.usage.take());
    if choices.is_empty() { Verdict::Drop } else { Verdict::Keep }
}

/// What to look for in an event's bytes. Built once: building a searcher costs as much as using it.
struct Searchers {
    content: Finder<'static>,
    other_text: [Finder<'static>; 3],
    finish_reason: Finder<'static>,
    usage: Finder<'static>,
    error: Finder<'static>,
}

static SEARCH: LazyLock<Searchers> = LazyLock::new(|| Searchers {
    content: Finder::new("\"content\":"),
    other_text: ["\"refusal\":", "\"arguments\":", "\"reasoning_content\":"].map(Finder::new),
    finish_reason: Finder::new("\"finish_reason\":"),
    usage: Finder::new("\"usage\":"),
    error: Finder::new("\"error\":"),
});

/// What follows a key in an event.
fn value_of<'a>(key: &Finder<'_>, data: &'a [u8]) -> Option<&'a [u8]> {
    let end = key.find(data)?.checked_add(key.needle().len())?;
    data.get(end..).map(<[u8]>::trim_ascii_start)
}

/// Whether an event may hold usage, an end or an error. Looks at bytes, and may be wrong in the careful direction.
fn may_matter(data: &[u8]) -> bool {
    let set = |key| value_of(key, data).is_some_and(|value| value.first() != Some(&b'n'));
    set(&SEARCH.finish_reason) || set(&SEARCH.usage) || SEARCH.error.find(data).is_some()
}

/// Bytes of generated text in an event, and whether they were a refusal.
fn delivered_bytes(data: &[u8], facts: &mut ResponseFacts) -> u64 {
    let length_of =
        |key| value_of(key, data).and_then(|value| value.strip_prefix(b"\"")).map_or(0, text_length);
    // A text event holds one of these, and content is by far the most frequent.
    let mut length = length_of(&SEARCH.content);
    for (position, key) in SEARCH.other_text.iter().enumerate() {
        if length > 0 {
            break;
        }
        length = length_of(key);
        facts.refused |= position == 0 && length > 0;
    }
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Bytes up to the quote that ends a JSON text.
fn text_length(text: &[u8]) -> usize {
    let mut at = 0_usize;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at = at.saturating_add(found);
        if text.get(at) == Some(&b'"') {
            return at;
        }
        at = at.saturating_add(2);
    }
    text.len()
}

/// An event that has begun, and whose choices are not known to be there.
pub(super) fn may_be_usage_only(event: &[u8]) -> bool {
    let key = b"\"choices\":";
    let Some(after) = memmem::find(event, key).and_then(|at| event.get(at.checked_add(key.len())?..)) else {
        return true;
    };
    let mut value = after.iter().filter(|byte| !byte.is_ascii_whitespace());
    value.next().is_none_or(|first| *first == b'[') && value.next().is_none_or(|second| *second == b']')
}

fn error_type(error: &[u8]) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct WireError {
        #[serde(default, rename = "type")]
        kind: Option<serde_json::Value>,
        #[serde(default)]
        code: Option<serde_json::Value>,
    }
    // Only the type and the code: the message may quote the prompt.
    let error: WireError = serde_json::from_slice(error).ok()?;
    let text = |value: Option<serde_json::Value>| match value? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    text(error.code).or_else(|| text(error.kind)).map(|text| text.chars().take(64).collect::<String>().into())
}

pub(super) fn usage(json: &[u8]) -> Option<Usage> {
    serde_json::from_slice::<Option<WireUsage>>(json).ok().flatten().and_then(WireUsage::into_usage)
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    total_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
    /// DeepSeek.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
    /// Together, Mistral.
    #[serde(default, alias = "num_cached_tokens")]
    cached_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    cache_write_tokens: Option<u64>,
    #[serde(default)]
    audio_tokens: Option<u64>,
    #[serde(default)]
    image_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
    #[serde(default)]
    audio_tokens: Option<u64>,
    #[serde(default)]
    image_tokens: Option<u64>,
}

impl WireUsage {
    /// Disjoint meters. OpenAI counts cached, written, audio and image tokens inside the prompt, and reasoning and
    /// audio inside the completion; a part larger than its whole (Grok on Azure says so) is clamped to it.
    /// A usage that counts neither side tells nothing, which is not zero.
    fn into_usage(self) -> Option<Usage> {
        if self.prompt_tokens.is_none() && self.completion_tokens.is_none() {
            return None;
        }
        let mut usage = Usage { complete: true, ..Usage::default() };
        let prompt = self.prompt_tokens_details.unwrap_or_default();
        let cached = prompt.cached_tokens.or(self.prompt_cache_hit_tokens).or(self.cached_tokens);
        if let Some(whole) = self.prompt_tokens {
            let parts = [
                (Meter::CacheRead, cached),
                (Meter::CacheWrite5m, prompt.cache_write_tokens),
                (Meter::AudioIn, prompt.audio_tokens),
                (Meter::ImageIn, prompt.image_tokens),
            ];
            split(&mut usage, Meter::Input, whole, parts);
        }
        let completion = self.completion_tokens_details.unwrap_or_default();
        if let Some(whole) = self.completion_tokens {
            let reasoning = completion.reasoning_tokens.unwrap_or(0);
            // xAI reports reasoning beside the completion; its total says so.
            let beside = self.total_tokens.and_then(|total| total.checked_sub(self.prompt_tokens?));
            let beside = reasoning > 0 && beside == whole.checked_add(reasoning);
            let whole = if beside { whole.saturating_add(reasoning) } else { whole };
            let parts = [
                (Meter::Reasoning, completion.reasoning_tokens),
                (Meter::AudioOut, completion.audio_tokens),
                (Meter::ImageOut, completion.image_tokens),
            ];
            split(&mut usage, Meter::Output, whole, parts);
        }
        Some(usage)
    }
}

/// Books each part under its meter and what is left under `rest`.
fn split<const N: usize>(usage: &mut Usage, rest: Meter, whole: u64, parts: [(Meter, Option<u64>); N]) {
    let mut left = whole;
    for (meter, part) in parts {
        let Some(part) = part.map(|part| part.min(left)) else { continue };
        left = left.saturating_sub(part);
        if part > 0 || meter == Meter::CacheRead || meter == Meter::Reasoning {
            usage.units.insert(meter, part);
        }
    }
    usage.units.insert(rest, left);
}

#[cfg(test)]
mod tests;
