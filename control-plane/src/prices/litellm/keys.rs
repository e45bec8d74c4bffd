//! What the keys of LiteLLM's catalogue mean: a meter, then suffixes for a prompt size and a service tier. A key that
//! could carry a price and means nothing here is unmapped, and listed.

use crate::prices::raw::is_zero;
use protocol::{meters::Meter, money::PicoUsdPerUnit};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What a key of an entry is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// The rate of a meter, and its text.
    Priced(Slot, &'a str),
    /// Other rates at some hours.
    OffPeak,
    /// Other rates from some sizes of the prompt on.
    Tiers,
    /// All rates times something, somewhere.
    Factor,
    /// What only this provider has: factors, and other things.
    Specific,
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

/// What is told of an entry besides the key at hand.
pub(super) struct Facts<'a> {
    /// What kind of model it is; empty where the entry does not say.
    pub(super) mode: &'a str,
    /// All of its pairs.
    pub(super) pairs: &'a [(String, &'a RawValue)],
    /// It is the price of capacity that somebody reserves, and prices no call.
    pub(super) is_commitment: bool,
}

impl Facts<'_> {
    fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(known, raw)| known == key && raw.get() != "null")
    }
}

const METERS: [(&str, Meter); 13] = [
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
    (MADE_IMAGE_TOKEN, Meter::ImageOut),
    ("citation_cost_per_token", Meter::Citation),
    ("input_cost_per_request", Meter::Requests),
];
const OLDER_CACHE_READ: &str = "input_cost_per_token_cache_hit";
const SEARCH: &str = "search_context_cost_per_query";

/// What is billed beside tokens, in the kinds of model where the key can mean nothing else. Elsewhere a second is one
/// of reserved capacity or of a session, a character one of the prompt, a query a search of the web; there the key is
/// unmapped. `input_cost_per_image` is unmapped everywhere: of most models it is the image that they are shown, of
/// some the one that they make.
const SERVICES: [(&str, &[&str], Meter); 5] = [
    (INPUT_SECOND, &["audio_transcription"], Meter::AudioSeconds),
    ("input_cost_per_character", &["audio_speech"], Meter::Characters),
    (MADE_IMAGE, &["image_generation", "image_edit"], Meter::Images),
    ("input_cost_per_query", &["rerank"], Meter::SearchUnits),
    (PAGE, &["ocr"], Meter::Pages),
];
const PAGE: &str = "ocr_cost_per_page";
const INPUT_SECOND: &str = "input_cost_per_second";
const OUTPUT_SECOND: &str = "output_cost_per_second";
const MADE_IMAGE: &str = "output_cost_per_image";
const MADE_IMAGE_TOKEN: &str = "output_cost_per_image_token";

const TIERS: [(&str, &str); 6] = [
    ("_flex", "flex"),
    ("_priority", "priority"),
    ("_batches", "batch"),
    ("_ultrafast", "ultrafast"),
    ("_balanced", "balanced"),
    ("_decisions", "decisions"),
];

/// Keys with a rule of their own behind them. A factor of 1 changes nothing and needs no row.
pub(super) const EU_FACTOR: &str = "regional_processing_uplift_multiplier_eu";
pub(super) const US_FACTOR: &str = "regional_processing_uplift_multiplier_us";
/// Vertex: at any location but `global`.
pub(super) const ENDPOINT_FACTOR: &str = "regional_endpoint_uplift_multiplier";
pub(super) const SPECIFIC: &str = "provider_specific_entry";

