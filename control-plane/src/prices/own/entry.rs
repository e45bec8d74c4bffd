//! One entry of an own file: a model under some conditions, and its rates. How it is written is in `yaml_file` and
//! `csv_file`; what it means, and what cannot be, is here.

use crate::{
    policy::{
        When,
        fault::{Faults, Place},
    },
    prices::{
        Hours, Import, Matching, PriceKey, PriceRow,
        gather::{Factor, Gather, Rows, Within, clash, inherit, multiply},
    },
};
use protocol::{
    UnixNanos,
    meters::{Meter, Side},
    money::{MoneyError, PicoUsdPerUnit},
    price::{Threshold, tier_of},
};
use std::collections::BTreeMap;

/// An entry that is written well; whether it can be is checked when it is taken.
pub(super) struct Entry {
    /// `prices[3]`.
    pub(super) path: String,
    pub(super) place: Place,
    /// Everything but the meter.
    pub(super) key: PriceKey,
    pub(super) from: Option<When>,
    pub(super) to: Option<When>,
    pub(super) output_tokens_max: Option<u64>,
    pub(super) rates: Vec<Rate>,
    pub(super) factors: Vec<Factor>,
}

/// The rate of a meter.
pub(super) struct Rate {
    /// `rates.input.usd_per_mtok`.
    pub(super) path: String,
    pub(super) place: Place,
    pub(super) meter: Meter,
    pub(super) unit: Unit,
    pub(super) text: String,
}

/// What a rate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Mtok,
    One,
}

impl Unit {
    pub(super) const MTOK: &str = "usd_per_mtok";
    pub(super) const ONE: &str = "usd_per_unit";

    fn read(self, text: &str) -> Result<(PicoUsdPerUnit, bool), MoneyError> {
        match self {
            Self::Mtok => PicoUsdPerUnit::parse_usd_per_mtok(text),
            Self::One => PicoUsdPerUnit::parse_usd_per_unit(text),
        }
    }
}

/// The tier of a row: in small letters, as the catalogues have it, and none where standard is named.
pub(super) fn tier(written: Option<&str>) -> Option<Box<str>> {
    tier_of(written).map(|tier| tier.to_ascii_lowercase().into())
}

/// From when, until when.
type Span = (Option<When>, Option<When>);

/// Takes the entries of a file. `None` when there is a fault.
pub(super) fn take(entries: Vec<Entry>, source: &str, at: UnixNanos, faults: &mut Faults) -> Option<Import> {
    let mut gather = Gather::new(source, at);
    let mut places: BTreeMap<(Span, PriceKey), Place> = BTreeMap::new();
    let mut spans: BTreeMap<Span, Rows> = BTreeMap::new();
    for entry in &entries {
        gather.entry();
        let span = (entry.from, entry.to);
        if let (Some(from), Some(to)) = span
            && to <= from
        {
            faults.add(entry.place, &entry.path, format!("ends at {to}, before it begins"), None);
        }
        for rate in &entry.rates {
            let Some(row) = row(&gather, entry, rate, faults) else { continue };
            match places.get(&(span, row.key.clone())) {
                Some(first) => twice(&row, rate.place, *first, faults),
                None => {
                    let rows = spans.entry(span).or_default();
                    if clash(rows, &row.key, at).is_some() {
                        let message = format!("prices {} at hours of another entry once more", row.key.meter);
                        faults.add(rate.place, "", message, Some("windows may not overlap".to_owned()));
                    }
                    places.insert((span, row.key.clone()), rate.place);
                    rows.insert(row.key.clone(), row);
                }
            }
        }
    }
    // What a model has of its own may be in another entry than what would be inherited, so all of them are looked at.
    spans.values_mut().for_each(|rows| inherit(rows, false));
    for entry in entries.iter().filter(|entry| !entry.factors.is_empty()) {
        let Some(all) = spans.get_mut(&(entry.from, entry.to)) else { continue };
        let of_entry = |key: &PriceKey| PriceKey { meter: entry.key.meter, ..key.clone() } == entry.key;
        let mut rows: Rows = all
            .iter()
            .filter(|(key, _)| of_entry(key))
            .map(|(key, row)| (key.clone(), row.clone()))
            .collect();
        if let Err((factor, error)) = multiply(&mut rows, &entry.factors) {
            faults.add(entry.place, &format!("{}.{factor}", entry.path), error.to_string(), None);
        }
        for (key, row) in rows {
            all.entry(key).or_insert(row);
        }
    }
    let mut taken: Vec<(PriceRow, Place)> = Vec::new();
    for ((from, to), rows) in spans {
        taken.extend(rows.into_values().map(|row| {
            let place = places.get(&((from, to), row.key.clone())).copied().unwrap_or_default();
            let (effective_from, effective_to) = (from.map_or(at, |from| from.0), to.map(|to| to.0));
            (PriceRow { effective_from, effective_to, ..row }, place)
        }));
    }
    taken.sort_by(|(a, _), (b, _)| (&a.key, a.effective_from).cmp(&(&b.key, b.effective_from)));
    settle(taken, &mut gather, faults);
    faults.is_empty().then(|| gather.finish())
}

