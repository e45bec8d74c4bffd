//! What the keys of LiteLLM's catalogue mean: a meter, then suffixes for a prompt size and a service tier. A key that
//! could carry a price and means nothing here is unmapped, and listed.

use protocol::meters::Meter;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What a key of an entry is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// The rate of a meter, and its text.
    Priced(Slot, &'a str),
    /// Something that has to do with money, and no meter of Bursar's.
    Unmapped,
    /// Not about money.
    Descriptive,
}

/// Where a rate belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) meter: Meter,
    /// The prompt size above which it holds.
    pub(super) above_tokens: Option<u64>,
    /// As providers call it in requests and responses.
    pub(super) tier: Option<&'static str>,
}

const METERS: [(&str, Meter); 11] = [
    ("input_cost_per_token", Meter::Input),
    ("output_cost_per_token", Meter::Output),
    ("cache_read_input_token_cost", Meter::CacheRead),
    (OLDER_CACHE_READ, Meter::CacheRead),
    ("cache_creation_input_token_cost", Meter::CacheWrite5m),
    ("cache_creation_input_token_cost_above_1hr", Meter::CacheWrite1h),
    ("output_cost_per_reasoning_token", Meter::Reasoning),
    ("input_cost_per_audio_token", Meter::AudioIn),
    ("output_cost_per_audio_token", Meter::AudioOut),
    ("input_cost_per_image_token", Meter::ImageIn),
    ("output_cost_per_image_token", Meter::ImageOut),
];
const OLDER_CACHE_READ: &str = "input_cost_per_token_cache_hit";
const SEARCH: &str = "search_context_cost_per_query";

const TIERS: [(&str, &str); 5] = [
    ("_flex", "flex"),
    ("_priority", "priority"),
    ("_batches", "batch"),
    ("_ultrafast", "ultrafast"),
    ("_balanced", "balanced"),
];

/// Numbers, lists and maps that are not about money, beside every key with one of these beginnings.
const DESCRIPTIVE: [&str; 12] = [
    "max_",
    "supports_",
    "supported_",
    "reasoning_",
    "token_count_",
    "prompt_cache_min_tokens",
    "output_vector_size",
    "rpm",
    "tpm",
    "metadata",
    "rules",
    "audio_transcription_config",
];

/// Whether a newer key for the same meter wins over this one.
pub(super) fn is_older_name(key: &str) -> bool {
    key == OLDER_CACHE_READ
}

/// What a key with that value is.
pub(super) fn parse<'a>(key: &str, raw: &'a str) -> Key<'a> {
    if key == SEARCH {
        let slot = Slot { meter: Meter::WebSearch, above_tokens: None, tier: None };
        return one_search_rate(raw).map_or(Key::Unmapped, |raw| Key::Priced(slot, raw));
    }
    if let Some(slot) = slot(key) {
        return Key::Priced(slot, raw);
    }
    let about_money = ["cost", "pric", "multiplier", "billing"].iter().any(|word| key.contains(word));
    let could_be_a_price = raw.starts_with(['{', '[', '-']) || raw.starts_with(|c: char| c.is_ascii_digit());
    let descriptive = DESCRIPTIVE.iter().any(|beginning| key.starts_with(beginning));
    if about_money || (could_be_a_price && !descriptive) { Key::Unmapped } else { Key::Descriptive }
}

fn slot(key: &str) -> Option<Slot> {
    let tier = TIERS.iter().find(|(suffix, _)| key.ends_with(suffix));
    let (rest, tier) = match tier {
        Some((suffix, tier)) => (key.strip_suffix(suffix)?, Some(*tier)),
        None => (key, None),
    };
    // The last `_above_`, since `_above_1hr` may come before it.
    let (rest, above_tokens) =
        match rest.strip_suffix("k_tokens").and_then(|rest| rest.rsplit_once("_above_")) {
            Some((rest, thousands)) => (rest, Some(thousands.parse::<u64>().ok()?.checked_mul(1_000)?)),
            None => (rest, None),
        };
    let meter = METERS.iter().find(|(known, _)| *known == rest)?.1;
    Some(Slot { meter, above_tokens, tier })
}

/// The price of a search, where it does not depend on how much of the web is read: Bursar counts searches alone.
fn one_search_rate(raw: &str) -> Option<&str> {
    let rates: BTreeMap<String, &RawValue> = serde_json::from_str(raw).ok()?;
    let mut rates = rates.values().map(|rate| rate.get());
    let first = rates.next()?;
    rates.all(|rate| rate == first).then_some(first)
}

/// Kinds of model that the catalogue keeps apart and providers do not.
const FAMILIES: [(&str, &str); 6] = [
    ("text-completion-openai", "openai"),
    ("text-completion-codestral", "codestral"),
    ("cohere_chat", "cohere"),
    ("azure_text", "azure"),
    ("bedrock_converse", "bedrock"),
    ("fireworks_ai-embedding-models", "fireworks_ai"),
];

/// The provider as the filter names it, and the model as the provider does.
pub(super) fn provider_and_model<'a>(provider: &'a str, entry: &'a str) -> (&'a str, &'a str) {
    let family = FAMILIES.iter().find(|(kind, _)| *kind == provider).map(|(_, family)| *family);
    let family = match family {
        Some(family) => family,
        None if provider.starts_with("vertex_ai-") => "vertex_ai",
        None => provider,
    };
    let strip =
        |prefix: &str| entry.strip_prefix(prefix)?.strip_prefix('/').filter(|model| !model.is_empty());
    (family, strip(provider).or_else(|| strip(family)).unwrap_or(entry))
}
