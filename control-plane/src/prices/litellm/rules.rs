//! The rules of LiteLLM's catalogue that are more than a key and a number: hours, sizes of the prompt, factors.

use super::keys::{ENDPOINT_FACTOR, EU_FACTOR, SPECIFIC, US_FACTOR};
use crate::prices::{
    Hours,
    gather::{Factor, Within},
    raw::{Pairs, string, whole},
    utc_windows::{self, UtcWindow, times, weekday},
};
use protocol::{UnixNanos, price::Threshold};
use serde_json::value::RawValue;

/// Rates that hold under a condition.
pub(super) struct Rule<'a> {
    pub(super) threshold: Option<Threshold>,
    pub(super) hours: Option<Hours>,
    pub(super) rates: Vec<(String, &'a RawValue)>,
}

/// xAI bills a prompt of exactly the threshold at the higher rate, the others do not.
pub(super) fn threshold(input_tokens: u64, provider: &str) -> Threshold {
    Threshold { input_tokens, inclusive: provider == "xai", marginal: false }
}

/// `off_peak_pricing`: the hours, and what differs in them. A rate that it leaves out is the standard one.
pub(super) fn off_peak(raw: &str, at: UnixNanos) -> Result<Rule<'_>, String> {
    let pairs = Pairs::of(raw).ok_or("is no object")?;
    let mut windows = match pairs.raw("hours_utc") {
        Some(raw) => one_window(raw, None)?,
        None => Vec::new(),
    };
    for window in pairs.list("windows").unwrap_or_default() {
        let window = Pairs::of(window.get()).ok_or("has a window that is no object")?;
        let hours = window.raw("hours_utc").unwrap_or("\"00:00-00:00\"");
        windows.extend(one_window(hours, window.raw("weekdays"))?);
    }
    let zone = pairs.text("weekday_timezone");
    let hours = utc_windows::hours(&windows, zone.as_deref(), at)?;
    let Pairs(mut rates) = pairs;
    rates.retain(|(key, _)| !matches!(&**key, "hours_utc" | "windows" | "weekday_timezone"));
    Ok(Rule { threshold: None, hours: Some(hours), rates })
}

fn one_window(hours: &str, weekdays: Option<&str>) -> Result<Vec<UtcWindow>, String> {
    let texts: Vec<String> = match string(hours) {
        Some(one) => vec![one],
        None => serde_json::from_str(hours).map_err(|_| format!("`{hours}` names no hours"))?,
    };
    let mut days = Vec::new();
    if let Some(raw) = weekdays.filter(|raw| *raw != "null") {
        let list: Vec<&RawValue> =
            serde_json::from_str(raw).map_err(|_| format!("`{raw}` names no weekdays"))?;
        for day in list {
            let text = string(day.get()).unwrap_or_else(|| day.get().to_owned());
            days.push(weekday(&text).ok_or_else(|| format!("`{text}` is no weekday"))?);
        }
    }
    let window = |text: String| {
        let (from, to) = times(&text).ok_or_else(|| format!("`{text}` is no range of times"))?;
        Ok(UtcWindow { from, to, weekdays: days.clone() })
    };
    texts.into_iter().map(window).collect()
}

/// `tiered_pricing`: from more than the first number of a range on, for the whole request. `None` where a list is by
/// something else than the prompt.
pub(super) fn tiers<'a>(raw: &'a str, provider: &str) -> Option<Vec<Rule<'a>>> {
    let list: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    let tier = |raw: &'a RawValue| {
        let pairs = Pairs::of(raw.get())?;
        let range = pairs.list("range")?;
        let start = whole(range.first()?.get())?;
        let Pairs(mut rates) = pairs;
        rates.retain(|(key, _)| key != "range");
        Some(Rule { threshold: (start > 0).then(|| threshold(start, provider)), hours: None, rates })
    };
    list.into_iter().map(tier).collect()
}

/// The factors of an entry.
pub(super) fn factors(entry: &Pairs<'_>) -> Vec<Factor> {
    let region = |name: &str| Within::Region(name.into());
    let whole_entry =
        [(EU_FACTOR, region("eu")), (US_FACTOR, region("us")), (ENDPOINT_FACTOR, region("!global"))];
    let mut factors: Vec<Factor> = Vec::new();
    for (key, within) in whole_entry {
        let Some(text) = entry.raw(key).filter(|raw| *raw != "null") else { continue };
        factors.push(Factor { name: key.to_owned(), within, text: text.to_owned() });
    }
    let specific = entry.object(SPECIFIC);
    for (key, raw) in specific.iter().flat_map(|pairs| &pairs.0) {
        let Some(within) = specific_factor(key) else { continue };
        factors.push(Factor { name: format!("{SPECIFIC}.{key}"), within, text: raw.get().to_owned() });
    }
    factors
}

/// Anthropic: inference that stays in the US, and `speed: fast`, which filters report as a tier.
fn specific_factor(key: &str) -> Option<Within> {
    match key {
        "us" => Some(Within::Region("us".into())),
        "fast" => Some(Within::Tier("fast".into())),
        _ => None,
    }
}

/// The numbers of a provider's own that are no factor known here. Words and tables about formats are no prices.
pub(super) fn unknown_specifics(raw: &str) -> Vec<String> {
    let pairs = Pairs::of(raw);
    let unknown = pairs.iter().flat_map(|pairs| &pairs.0).filter(|(key, raw)| {
        specific_factor(key).is_none() && raw.get().starts_with(|first: char| first.is_ascii_digit())
    });
    unknown.map(|(key, _)| format!("{SPECIFIC}.{key}")).collect()
}