fn twice(row: &PriceRow, place: Place, first: Place, faults: &mut Faults) {
    let message = format!("prices {} once more; the first time at {}", row.key.meter, faults.name(first));
    let hint = "entries for one model need another condition, or times that do not overlap";
    faults.add(place, "", message, Some(hint.to_owned()));
}

/// At one instant one row of a key. What is written wins over what is inherited.
fn settle(taken: Vec<(PriceRow, Place)>, gather: &mut Gather, faults: &mut Faults) {
    let at = gather.import.at;
    // A row without a beginning holds since ever.
    let from = |row: &PriceRow| if row.effective_from == at { 0 } else { row.effective_from };
    let ends_by = |row: &PriceRow, other: &PriceRow| row.effective_to.is_some_and(|end| end <= from(other));
    let overlap = |a: &PriceRow, b: &PriceRow| a.key == b.key && !ends_by(a, b) && !ends_by(b, a);
    let mut of_key: Vec<(PriceRow, Place)> = Vec::new();
    for (row, place) in taken {
        if of_key.last().is_some_and(|(other, _)| other.key != row.key) {
            of_key.drain(..).for_each(|(row, _)| gather.add(row));
        }
        let is_written = row.inherits.is_none();
        if is_written {
            of_key.retain(|(other, _)| other.inherits.is_none() || !overlap(other, &row));
        }
        match of_key.iter().find(|(other, _)| overlap(other, &row)) {
            Some((_, first)) if is_written => twice(&row, place, *first, faults),
            Some((other, _)) if other.inherits.is_none() || other.rate == row.rate => {}
            // Both inherited, from rows that do not overlap but for this one's other conditions: the later begins.
            Some(_) | None => of_key.push((row, place)),
        }
    }
    of_key.into_iter().for_each(|(row, _)| gather.add(row));
}

fn row(gather: &Gather, entry: &Entry, rate: &Rate, faults: &mut Faults) -> Option<PriceRow> {
    let path = format!("{}.{}", entry.path, rate.path);
    let unit = rate.meter.unit();
    if rate.meter == Meter::ReportedCost {
        faults.add(rate.place, &path, "is the provider's own word, which has no rate".to_owned(), None);
        return None;
    }
    if rate.unit == Unit::Mtok && unit != "token" {
        let hint = format!("write {}, in USD per {unit}", Unit::ONE);
        faults.add(rate.place, &path, format!("{} is counted by the {unit}", rate.meter), Some(hint));
        return None;
    }
    let (usd, rounded) = match rate.unit.read(&rate.text) {
        Ok(read) => read,
        Err(error) => {
            faults.add(rate.place, &path, format!("`{}` {error}", rate.text), None);
            return None;
        }
    };
    if entry.key.threshold.is_some_and(|threshold| threshold.marginal) && rate.meter.side() != Side::Prompt {
        let hint = "a marginal threshold is one of the prompt; write the others in an entry without it";
        let message = format!("{} is no part of the prompt", rate.meter);
        faults.add(rate.place, &path, message, Some(hint.to_owned()));
        return None;
    }
    let key = PriceKey { meter: rate.meter, ..entry.key.clone() };
    let output_tokens_max = entry.output_tokens_max.filter(|_| rate.meter == Meter::Output);
    Some(PriceRow { output_tokens_max, ..gather.row(key, usd, (path, &rate.text, rounded)) })
}

/// Everything but the meter, from its parts.
pub(super) fn key(provider: &str, model: &str, matching: Matching) -> PriceKey {
    PriceKey { matching, ..PriceKey::plain(provider, model, Meter::Input) }
}

/// A threshold from what is written; the two kinds exclude each other.
pub(super) fn threshold(
    above: Option<u64>,
    from: Option<u64>,
    marginal: bool,
) -> Result<Option<Threshold>, &'static str> {
    match (above, from) {
        (None, None) if marginal => {
            Err("is marginal above nothing: write above_input_tokens or from_input_tokens")
        }
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(
            "has two beginnings: above_input_tokens leaves that many out, from_input_tokens takes them in",
        ),
        (Some(input_tokens), None) => Ok(Some(Threshold { input_tokens, inclusive: false, marginal })),
        (None, Some(input_tokens)) => Ok(Some(Threshold { input_tokens, inclusive: true, marginal })),
    }
}

/// Hours from a zone and windows.
pub(super) fn hours(zone: &str, windows: &[String]) -> Result<Hours, String> {
    format!("{zone} {}", windows.join(", "))
        .parse()
        .map_err(|error: crate::prices::NoHours| error.to_string())
}

/// A factor by its region or tier.
pub(super) fn factor(
    index: usize,
    region: Option<Box<str>>,
    tier: Option<Box<str>>,
    text: String,
) -> Option<Factor> {
    let within = match (region, tier) {
        (Some(region), None) => Within::Region(region),
        (None, Some(tier)) => Within::Tier(tier),
        (None, None) | (Some(_), Some(_)) => return None,
    };
    Some(Factor { name: format!("multipliers[{index}]"), within, text })
}
