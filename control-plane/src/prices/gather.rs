//! What the readers of all catalogues have in common: rows are gathered one per key and instant, contradictions and what
//! cannot be read are kept apart, missing rates are inherited, and factors become rows.

use super::{Import, PriceKey, PriceRow, Provenance, Status, Unreadable};
use protocol::{
    UnixNanos,
    meters::{Meter, Side},
    money::{MoneyError, PicoUsdPerUnit},
    price::Threshold,
};
use std::collections::BTreeMap;

/// Gathers one catalogue.
pub(super) struct Gather {
    pub(super) import: Import,
    rows: BTreeMap<(PriceKey, UnixNanos), PriceRow>,
}

/// The rows of one entry, before they are held against those of others.
pub(super) type Rows = BTreeMap<PriceKey, PriceRow>;

/// Rates times a factor, in a region or a tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Factor {
    /// What the catalogue calls it.
    pub(super) name: String,
    pub(super) within: Within,
    /// As it is written.
    pub(super) text: String,
}

/// Where a factor holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Within {
    Region(Box<str>),
    Tier(Box<str>),
}

impl Gather {
    pub(super) fn new(source: &str, at: UnixNanos) -> Self {
        let import = Import { source: source.into(), at, ..Import::default() };
        Self { import, rows: BTreeMap::new() }
    }

    /// A row that holds from the import on, of a value as it is written.
    pub(super) fn row(&self, key: PriceKey, rate: PicoUsdPerUnit, source: (String, &str, bool)) -> PriceRow {
        let (at, (key_text, text, rounded)) = (self.import.at, source);
        PriceRow {
            id: 0,
            key,
            rate,
            inherits: None,
            output_tokens_max: None,
            effective_from: at,
            effective_to: None,
            source: Provenance {
                name: self.import.source.clone(),
                imported_at: at,
                key: key_text.into(),
                text: text.into(),
                rounded,
            },
            status: Status::Active,
        }
    }

    pub(super) fn entry(&mut self) {
        self.import.entries = self.import.entries.saturating_add(1);
    }

    pub(super) fn unmapped(&mut self, key: &str) {
        let count = self.import.unmapped.entry(key.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn unreadable(&mut self, entry: &str, key: &str, reason: impl ToString) {
        let (entry, key) = (entry.to_owned(), key.to_owned());
        self.import.unreadable.push(Unreadable { entry, key, reason: reason.to_string() });
    }

    /// Takes the rows of an entry.
    pub(super) fn take(&mut self, rows: Rows) {
        rows.into_values().for_each(|row| self.add(row));
    }

    /// Two entries may name the same model at the same provider. Where they agree, one of them is enough.
    pub(super) fn add(&mut self, row: PriceRow) {
        let key = (row.key.clone(), row.effective_from);
        match self.rows.get(&key) {
            None => drop(self.rows.insert(key, row)),
            Some(known) if known.rate == row.rate => {}
            // A rate that is written wins over one that is inherited for want of a better one.
            Some(known) if known.inherits.is_some() && row.inherits.is_none() => {
                self.rows.insert(key, row);
            }
            Some(known) if known.inherits.is_none() && row.inherits.is_some() => {}
            Some(_) => self.import.contradicted.push(row),
        }
    }

    pub(super) fn finish(self) -> Import {
        Import { rows: self.rows.into_values().collect(), ..self.import }
    }
}

/// Another row for the same but its hours, whose windows overlap with those of this key: which of the two holds then, no
/// row can say.
pub(super) fn clash<'a>(rows: &'a Rows, key: &PriceKey, at: UnixNanos) -> Option<&'a PriceRow> {
    let hours = key.hours.as_ref()?;
    let always = PriceKey { hours: None, contract: None, ..key.clone() };
    let is_alike = |other: &PriceKey| PriceKey { hours: None, contract: None, ..other.clone() } == always;
    let alike = rows.range(always.clone()..).map(|(_, row)| row).take_while(|row| is_alike(&row.key));
    let mut alike = alike.filter(|row| row.key != *key && row.key.contract == key.contract);
    alike.find(|row| row.key.hours.as_ref().is_some_and(|others| hours.meet(others, at)))
}

