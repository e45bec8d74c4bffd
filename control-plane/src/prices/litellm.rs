//! Reads LiteLLM's catalogue of model prices. Numbers are taken as the text they are written as; no float is made.
//! What a key of the catalogue means is in `prices/litellm/keys.rs`.

mod keys;

use super::{Import, PriceKey, PriceRow, Provenance, Status, Unreadable};
use keys::{Facts, Key, Slot};
use protocol::{UnixNanos, meters::Meter, money::PicoUsdPerUnit, price::Threshold};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt};

/// The name of the catalogue in rows that come from it.
pub const SOURCE: &str = "litellm";
/// The catalogue explains itself in an entry of this name.
const EXPLANATION: &str = "sample_spec";

/// Reads the whole catalogue. Its rows hold from `at` on. Fails only when the text is no JSON object of entries: one
/// bad entry is listed, and costs no other.
pub fn import(text: &str, at: UnixNanos) -> Result<Import, serde_json::Error> {
    let Pairs(entries) = serde_json::from_str::<Pairs<'_>>(text)?;
    let mut reader =
        Reader { at, import: Import { source: SOURCE.into(), ..Import::default() }, rows: BTreeMap::new() };
    for (name, raw) in entries.iter().filter(|(name, _)| name != EXPLANATION) {
        reader.entry(name, raw);
    }
    let Reader { mut import, rows, .. } = reader;
    import.rows = rows.into_values().collect();
    Ok(import)
}

/// A JSON object in the order of its text, with keys that are written twice still twice.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct Reader {
    at: UnixNanos,
    import: Import,
    rows: BTreeMap<PriceKey, PriceRow>,
}

/// What an entry says besides its prices.
struct Entry<'a> {
    name: &'a str,
    provider: &'a str,
    model: &'a str,
    output_tokens_max: Option<u64>,
    may_see_images: bool,
}

impl Reader {
    fn entry(&mut self, name: &str, raw: &RawValue) {
        self.import.entries = self.import.entries.saturating_add(1);
        let Ok(Pairs(pairs)) = serde_json::from_str::<Pairs<'_>>(raw.get()) else {
            return self.unreadable(name, "", "is no object");
        };
        let value = |key: &str| pairs.iter().find(|(known, _)| known == key).map(|(_, raw)| raw.get());
        let provider = value("litellm_provider").and_then(|raw| serde_json::from_str::<String>(raw).ok());
        let Some(provider) = provider.filter(|provider| !provider.is_empty()) else {
            return self.unreadable(name, "litellm_provider", "names no provider");
        };
        let (provider, model) = keys::provider_and_model(&provider, name);
        let mode = value("mode").and_then(|raw| serde_json::from_str::<String>(raw).ok()).unwrap_or_default();
        // Of a chat model that can see, the catalogue often does not say so; of a blind one nobody is billed for images.
        let may_see_images = match value("supports_vision") {
            Some("true") => true,
            Some("false") => false,
            _ => matches!(&*mode, "chat" | "responses" | "realtime"),
        };
        let entry = Entry {
            name,
            provider,
            model,
            output_tokens_max: value("max_output_tokens").and_then(|raw| raw.parse().ok()),
            may_see_images,
        };
        let facts = Facts { mode: &mode, pairs: &pairs };
        let mut rows = BTreeMap::new();
        for (key, raw) in &pairs {
            self.value(&entry, &facts, (key, raw.get()), &mut rows);
        }
        inherit(&entry, &mut rows);
        for row in rows.into_values() {
            self.add(row);
        }
    }

    fn value(
        &mut self,
        entry: &Entry<'_>,
        facts: &Facts<'_>,
        (key, raw): (&str, &str),
        rows: &mut BTreeMap<PriceKey, PriceRow>,
    ) {
        let (slot, raw) = match keys::parse(key, raw, facts) {
            _ if raw == "null" => return,
            Key::Priced(slot, raw) => (slot, raw),
            Key::Unmapped => {
                let count = self.import.unmapped.entry(key.to_owned()).or_default();
                *count = count.saturating_add(1);
                return;
            }
            Key::Descriptive => return,
        };
        match PicoUsdPerUnit::parse_usd_per_unit(raw) {
            Ok((rate, rounded)) => {
                let row = self.row(entry, key, raw, slot, rate, rounded);
                // `…_cache_hit` is an older name for the same meter; the newer one has been read, or will win.
                if keys::is_older_name(key) {
                    rows.entry(row.key.clone()).or_insert(row);
                } else {
                    rows.insert(row.key.clone(), row);
                }
            }
            Err(error) => self.unreadable(entry.name, key, &error.to_string()),
        }
    }

    fn row(
        &self,
        entry: &Entry<'_>,
        key: &str,
        raw: &str,
        slot: Slot,
        rate: PicoUsdPerUnit,
        rounded: bool,
    ) -> PriceRow {
        // xAI bills a prompt of exactly the threshold at the higher rate, the others do not.
        let inclusive = entry.provider == "xai";
        let threshold =
            slot.above_tokens.map(|input_tokens| Threshold { input_tokens, inclusive, marginal: false });
        let plain_output = slot.meter == Meter::Output && slot.tier.is_none() && threshold.is_none();
        PriceRow {
            id: 0,
            key: PriceKey {
                tier: slot.tier.map(Into::into),
                threshold,
                ..PriceKey::plain(entry.provider, entry.model, slot.meter)
            },
            rate,
            inherits: None,
            output_tokens_max: entry.output_tokens_max.filter(|_| plain_output),
            effective_from: self.at,
            effective_to: None,
            source: Provenance {
                name: SOURCE.into(),
                imported_at: self.at,
                key: format!("{}: {key}", entry.name).into(),
                text: raw.into(),
                rounded,
            },
            status: Status::Active,
        }
    }

    /// Two entries may name the same model at the same provider. Where they agree, one of them is enough.
    fn add(&mut self, row: PriceRow) {
        match self.rows.get(&row.key) {
            None => drop(self.rows.insert(row.key.clone(), row)),
            Some(known) if known.rate == row.rate => {}
            // A rate that is written wins over one that is inherited for want of a better one.
            Some(known) if known.inherits.is_some() && row.inherits.is_none() => {
                self.rows.insert(row.key.clone(), row);
            }
            Some(known) if known.inherits.is_none() && row.inherits.is_some() => {}
            Some(_) => self.import.contradicted.push(row),
        }
    }

    fn unreadable(&mut self, entry: &str, key: &str, reason: &str) {
        self.import.unreadable.push(Unreadable {
            entry: entry.to_owned(),
            key: key.to_owned(),
            reason: reason.to_owned(),
        });
    }
}

