//! Reads pydantic's genai-prices (`data.json`): providers, their models with rules that match names, and prices that may
//! begin on a day or hold at a time of day. USD per million tokens, or per thousand of what is no token.

use super::{
    Hours, Import, PriceKey, PriceRow,
    formats::provider_name,
    gather::{Gather, Rows, inherit},
    raw::{Pairs, number, shifted},
    utc_windows::{self, UtcWindow, minute},
};
use crate::{instant::Instant, prices::Matching};
use protocol::{
    UnixNanos,
    meters::Meter,
    money::{MoneyError, PicoUsdPerUnit},
    price::Threshold,
};
use serde_json::value::RawValue;

/// The unit is the end of the key. Cached audio and images, and video, are meters that Bursar does not have.
const METERS: [(&str, Meter); 14] = [
    ("input_mtok", Meter::Input),
    ("output_mtok", Meter::Output),
    ("cache_read_mtok", Meter::CacheRead),
    ("cache_write_mtok", Meter::CacheWrite5m),
    ("cache_write_5m_mtok", Meter::CacheWrite5m),
    ("cache_write_1h_mtok", Meter::CacheWrite1h),
    ("output_reasoning_mtok", Meter::Reasoning),
    ("input_audio_mtok", Meter::AudioIn),
    ("output_audio_mtok", Meter::AudioOut),
    ("input_image_mtok", Meter::ImageIn),
    ("output_image_mtok", Meter::ImageOut),
    ("output_citation_mtok", Meter::Citation),
    ("requests_kcount", Meter::Requests),
    ("web_searches_kcount", Meter::WebSearch),
];

/// Reads the whole file: a list of providers.
pub(super) fn import(text: &str, source: &str, at: UnixNanos) -> Result<Import, serde_json::Error> {
    let providers: Vec<&RawValue> = serde_json::from_str(text)?;
    let mut gather = Gather::new(source, at);
    for raw in providers {
        let provider = Pairs::of(raw.get());
        let Some((id, models)) = provider.and_then(|it| Some((it.text("id")?, it.list("models")?))) else {
            gather.unreadable("", "id", "is no provider with models");
            continue;
        };
        for raw in models {
            gather.entry();
            match Pairs::of(raw.get()).and_then(|model| Some((model.text("id")?, model))) {
                Some((model, pairs)) => entry(&mut gather, &id, &model, &pairs),
                None => gather.unreadable(&id, "models", "has a model without a name"),
            }
        }
    }
    Ok(gather.finish())
}

fn entry(gather: &mut Gather, provider: &str, model: &str, pairs: &Pairs<'_>) {
    let name = format!("{provider}/{model}");
    let names = names(gather, &name, pairs.raw("match").unwrap_or("{}"));
    let blocks = match blocks(pairs.raw("prices").unwrap_or("null"), gather.import.at) {
        Ok(blocks) => blocks,
        Err(reason) => return gather.unreadable(&name, "prices", reason),
    };
    let plain = PriceKey::plain(provider_name(provider), "", Meter::Input);
    for block in blocks {
        let mut rows = Rows::new();
        for (key, raw) in block.rates.0.iter().filter(|(_, raw)| raw.get() != "null") {
            let key_plain = PriceKey { hours: block.hours.clone(), ..plain.clone() };
            rates(gather, &mut rows, (&name, key, raw.get()), &key_plain);
        }
        inherit(&mut rows, false);
        for row in rows.values() {
            for (model, matching) in &names {
                let key = PriceKey { model: model.clone(), matching: *matching, ..row.key.clone() };
                let effective_from = block.from.unwrap_or(row.effective_from);
                gather.add(PriceRow { key, effective_from, effective_to: block.to, ..row.clone() });
            }
        }
    }
}

/// The names that a rule matches. What is neither a name nor the beginning of one is listed: a row cannot say it.
fn names(gather: &mut Gather, entry: &str, raw: &str) -> Vec<(Box<str>, Matching)> {
    let Some(Pairs(rules)) = Pairs::of(raw) else {
        gather.unreadable(entry, "match", "is no rule");
        return Vec::new();
    };
    let mut found = Vec::new();
    for (rule, raw) in rules {
        let text = serde_json::from_str::<String>(raw.get()).map(Into::into);
        match (&*rule, text) {
            ("equals", Ok(text)) => found.push((text, Matching::Exact)),
            ("starts_with", Ok(text)) => found.push((text, Matching::Prefix)),
            ("or", _) => {
                let any: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
                found.extend(any.into_iter().flat_map(|raw| names(gather, entry, raw.get())));
            }
            _ => gather.unreadable(entry, "match", format!("`{rule}` is no name and no beginning of one")),
        }
    }
    found
}

/// Prices that hold together.
struct Block<'a> {
    from: Option<UnixNanos>,
    to: Option<UnixNanos>,
    hours: Option<Hours>,
    rates: Pairs<'a>,
}

