//! Reads LiteLLM's catalogue of model prices. Numbers are taken as the text they are written as; no float is made.
//! What a key of the catalogue means is in `prices/litellm/keys.rs`, what depends on the hour, the prompt or the region
//! in `prices/litellm/rules.rs`.

mod keys;
mod rules;

use super::{
    Import, PriceKey, PriceRow,
    gather::{Gather, Rows, inherit, multiply},
    raw::Pairs,
};
use keys::{Facts, Key, Slot};
use protocol::{UnixNanos, meters::Meter, money::PicoUsdPerUnit};
use std::collections::BTreeSet;

/// The catalogue explains itself in an entry of this name.
const EXPLANATION: &str = "sample_spec";

/// What a factor is tried on: one that cannot be read costs no other.
const ONE_USD_PER_MTOK: u64 = 1_000_000;

/// The name of the catalogue in rows that come from it.
pub const SOURCE: &str = "litellm";

/// Reads the catalogue under its own name.
pub fn import(text: &str, at: UnixNanos) -> Result<Import, serde_json::Error> {
    read(text, SOURCE, at)
}

/// Reads the whole catalogue. Its rows hold from `at` on. Fails only when the text is no JSON object of entries: one
/// bad entry is listed, and costs no other.
pub(super) fn read(text: &str, source: &str, at: UnixNanos) -> Result<Import, serde_json::Error> {
    let Pairs(entries) = serde_json::from_str::<Pairs<'_>>(text)?;
    let mut reader = Reader { gather: Gather::new(source, at), missed: BTreeSet::new() };
    for (name, raw) in entries.iter().filter(|(name, _)| name != EXPLANATION) {
        reader.entry(name, raw.get());
    }
    Ok(reader.gather.finish())
}

struct Reader {
    gather: Gather,
    /// Keys of the entry at hand whose prices did not become rows.
    missed: BTreeSet<String>,
}

/// What an entry says besides its prices.
struct Entry<'a> {
    name: &'a str,
    provider: &'a str,
    model: &'a str,
    region: Option<&'a str>,
    output_tokens_max: Option<u64>,
}

impl Reader {
    fn entry(&mut self, name: &str, raw: &str) {
        self.gather.entry();
        let Some(pairs) = Pairs::of(raw) else {
            return self.gather.unreadable(name, "", "is no object");
        };
        let mode = pairs.text("mode").unwrap_or_default();
        self.missed.clear();
        self.priced_entry(name, &mode, &pairs);
        if matches!(&*mode, "chat" | "responses" | "completion") {
            let import = &mut self.gather.import;
            import.chat_entries = import.chat_entries.saturating_add(1);
            if self.missed.is_empty() {
                import.chat_entries_covered = import.chat_entries_covered.saturating_add(1);
            } else {
                import.not_covered.insert(name.to_owned(), self.missed.iter().cloned().collect());
            }
        }
    }

    fn priced_entry(&mut self, name: &str, mode: &str, pairs: &Pairs<'_>) {
        let provider = pairs.text("litellm_provider").filter(|provider| !provider.is_empty());
        let Some(provider) = provider else {
            return self.unreadable(name, "litellm_provider", "names no provider");
        };
        let (provider, model) = keys::provider_and_model(&provider, name);
        let (region, model) = keys::region_and_model(provider, model);
        let output_tokens_max = pairs.raw("max_output_tokens").and_then(|raw| raw.parse().ok());
        let entry = Entry { name, provider, model, region, output_tokens_max };
        let facts = Facts { mode, pairs: &pairs.0, is_commitment: keys::is_commitment(model) };
        let mut rows = Rows::new();
        for (key, raw) in pairs.0.iter().filter(|(_, raw)| raw.get() != "null") {
            self.value(&entry, &facts, (key, raw.get()), &mut rows);
        }
        // Of a chat model that can see, the catalogue often does not say so; of a blind one nobody is billed for images.
        let may_see_images = match pairs.raw("supports_vision") {
            Some("true") => true,
            Some("false") => false,
            _ => matches!(mode, "chat" | "responses" | "realtime"),
        };
        inherit(&mut rows, may_see_images);
        let mut factors = rules::factors(pairs);
        factors.retain(|factor| match PicoUsdPerUnit::new(ONE_USD_PER_MTOK).scaled(&factor.text) {
            Ok(_) => true,
            Err(error) => {
                self.unreadable(name, &factor.name, &error.to_string());
                false
            }
        });
        if let Err((factor, error)) = multiply(&mut rows, &factors) {
            self.unreadable(name, &factor, &error.to_string());
        }
        self.gather.take(rows);
    }