/// The catalogue's convention, made visible: without a rate of their own, cached tokens count as input, hidden ones as
/// output, and images that a model may see as input. Audio and cache writes inherit nothing: they cost more, nobody
/// knows how much.
fn inherit(entry: &Entry<'_>, rows: &mut BTreeMap<PriceKey, PriceRow>) {
    let mut pairs = vec![(Meter::CacheRead, Meter::Input), (Meter::Reasoning, Meter::Output)];
    if entry.may_see_images {
        pairs.push((Meter::ImageIn, Meter::Input));
    }
    for (heir, parent) in pairs {
        let parents: Vec<PriceRow> = rows.values().filter(|row| row.key.meter == parent).cloned().collect();
        for row in parents {
            let own = |tier: Option<&str>, threshold| {
                let key = PriceKey { meter: heir, tier: tier.map(Into::into), threshold, ..row.key.clone() };
                rows.get(&key).filter(|row| row.inherits.is_none())
            };
            let PriceKey { tier, threshold, .. } = &row.key;
            // A plain rate of its own stands above every threshold too: the catalogue says nothing else.
            if own(tier.as_deref(), None).or(own(tier.as_deref(), *threshold)).is_some() {
                continue;
            }
            // In a tier, a rate that the standard tier tells apart from its parent's stays as it is there; one that
            // only repeats its parent's follows the parent.
            let apart = |threshold: Option<Threshold>| {
                let parent = PriceKey { tier: None, threshold, ..row.key.clone() };
                let differs =
                    |own: &&PriceRow| rows.get(&parent).is_none_or(|parent| parent.rate != own.rate);
                own(None, threshold).filter(|_| tier.is_some()).filter(differs)
            };
            if threshold.is_some() && apart(*threshold).is_none() && apart(None).is_some() {
                continue;
            }
            let (from, inherited) = apart(*threshold).map_or((parent, &row), |own| (heir, own));
            let (rate, source) = (inherited.rate, inherited.source.clone());
            let key = PriceKey { meter: heir, ..row.key.clone() };
            let heir = PriceRow { key, rate, source, inherits: Some(from), output_tokens_max: None, ..row };
            rows.insert(heir.key.clone(), heir);
        }
    }
}

#[cfg(test)]
mod tests;