/// One object, or a list of which the last that fits wins: without a condition, from a day on, or at a time of day.
fn blocks(raw: &str, at: UnixNanos) -> Result<Vec<Block<'_>>, String> {
    if let Some(rates) = Pairs::of(raw) {
        return Ok(vec![Block { from: None, to: None, hours: None, rates }]);
    }
    let list: Vec<&RawValue> = serde_json::from_str(raw).map_err(|_| "are neither one object nor a list")?;
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for raw in list {
        let pairs = Pairs::of(raw.get()).ok_or("have an entry that is no object")?;
        let rates = pairs.object("prices").ok_or("have an entry without prices")?;
        let mut block = Block { from: None, to: None, hours: None, rates };
        for (key, raw) in pairs.object("constraint").iter().flat_map(|constraint| &constraint.0) {
            match &**key {
                "type" => {}
                "start_date" => {
                    let day = serde_json::from_str::<String>(raw.get()).unwrap_or_default();
                    let Instant(from) = day.parse().map_err(|error| format!("start_date {error}"))?;
                    block.from = Some(from);
                }
                "start_time" | "end_time" => block.hours = Some(time_of_day(&pairs, at)?),
                other => return Err(format!("have the condition `{other}`, which is not known here")),
            }
        }
        if let Some(before) = blocks.iter_mut().rev().find(|before| before.hours.is_none())
            && block.hours.is_none()
        {
            if block.from.is_none() || block.from <= before.from {
                return Err("are in no order of time".to_owned());
            }
            before.to = block.from;
        }
        blocks.push(block);
    }
    // Bursar's hours win over all hours, wherever they are written; here a later entry would.
    let mut after = blocks.iter().skip_while(|block| block.hours.is_none()).peekable();
    let has_hours = after.peek().is_some();
    if after.any(|block| block.hours.is_none())
        || (has_hours && blocks.iter().any(|block| block.from.is_some()))
    {
        return Err("mix days and times of day".to_owned());
    }
    Ok(blocks)
}

fn time_of_day(pairs: &Pairs<'_>, at: UnixNanos) -> Result<Hours, String> {
    let constraint = pairs.object("constraint");
    let time = |key: &str| {
        let text = constraint.as_ref().and_then(|constraint| constraint.text(key));
        text.as_deref().and_then(minute).ok_or_else(|| format!("`{key}` is no time of day in UTC"))
    };
    let (from, to) = (time("start_time")?, time("end_time")?);
    utc_windows::hours(&[UtcWindow { from, to, weekdays: Vec::new() }], None, at)
}

/// A number, or `{base, tiers: [{start, price}]}`: from more than `start` on, for the whole request.
fn rates(gather: &mut Gather, rows: &mut Rows, (name, key, raw): (&str, &str, &str), under: &PriceKey) {
    let Some((_, meter)) = METERS.iter().find(|(known, _)| *known == key) else {
        return gather.unmapped(key);
    };
    let per_thousand = key.ends_with("_kcount");
    let mut put = |gather: &mut Gather, path: &str, raw: &str, threshold: Option<Threshold>| {
        let text = number(raw);
        match rate(&text, per_thousand) {
            Ok((rate, rounded)) => {
                let key = PriceKey { meter: *meter, threshold, ..under.clone() };
                let row = gather.row(key, rate, (format!("{name}: {path}"), &*text, rounded));
                // A lifetime of its own is said more closely than `cache_write_mtok`.
                if key_is_general(path) {
                    rows.entry(row.key.clone()).or_insert(row);
                } else {
                    rows.insert(row.key.clone(), row);
                }
            }
            Err(error) => gather.unreadable(name, path, error),
        }
    };
    let Some(tiered) = Pairs::of(raw) else { return put(gather, key, raw, None) };
    match tiered.raw("base") {
        Some(base) => put(gather, &format!("{key}.base"), base, None),
        None => gather.unreadable(name, key, "has no base"),
    }
    for raw in tiered.list("tiers").unwrap_or_default() {
        let tier = Pairs::of(raw.get());
        let tier = tier.as_ref().and_then(|tier| Some((tier.whole("start")?, tier.raw("price")?)));
        let Some((input_tokens, price)) = tier else {
            gather.unreadable(name, key, "has a tier without start or price");
            continue;
        };
        let threshold = Threshold { input_tokens, inclusive: false, marginal: false };
        put(gather, &format!("{key}.tiers"), price, Some(threshold));
    }
}

fn key_is_general(path: &str) -> bool {
    path.starts_with("cache_write_mtok")
}

fn rate(text: &str, per_thousand: bool) -> Result<(PicoUsdPerUnit, bool), MoneyError> {
    match shifted(text, -3) {
        Some(text) if per_thousand => PicoUsdPerUnit::parse_usd_per_unit(&text),
        None => Err(MoneyError::NotDecimal),
        Some(_) => PicoUsdPerUnit::parse_usd_per_mtok(text),
    }
}

#[cfg(test)]
mod tests;
