//! What providers say that calls cost, beside what the price table says: where the two differ, a price is out of date.

use super::{
    Behind, Cell, Filter, Range, Report, Section,
    breakdown::{MODEL, all_of_them, column},
    money,
};
use crate::store::{StoreError, word_text};
use protocol::money::PicoUsd;
use rusqlite::{Connection, params_from_iter};
use std::collections::BTreeMap;

const DAY_NS: u64 = 86_400_000_000_000;

#[derive(Clone, Copy, Default)]
struct Sums {
    calls: u64,
    uncomputed: u64,
    reported: i128,
    computed: i128,
}

impl Sums {
    fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            uncomputed: self.uncomputed.saturating_add(other.uncomputed),
            reported: self.reported.saturating_add(other.reported),
            computed: self.computed.saturating_add(other.computed),
        }
    }

    fn cells(self, name: Cell) -> Vec<Cell> {
        let drift = self.reported.saturating_sub(self.computed);
        vec![
            name,
            Cell::Count(self.calls),
            Cell::Count(self.uncomputed),
            Cell::usd(PicoUsd::new(self.reported)),
            Cell::usd(PicoUsd::new(self.computed)),
            Cell::usd(PicoUsd::new(drift)),
            Cell::Change(money::per_mille(drift, self.computed)),
        ]
    }
}

/// One row per provider and model, the largest difference first.
pub(super) fn drift(store: &Connection, range: Range, filter: &Filter) -> Result<Report, StoreError> {
    let day = |at: u64| i64::try_from(at / DAY_NS).unwrap_or(i64::MAX);
    let conditions = filter.conditions(store, 2)?;
    let (sql, values) = match conditions {
        Some(conditions) => (conditions.sql, conditions.values),
        None => (" AND 0".to_owned(), Vec::new()),
    };
    let mut statement = store.prepare_cached(&format!(
        "SELECT provider, model, calls, uncomputed, reported_pico, computed_pico FROM by_day_reported
         WHERE day >= ?1 AND day < ?2{sql}"
    ))?;
    let span = [day(range.from), day(range.to)];
    let mut found = statement.query(params_from_iter(span.into_iter().chain(values)))?;
    let mut sums: BTreeMap<(i64, i64), Sums> = BTreeMap::new();
    while let Some(row) = found.next()? {
        let count = |index| Ok::<u64, StoreError>(u64::try_from(row.get::<_, i64>(index)?).unwrap_or(0));
        let money = |index| Ok::<i128, StoreError>(i128::from(row.get::<_, i64>(index)?));
        let part = Sums { calls: count(2)?, uncomputed: count(3)?, reported: money(4)?, computed: money(5)? };
        let sum = sums.entry((row.get(0)?, row.get(1)?)).or_default();
        *sum = sum.plus(part);
    }
    let mut rows: Vec<(Cell, Sums)> = Vec::new();
    for ((provider, model), sum) in sums {
        let (provider, model) = (word_text(store, provider)?, word_text(store, model)?);
        let shown = |word: &Option<String>| word.clone().unwrap_or_else(|| "–".to_owned());
        let name = format!("{}/{}", shown(&provider), shown(&model));
        let filters = [("provider", provider), ("model", model)];
        let filters = filters.map(|(name, word)| (name, word.unwrap_or_default().into()));
        rows.push((Cell::subject(name, filters.into()), sum));
    }
    rows.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.reported.abs_diff(sum.computed)));
    let total = rows.iter().fold(Sums::default(), |total, (_, sum)| total.plus(*sum));
    let mut notes =
        vec!["Both sums are over the calls that the provider and the price table price.".to_owned()];
    if total.uncomputed > 0 {
        notes.push(format!(
            "{} that the price table does not price: in neither sum.",
            super::breakdown::calls(total.uncomputed)
        ));
    }
    let section = Section {
        key: "drift",
        title: "Provider's word and price table",
        columns: vec![
            column("model", "model").of_parts(MODEL),
            column("calls", "calls").of(Behind::SAID),
            column("calls_uncomputed", "of them not in the price table").of(Behind::UNCOMPUTED),
            column("reported_usd", "provider says, USD").of(Behind::COMPUTED),
            column("computed_usd", "price table says, USD").of(Behind::COMPUTED),
            column("difference_usd", "difference, USD").of(Behind::COMPUTED),
            column("difference_percent", "difference"),
        ],
        rows: rows.into_iter().map(|(name, sum)| sum.cells(name)).collect(),
        total: Some(total.cells(all_of_them())),
        notes,
        empty: "No provider said what a call costs in this time.",
    };
    Ok(Report { title: "Drift of prices".to_owned(), range: Some(range), sections: vec![section] })
}
