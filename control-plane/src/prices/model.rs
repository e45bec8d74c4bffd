//! The rows of one model, and which of them are in force at an instant.

use super::{PriceKey, PriceRow, is_own};
use protocol::{
    UnixNanos,
    price::{ModelPrices, Rate, Span, Whose},
};
use std::sync::{Arc, Mutex, PoisonError};

const DAY_NS: u64 = 86_400_000_000_000;

/// The rows of one model.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    rows: Vec<PriceRow>,
    /// From each instant at which a row begins or ends: what is in force at all hours, made once.
    epochs: Vec<(UnixNanos, Option<Arc<ModelPrices>>)>,
    has_hours: bool,
    /// Of a model with hours: what was in force when it was last asked for, and from when until when that is so.
    last: Arc<Mutex<Option<Kept>>>,
}

/// What was in force, and from when until when.
type Kept = (Span, Option<Arc<ModelPrices>>);

impl Model {
    pub(super) fn put(&mut self, row: PriceRow) {
        self.rows.push(row);
    }

    /// Makes ready for looking up; after the last row.
    pub(super) fn settle(&mut self) {
        // Where several rows of a key hold, the last one here wins: what is written over what is inherited, people's own
        // files over catalogues, the one that began later over the one before.
        let rank =
            |row: &PriceRow| (row.inherits.is_none(), is_own(&row.source.name), row.effective_from, row.id);
        self.rows.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| rank(a).cmp(&rank(b))));
        self.has_hours = self.rows.iter().any(|row| row.key.hours.is_some());
        let mut instants: Vec<UnixNanos> =
            self.rows.iter().flat_map(|row| [Some(row.effective_from), row.effective_to]).flatten().collect();
        instants.sort_unstable();
        instants.dedup();
        let prices = |at| self.compile(at, at, at.saturating_add(1)).map(Arc::new);
        self.epochs =
            instants.into_iter().map(|at| (at, if self.has_hours { None } else { prices(at) })).collect();
    }

    /// The rows of all times.
    pub(super) fn rows(&self) -> &[PriceRow] {
        &self.rows
    }

    /// What is in force at an instant.
    pub(super) fn at(&self, at: UnixNanos) -> Option<Arc<ModelPrices>> {
        if self.has_hours {
            return self.at_hour(at);
        }
        let after = self.epochs.partition_point(|(from, _)| *from <= at);
        self.epochs.get(after.checked_sub(1)?)?.1.clone()
    }

    /// Windows are worked out by the calendar of a zone, which takes longer than all else: what was found last is kept for
    /// as long as no window begins or ends.
    fn at_hour(&self, at: UnixNanos) -> Option<Arc<ModelPrices>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, prices)) = last.as_ref().filter(|((from, until), _)| (*from..*until).contains(&at)) {
            return prices.clone();
        }
        let prices = self.compile(at, at, at.saturating_add(1)).map(Arc::new);
        *last = Some((self.unchanged_around(at), prices.clone()));
        prices
    }

    /// The longest time around an instant, up to a day each way, in which no row and no window begins or ends.
    fn unchanged_around(&self, at: UnixNanos) -> Span {
        let (mut from, mut until) = (at.saturating_sub(DAY_NS), at.saturating_add(DAY_NS));
        let hours = self.rows.iter().filter_map(|row| row.key.hours.as_ref());
        let windows = hours.flat_map(|hours| hours.spans(from, until)).flat_map(|(start, end)| [start, end]);
        let rows = self.epochs.iter().map(|(instant, _)| *instant);
        for instant in windows.chain(rows).collect::<Vec<_>>() {
            if instant <= at {
                from = from.max(instant);
            } else {
                until = until.min(instant);
            }
        }
        (from, until)
    }

    /// The rows in force at an instant, at whatever hours, one of each key.
    pub(super) fn in_force(&self, at: UnixNanos) -> Vec<&PriceRow> {
        let mut found: Vec<&PriceRow> = Vec::new();
        for row in self.rows.iter().filter(|row| row.is_in_force(at)) {
            if found.last().is_some_and(|last| last.key == row.key) {
                found.pop();
            }
            found.push(row);
        }
        found
    }

    /// The rows in force at an instant, with those of certain hours as the spans that they hold in between two others.
    pub(super) fn compile(&self, at: UnixNanos, from: UnixNanos, until: UnixNanos) -> Option<ModelPrices> {
        let mut prices = ModelPrices::default();
        let mut last: Option<&PriceKey> = None;
        for row in self.rows.iter().filter(|row| row.is_in_force(at)) {
            let during = match row.key.hours.as_ref().map(|hours| hours.spans(from, until)) {
                Some(spans) if spans.is_empty() => continue,
                spans => spans.map(Into::into),
            };
            if last == Some(&row.key) {
                prices.rates.pop();
            }
            last = Some(&row.key);
            let PriceKey { meter, tier, region, threshold, .. } = &row.key;
            prices.rates.push(Rate {
                price: row.id,
                meter: *meter,
                rate: row.rate,
                tier: tier.clone(),
                region: region.clone(),
                threshold: *threshold,
                during,
                inherited: row.inherits.is_some(),
                of: match row.key.contract.as_deref() {
                    None => Whose::List,
                    Some("") => Whose::AllAccounts,
                    Some(_) => Whose::Account,
                },
            });
            prices.output_tokens_max = row.output_tokens_max.or(prices.output_tokens_max);
        }
        (!prices.rates.is_empty()).then_some(prices)
    }
}