/// Prices in Databricks' own unit, and the key that says the same in USD beside them.
const DATABRICKS_UNITS: [(&str, &str); 2] = [
    ("input_dbu_cost_per_token", "input_cost_per_token"),
    ("output_dbu_cost_per_token", "output_cost_per_token"),
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
pub(super) fn parse<'a>(key: &str, raw: &'a str, facts: &Facts<'_>) -> Key<'a> {
    match key {
        "off_peak_pricing" => return Key::OffPeak,
        "tiered_pricing" => return Key::Tiers,
        EU_FACTOR | US_FACTOR | ENDPOINT_FACTOR => return Key::Factor,
        SPECIFIC => return Key::Specific,
        // Searches are what Bursar counts.
        "web_search_billing_unit" if raw == "\"per_query\"" => return Key::Descriptive,
        _ => {}
    }
    if DATABRICKS_UNITS.iter().any(|(unit, usd)| *unit == key && facts.has(usd)) {
        return Key::Descriptive;
    }
    if key == SEARCH && !facts.is_commitment {
        let slot = Slot { meter: Meter::WebSearch, above_tokens: None, tier: None };
        return one_search_rate(raw).map_or(Key::Unmapped, |raw| Key::Priced(slot, raw));
    }
    let slot = slot(key).or_else(|| service(key, raw, facts));
    if let Some(slot) = slot.filter(|_| !facts.is_commitment) {
        return Key::Priced(slot, raw);
    }
    // Counted or not, it costs nothing.
    let is_free = !COUNTED_ELSEWHERE.contains(&key) && is_zero(raw);
    let about_money = ["cost", "pric", "multiplier", "billing"].iter().any(|word| key.contains(word));
    let could_be_a_price = raw.starts_with(['{', '[', '-']) || raw.starts_with(|c: char| c.is_ascii_digit());
    let descriptive = DESCRIPTIVE.iter().any(|beginning| key.starts_with(beginning));
    let is_price = about_money || (could_be_a_price && !descriptive);
    if is_price && !is_free { Key::Unmapped } else { Key::Descriptive }
}

/// A key without the tier at its end, and the tier.
fn tier_of(key: &str) -> (&str, Option<&'static str>) {
    let tier = TIERS.iter().find_map(|(suffix, tier)| Some((key.strip_suffix(suffix)?, Some(*tier))));
    tier.unwrap_or((key, None))
}

/// What a key means in any kind of model.
pub(super) fn slot(key: &str) -> Option<Slot> {
    let (rest, tier) = tier_of(key);
    // The last `_above_`, since `_above_1hr` may come before it.
    let (rest, above_tokens) =
        match rest.strip_suffix("k_tokens").and_then(|rest| rest.rsplit_once("_above_")) {
            Some((rest, thousands)) => (rest, Some(thousands.parse::<u64>().ok()?.checked_mul(1_000)?)),
            None => (rest, None),
        };
    let meter = METERS.iter().find(|(known, _)| *known == rest)?.1;
    Some(Slot { meter, above_tokens, tier })
}

fn service(key: &str, raw: &str, facts: &Facts<'_>) -> Option<Slot> {
    let (key, tier) = if key.starts_with(PAGE) { tier_of(key) } else { (key, None) };
    let known = |(known, modes, _): &&(&str, &[&str], Meter)| *known == key && modes.contains(&facts.mode);
    let meter = SERVICES.iter().find(known)?.2;
    let others = facts.pairs.iter().map(|(key, raw)| (&**key, raw.get()));
    let rate = |raw| PicoUsdPerUnit::parse_usd_per_unit(raw).ok().map(|(rate, _)| rate.pico());
    let is_contradicted = match key {
        // A second is billed once, and most entries write it on one side. Where the two differ, nobody says which.
        INPUT_SECOND => {
            let mut output = others.filter(|(key, raw)| *key == OUTPUT_SECOND && *raw != "null");
            output.any(|(_, other)| rate(other).is_none_or(|other| other > 0 && Some(other) != rate(raw)))
        }
        // By the page or by the token, and nobody says which of the two.
        PAGE => others.into_iter().any(|(key, raw)| key.starts_with("input_cost_per_token") && !is_zero(raw)),
        // By size: the event does not say how large the images are.
        MADE_IMAGE => others
            .into_iter()
            .any(|(key, _)| key.starts_with("output_cost_per_image_") && !key.starts_with(MADE_IMAGE_TOKEN)),
        _ => false,
    };
    (!is_contradicted).then_some(Slot { meter, above_tokens: None, tier })
}

/// The price of a search, where it does not depend on how much of the web is read: Bursar counts searches alone.
fn one_search_rate(raw: &str) -> Option<&str> {
    let rates: BTreeMap<String, &RawValue> = serde_json::from_str(raw).ok()?;
    let mut rates = rates.values().map(|rate| rate.get());
    let first = rates.next()?;
    rates.all(|rate| rate == first).then_some(first)
}

/// Where the other side of the same second may carry the price, a zero is no price at all.
const COUNTED_ELSEWHERE: [&str; 2] = [INPUT_SECOND, OUTPUT_SECOND];

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

/// The AWS region that Bedrock's entries have in front of the model, and the model.
pub(super) fn region_and_model<'a>(provider: &str, model: &'a str) -> (Option<&'a str>, &'a str) {
    let regional = || {
        let (region, rest) = model.split_once('/').filter(|_| provider.starts_with("bedrock"))?;
        (is_aws_region(region) && !rest.is_empty()).then_some((Some(region), rest))
    };
    regional().unwrap_or((None, model))
}

/// `us-east-1`, `us-gov-west-1`.
fn is_aws_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts.as_slice(), [land, middle @ .., last]
        if land.len() == 2 && letters(land) && !middle.is_empty() && middle.iter().all(letters) && number(last))
}

/// `1-month-commitment/…`, `*/6-month-commitment/…`.
pub(super) fn is_commitment(model: &str) -> bool {
    model.split('/').any(|part| part.ends_with("-month-commitment"))
}
