//! Reads OpenRouter's list of models (`GET /api/v1/models`): USD per token, request or search, as texts.

use super::{
    Import, PriceKey, PriceRow,
    gather::{Gather, Rows, clash, inherit},
    raw::{Pairs, is_zero, number, string},
    utc_windows::{self, UtcWindow, weekday},
};
use protocol::{UnixNanos, meters::Meter, money::PicoUsdPerUnit, price::Threshold};
use serde_json::value::RawValue;

const PROVIDER: &str = "openrouter";
const PRICING: &str = "pricing";
/// Where rates stand that hold under a condition.
const OVERRIDES: &str = "pricing.overrides";

/// What a key of `pricing` means. The others are unmapped: `image` is one that the model is shown, `image_output` one
/// that it makes or a token of it, `input_audio_cache` a meter that Bursar does not have.
const METERS: [(&str, Meter); 10] = [
    ("prompt", Meter::Input),
    ("completion", Meter::Output),
    ("input_cache_read", Meter::CacheRead),
    ("input_cache_write", Meter::CacheWrite5m),
    ("input_cache_write_1h", Meter::CacheWrite1h),
    ("internal_reasoning", Meter::Reasoning),
    ("audio", Meter::AudioIn),
    ("audio_output", Meter::AudioOut),
    ("request", Meter::Requests),
    ("web_search", Meter::WebSearch),
];
/// What an entry of `overrides` holds for.
const CONDITIONS: [&str; 4] = ["min_prompt_tokens", "utc_start", "utc_end", "utc_days"];

/// Reads the whole list.
pub(super) fn import(text: &str, source: &str, at: UnixNanos) -> Result<Import, serde_json::Error> {
    let top = serde_json::from_str::<Pairs<'_>>(text)?;
    let models: Vec<&RawValue> = serde_json::from_str(top.raw("data").unwrap_or("[]"))?;
    let mut gather = Gather::new(source, at);
    for raw in models {
        gather.entry();
        let pairs = Pairs::of(raw.get());
        let Some((id, entry)) = pairs.and_then(|pairs| Some((pairs.text("id")?, pairs))) else {
            gather.unreadable("", "id", "names no model");
            continue;
        };
        let Some(pricing) = entry.object("pricing") else {
            gather.unreadable(&id, "pricing", "has no prices");
            continue;
        };
        model(&mut gather, &id, &entry, &pricing);
    }
    Ok(gather.finish())
}

fn model(gather: &mut Gather, id: &str, entry: &Pairs<'_>, pricing: &Pairs<'_>) {
    let mut rows = Rows::new();
    let output_tokens_max =
        entry.object("top_provider").and_then(|provider| provider.whole("max_completion_tokens"));
    let plain = PriceKey::plain(PROVIDER, id, Meter::Input);
    for (key, raw) in &pricing.0 {
        if key != "overrides" {
            rate(gather, &mut rows, (id, &format!("{PRICING}.{key}"), raw.get()), &plain);
        }
    }
    for raw in pricing.list("overrides").unwrap_or_default() {
        let Some(pairs) = Pairs::of(raw.get()) else {
            gather.unreadable(id, OVERRIDES, "has an entry that is no object");
            continue;
        };
        let condition = match condition(&pairs, &plain, gather.import.at) {
            Ok(condition) => condition,
            Err(reason) => {
                gather.unreadable(id, OVERRIDES, reason);
                continue;
            }
        };
        for (key, raw) in pairs.0.iter().filter(|(key, _)| !CONDITIONS.contains(&&**key)) {
            rate(gather, &mut rows, (id, &format!("{OVERRIDES}.{key}"), raw.get()), &condition);
        }
    }
    if let Some(row) = rows.get_mut(&PriceKey { meter: Meter::Output, ..plain }) {
        row.output_tokens_max = output_tokens_max;
    }
    let modalities = entry.object("architecture").and_then(|about| {
        let list = about.list("input_modalities")?;
        Some(list.into_iter().filter_map(|raw| string(raw.get())).collect::<Vec<String>>())
    });
    inherit(&mut rows, modalities.unwrap_or_default().iter().any(|kind| kind == "image"));
    gather.take(rows);
}

/// One rate under a condition. Among entries under the same one, the last wins.
fn rate(gather: &mut Gather, rows: &mut Rows, (id, path, raw): (&str, &str, &str), condition: &PriceKey) {
    let key = path.rsplit('.').next().unwrap_or(path);
    let meter = METERS.iter().find(|(known, _)| *known == key).map(|(_, meter)| *meter);
    let always = matches!(meter, Some(Meter::Input | Meter::Output));
    // Zero beside prompt and completion says that nothing is charged apart, not that cached or hidden tokens are free.
    if raw == "null" || (!always && is_zero(raw)) {
        return;
    }
    let Some(meter) = meter else { return gather.unmapped(&format!("pricing.{key}")) };
    let text = number(raw);
    if text.starts_with('-') {
        return gather.unreadable(id, path, "varies by the model that is chosen: no price");
    }
    match PicoUsdPerUnit::parse_usd_per_unit(&text) {
        Ok((rate, rounded)) => {
            let key = (format!("{id}: {path}"), &*text, rounded);
            let row: PriceRow = gather.row(PriceKey { meter, ..condition.clone() }, rate, key);
            if clash(rows, &row.key, gather.import.at).is_some_and(|other| other.rate != row.rate) {
                return gather.unreadable(id, OVERRIDES, "has windows that overlap: the later is left out");
            }
            rows.insert(row.key.clone(), row);
        }
        Err(error) => gather.unreadable(id, path, error),
    }
}

/// From so many tokens on, in a window of the day (as `hhmm`, the end before), on days of the instant.
fn condition(pairs: &Pairs<'_>, plain: &PriceKey, at: UnixNanos) -> Result<PriceKey, String> {
    let threshold = match pairs.raw("min_prompt_tokens") {
        Some(_) => {
            let input_tokens = pairs.whole("min_prompt_tokens").ok_or("has no whole number of tokens")?;
            Some(Threshold { input_tokens, inclusive: true, marginal: false })
        }
        None => None,
    };
    let clock = |key: &str| match pairs.whole(key) {
        None if pairs.raw(key).is_none() => Ok(0),
        Some(time @ 0..=2400) if time % 100 < 60 => {
            let minute = (time / 100).saturating_mul(60).saturating_add(time % 100) % (24 * 60);
            u32::try_from(minute).map_err(|_| "has no time of day".to_owned())
        }
        _ => Err(format!("`{key}` is no time of day such as 1630")),
    };
    let (from, to) = (clock("utc_start")?, clock("utc_end")?);
    let mut weekdays = Vec::new();
    for day in pairs.list("utc_days").unwrap_or_default() {
        let text = string(day.get()).unwrap_or_default();
        weekdays.push(weekday(&text).ok_or_else(|| format!("`{text}` is no weekday"))?);
    }
    let has_hours = CONDITIONS.iter().any(|key| key.starts_with("utc_") && pairs.raw(key).is_some());
    if !has_hours && threshold.is_none() {
        return Err("has an entry without a condition that is known here".to_owned());
    }
    let window = UtcWindow { from, to, weekdays };
    let hours = has_hours.then(|| utc_windows::hours(&[window], None, at)).transpose()?;
    Ok(PriceKey { threshold, hours, ..plain.clone() })
}

#[cfg(test)]
mod tests;
