//! Own prices in YAML, or in JSON, which is YAML. The schema says which keys there are; faults carry line and column.

use super::entry::{self, Entry, Rate, Unit};
use crate::{
    policy::{
        Fault, When, check,
        fault::Faults,
        tree::{self, Located, Node},
    },
    prices::{Import, Matching},
};
use protocol::{UnixNanos, meters::Meter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Bursar prices")]
struct File {
    /// The version of this format: 1.
    #[serde(default, rename = "version")]
    #[schemars(range(min = 1, max = 1))]
    _version: Option<u32>,
    /// Of all rates: USD.
    #[serde(default, rename = "currency")]
    _currency: Option<Currency>,
    prices: Vec<Written>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
enum Currency {
    #[serde(rename = "USD")]
    Usd,
}

/// A model under some conditions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    #[schemars(schema_with = "name")]
    provider: Box<str>,
    #[schemars(schema_with = "name")]
    model: Box<str>,
    #[serde(default, rename = "match")]
    matching: Match,
    #[serde(default)]
    #[schemars(schema_with = "name")]
    tier: Option<Box<str>>,
    #[serde(default)]
    #[schemars(schema_with = "name")]
    region: Option<Box<str>>,
    #[serde(default)]
    threshold: Option<Above>,
    #[serde(default)]
    hours: Option<WrittenHours>,
    #[serde(default)]
    contract: Option<Contract>,
    #[serde(default)]
    from: Option<When>,
    #[serde(default)]
    to: Option<When>,
    #[serde(default)]
    #[schemars(range(min = 1))]
    output_tokens_max: Option<u64>,
    #[schemars(schema_with = "rates")]
    rates: BTreeMap<Meter, WrittenRate>,
    #[serde(default)]
    multipliers: Vec<Multiplier>,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Match {
    #[default]
    Exact,
    Prefix,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Above {
    #[serde(default)]
    above_input_tokens: Option<u64>,
    #[serde(default)]
    from_input_tokens: Option<u64>,
    #[serde(default)]
    marginal: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenHours {
    #[schemars(extend("format" = "time-zone"))]
    zone: Box<str>,
    windows: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Contract {
    #[serde(default)]
    #[schemars(schema_with = "name")]
    account: Option<Box<str>>,
}

#[derive(Deserialize)]
struct WrittenRate {
    usd_per_mtok: Option<String>,
    usd_per_unit: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Multiplier {
    #[serde(default)]
    #[schemars(schema_with = "name")]
    region: Option<Box<str>>,
    #[serde(default)]
    #[schemars(schema_with = "name")]
    tier: Option<Box<str>>,
    #[schemars(schema_with = "factor")]
    factor: String,
}

fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "name"})
}

fn factor(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "number"], "format": "factor"})
}

fn rates(_: &mut SchemaGenerator) -> Schema {
    let rate = json_schema!({"type": ["string", "number"], "format": "rate"});
    let units = json_schema!({
        "type": "object", "additionalProperties": false,
        "properties": {"usd_per_mtok": rate, "usd_per_unit": rate},
    });
    let meters: BTreeMap<&str, &Schema> = Meter::ALL.iter().map(|meter| (meter.as_str(), &units)).collect();
    json_schema!({"type": "object", "properties": meters, "additionalProperties": false})
}

/// Reads a file. On failure, every fault in it.
pub(in crate::prices) fn import(text: &str, source: &str, at: UnixNanos) -> Result<Import, Vec<Fault>> {
    let mut faults = Faults::new(vec![source.to_owned()]);
    let mut root = tree::read(&[(source, text)], &mut faults);
    units_are_written(&mut root, &mut faults);
    let schema = schemars::schema_for!(File).to_value();
    check::against(&schema, &mut root, &mut faults);
    if !faults.is_empty() {
        return Err(faults.sorted());
    }
    let file: File = match serde_json::from_value(root.to_json()) {
        Ok(file) => file,
        Err(error) => {
            faults.add(root.place, "", error.to_string(), None);
            return Err(faults.sorted());
        }
    };
    let located = root.field("prices").map(Located::items).unwrap_or_default();
    let entries = file.prices.into_iter().zip(located).enumerate();
    let entries = entries
        .filter_map(|(index, (written, located))| read(written, located, index, &mut faults))
        .collect();
    let import = entry::take(entries, source, at, &mut faults);
    import.ok_or_else(|| faults.sorted())
}