/// Makes the convention of all catalogues visible: without a rate of their own, cached tokens count as input, hidden
/// ones as output, and images that a model may see as input. Audio and cache writes inherit nothing: they cost more,
/// nobody knows how much.
pub(super) fn inherit(rows: &mut Rows, may_see_images: bool) {
    let mut pairs = vec![(Meter::CacheRead, Meter::Input), (Meter::Reasoning, Meter::Output)];
    if may_see_images {
        pairs.push((Meter::ImageIn, Meter::Input));
    }
    for (heir, parent) in pairs {
        let parents: Vec<PriceRow> = rows.values().filter(|row| row.key.meter == parent).cloned().collect();
        for row in parents {
            inherit_one(rows, heir, &row);
        }
    }
}

fn inherit_one(rows: &mut Rows, heir: Meter, row: &PriceRow) {
    let key = &row.key;
    let written = |tier: Option<&str>, threshold: Option<Threshold>, hours: bool| {
        let hours = if hours { key.hours.clone() } else { None };
        let key = PriceKey { meter: heir, tier: tier.map(Into::into), threshold, hours, ..key.clone() };
        rows.get(&key).filter(|row| row.inherits.is_none())
    };
    let tier = key.tier.as_deref();
    // A plain rate of its own stands above every threshold and at all hours too: the catalogue says nothing else.
    let plain = written(tier, None, false).or_else(|| written(tier, None, true));
    if plain.or_else(|| written(tier, key.threshold, true)).is_some() {
        return;
    }
    // In a tier, a rate that the standard tier tells apart from its parent's stays as it is there; one that only
    // repeats its parent's follows the parent.
    let apart = |threshold: Option<Threshold>| {
        let parent = PriceKey { tier: None, threshold, ..key.clone() };
        let differs = |own: &&PriceRow| rows.get(&parent).is_none_or(|parent| parent.rate != own.rate);
        written(None, threshold, true).filter(|_| tier.is_some()).filter(differs)
    };
    if key.threshold.is_some() && apart(key.threshold).is_none() && apart(None).is_some() {
        return;
    }
    let (from, inherited) = apart(key.threshold).map_or((key.meter, row), |own| (heir, own));
    let (rate, source) = (inherited.rate, inherited.source.clone());
    let key = PriceKey { meter: heir, ..key.clone() };
    let row = PriceRow { key, rate, source, inherits: Some(from), output_tokens_max: None, ..row.clone() };
    rows.insert(row.key.clone(), row);
}

/// Writes every factor out: tokens cost so much more in the region or tier. First the tiers, then the regions of all
/// tiers; what names a tier or region itself is left alone, and so is what is no token of prompt or answer.
pub(super) fn multiply(rows: &mut Rows, factors: &[Factor]) -> Result<(), (String, MoneyError)> {
    let is_tier = |factor: &&Factor| matches!(factor.within, Within::Tier(_));
    let (tiers, regions): (Vec<&Factor>, Vec<&Factor>) = factors.iter().partition(is_tier);
    for factors in [tiers, regions] {
        let before: Vec<PriceRow> = rows.values().cloned().collect();
        for factor in factors {
            for row in before.iter().filter(|row| row.key.meter.side() != Side::Service) {
                let key = match &factor.within {
                    Within::Tier(tier) if row.key.tier.is_none() => {
                        PriceKey { tier: Some(tier.clone()), ..row.key.clone() }
                    }
                    Within::Region(region) if row.key.region.is_none() => {
                        PriceKey { region: Some(region.clone()), ..row.key.clone() }
                    }
                    Within::Tier(_) | Within::Region(_) => continue,
                };
                let scaled = row.rate.scaled(&factor.text);
                let (rate, rounded) = scaled.map_err(|error| (factor.name.clone(), error))?;
                let source = Provenance {
                    key: format!("{} × {}", row.source.key, factor.name).into(),
                    text: format!("{} × {}", row.source.text, factor.text).into(),
                    rounded: rounded || row.source.rounded,
                    ..row.source.clone()
                };
                let row = PriceRow { key, rate, source, output_tokens_max: None, ..row.clone() };
                rows.entry(row.key.clone()).or_insert(row);
            }
        }
    }
    Ok(())
}