    fn value(&mut self, entry: &Entry<'_>, facts: &Facts<'_>, (key, raw): (&str, &str), rows: &mut Rows) {
        match keys::parse(key, raw, facts) {
            Key::Priced(slot, raw) => self.rate(entry, (key, raw), slot, None, rows),
            Key::OffPeak => match rules::off_peak(raw, self.gather.import.at) {
                Ok(rule) => self.rule(entry, key, &[rule], rows),
                Err(reason) => self.unreadable(entry.name, key, &reason),
            },
            Key::Tiers => match rules::tiers(raw, entry.provider) {
                Some(tiers) => self.rule(entry, key, &tiers, rows),
                None => self.unmapped(key),
            },
            Key::Specific => rules::unknown_specifics(raw).iter().for_each(|key| self.unmapped(key)),
            Key::Unmapped => self.unmapped(key),
            Key::Factor | Key::Descriptive => {}
        }
    }

    /// Rates that hold under a condition of their own.
    fn rule(&mut self, entry: &Entry<'_>, key: &str, rules: &[rules::Rule<'_>], rows: &mut Rows) {
        for rule in rules {
            for (inner, raw) in rule.rates.iter().filter(|(_, raw)| raw.get() != "null") {
                let path = format!("{key}.{inner}");
                match keys::slot(inner) {
                    Some(slot) if slot.above_tokens.is_none() || rule.threshold.is_none() => {
                        self.rate(entry, (&path, raw.get()), slot, Some(rule), rows);
                    }
                    _ => self.unmapped(&path),
                }
            }
        }
    }

    fn rate(
        &mut self,
        entry: &Entry<'_>,
        (key, raw): (&str, &str),
        slot: Slot,
        rule: Option<&rules::Rule<'_>>,
        rows: &mut Rows,
    ) {
        let (rate, rounded) = match PicoUsdPerUnit::parse_usd_per_unit(raw) {
            Ok(read) => read,
            Err(error) => return self.unreadable(entry.name, key, &error.to_string()),
        };
        let threshold = slot.above_tokens.map(|tokens| rules::threshold(tokens, entry.provider));
        let row_key = PriceKey {
            tier: slot.tier.map(Into::into),
            region: entry.region.map(Into::into),
            threshold: rule.and_then(|rule| rule.threshold).or(threshold),
            hours: rule.and_then(|rule| rule.hours.clone()),
            ..PriceKey::plain(entry.provider, entry.model, slot.meter)
        };
        let is_plain =
            |key: &PriceKey| (key.tier.is_none(), key.threshold, &key.hours) == (true, None, &None);
        let plain_output = slot.meter == Meter::Output && is_plain(&row_key);
        let source = (format!("{}: {key}", entry.name), raw, rounded);
        let row = PriceRow {
            output_tokens_max: entry.output_tokens_max.filter(|_| plain_output),
            ..self.gather.row(row_key, rate, source)
        };
        // `…_cache_hit` is an older name for the same meter, and a list of tiers says again what the entry itself says.
        if keys::is_older_name(key) || rule.is_some() {
            rows.entry(row.key.clone()).or_insert(row);
        } else {
            rows.insert(row.key.clone(), row);
        }
    }

    fn unmapped(&mut self, key: &str) {
        self.missed.insert(key.to_owned());
        self.gather.unmapped(key);
    }

    fn unreadable(&mut self, entry: &str, key: &str, reason: &str) {
        self.missed.insert(key.to_owned());
        self.gather.unreadable(entry, key, reason);
    }
}

#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;