/// A number without a unit, and another currency, deserve words of their own: they are how prices come to be wrong by
/// a factor of a million. What is told here is not told once more by the schema.
fn units_are_written(root: &mut Located, faults: &mut Faults) {
    let Some(prices) = field_mut(root, "prices") else { return };
    let Node::List(entries) = &mut prices.node else { return };
    for (index, entry) in entries.iter_mut().enumerate() {
        let Some(rates) = field_mut(entry, "rates") else { continue };
        let Node::Map(rates) = &mut rates.node else { continue };
        for (meter, rate) in rates {
            let path = format!("prices[{index}].rates.{}", meter.text);
            if !has_a_unit(rate, &path, faults) {
                rate.node = Node::Null;
            }
        }
    }
}

fn has_a_unit(rate: &Located, path: &str, faults: &mut Faults) -> bool {
    let hint = "write {usd_per_mtok: …} for a million tokens, {usd_per_unit: …} for one of anything";
    let mut fault =
        |place, path: &str, message: String| faults.add(place, path, message, Some(hint.to_owned()));
    if rate.scalar().is_some() {
        fault(rate.place, path, "is a number without a unit".to_owned());
        return false;
    }
    for (unit, _) in rate.entries() {
        let currency = unit.text.split('_').next().unwrap_or_default();
        if currency.len() == 3 && currency != "usd" {
            let message = format!("is in {}, and only USD is known", currency.to_uppercase());
            fault(unit.place, &format!("{path}.{}", unit.text), message);
            return false;
        }
    }
    let one = rate.entries().count() == 1;
    if matches!(&rate.node, Node::Map(_)) && !one {
        fault(rate.place, path, "needs one rate, in one unit".to_owned());
        return false;
    }
    true
}

fn field_mut<'a>(map: &'a mut Located, key: &str) -> Option<&'a mut Located> {
    let Node::Map(entries) = &mut map.node else { return None };
    entries.iter_mut().find(|(known, _)| known.text == key).map(|(_, value)| value)
}

fn read(written: Written, located: &Located, index: usize, faults: &mut Faults) -> Option<Entry> {
    let path = format!("prices[{index}]");
    let place_of = |key: &str| located.field(key).map_or(located.place, |value| value.place);
    let mut key = entry::key(
        &written.provider,
        &written.model,
        match written.matching {
            Match::Exact => Matching::Exact,
            Match::Prefix => Matching::Prefix,
        },
    );
    let threshold = written
        .threshold
        .map(|it| entry::threshold(it.above_input_tokens, it.from_input_tokens, it.marginal));
    match threshold.transpose() {
        Ok(threshold) => key.threshold = threshold.flatten(),
        Err(message) => {
            faults.add(place_of("threshold"), &format!("{path}.threshold"), message.to_owned(), None)
        }
    }
    if let Some(hours) = written.hours {
        match entry::hours(&hours.zone, &hours.windows) {
            Ok(hours) => key.hours = Some(hours),
            Err(message) => faults.add(place_of("hours"), &format!("{path}.hours"), message, None),
        }
    }
    (key.tier, key.region) = (entry::tier(written.tier.as_deref()), written.region);
    key.contract = written.contract.map(|contract| contract.account.unwrap_or_default());
    let written_rates = located.field("rates");
    let rates = written.rates.into_iter().filter_map(|(meter, rate)| {
        let (unit, word, text) = match (rate.usd_per_mtok, rate.usd_per_unit) {
            (Some(text), _) => (Unit::Mtok, Unit::MTOK, text),
            (None, Some(text)) => (Unit::One, Unit::ONE, text),
            (None, None) => return None,
        };
        let place =
            written_rates.and_then(|rates| rates.field(meter.as_str())).map_or(located.place, |it| it.place);
        Some(Rate { path: format!("rates.{meter}.{word}"), place, meter, unit, text })
    });
    let rates = rates.collect();
    let mut factors = Vec::new();
    for (index, multiplier) in written.multipliers.into_iter().enumerate() {
        match entry::factor(index, multiplier.region, multiplier.tier, multiplier.factor) {
            Some(factor) => factors.push(factor),
            None => {
                let path = format!("{path}.multipliers[{index}]");
                faults.add(
                    place_of("multipliers"),
                    &path,
                    "needs either a region or a tier".to_owned(),
                    None,
                );
            }
        }
    }
    let (from, to, output_tokens_max) = (written.from, written.to, written.output_tokens_max);
    Some(Entry { path, place: located.place, key, from, to, output_tokens_max, rates, factors })
}
