//! What changed in a week: prices, the policy, and models that nobody had called before.

use crate::{
    policy::Pricing,
    prices::{PriceKey, PriceTable, Query, Status},
    reports::{Cell, Group, ListFilters, Range, Section, breakdown::column},
    store::{self, StoreError, instant, unix},
};
use protocol::{UnixNanos, money::PicoUsdPerUnit, price::Terms};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// So many of each are named.
const NAMED_MAX: usize = 50;

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    prices: Vec<PriceChange>,
    policies: Vec<(u64, UnixNanos)>,
    models: Vec<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PriceChange {
    what: String,
    before: PicoUsdPerUnit,
    /// None: it ended, and nothing holds instead.
    since: Option<PicoUsdPerUnit>,
    at: UnixNanos,
}

impl Changes {
    /// Those of a span; models are new where their calls before it had none of theirs.
    pub fn read(
        store: &Connection,
        pricing: &Pricing,
        range: Range,
        models: &[Group],
        models_before: &[Group],
    ) -> Result<Self, StoreError> {
        // By provider and model: as one name, `a/b` and `c` would be `a` and `b/c`.
        let known: BTreeSet<&ListFilters> = models_before.iter().map(|group| &group.filters).collect();
        let new = models.iter().filter(|group| !known.contains(&group.filters));
        Ok(Self {
            prices: prices(store, pricing, range)?,
            policies: policies(store, range)?,
            models: new.filter_map(|group| group.name.clone()).collect(),
        })
    }

    /// A row for each, the first of each kind.
    pub fn section(&self) -> Section {
        let row = |what: &str, name: String, before: String, since: String, at: Option<UnixNanos>| {
            let at = at.map_or(Cell::Empty, Cell::Moment);
            vec![Cell::text(what), Cell::text(name), Cell::text(before), Cell::text(since), at]
        };
        let rate = |rate: PicoUsdPerUnit| format!("{} USD/M", rate.usd_per_mtok());
        let none = String::new;
        let policies = self.policies.iter().take(NAMED_MAX);
        let policies = policies
            .map(|(version, at)| row("policy", format!("version {version}"), none(), none(), Some(*at)));
        let prices = self.prices.iter().take(NAMED_MAX).map(|price| {
            let since = price.since.map_or_else(|| "no rate".to_owned(), rate);
            row("price", price.what.clone(), rate(price.before), since, Some(price.at))
        });
        let models = self.models.iter().take(NAMED_MAX);
        let models = models.map(|model| row("new model", model.to_string(), none(), none(), None));
        let counts = [
            ("policies", self.policies.len()),
            ("prices", self.prices.len()),
            ("new models", self.models.len()),
        ];
        let more = counts.into_iter().filter(|(_, count)| *count > NAMED_MAX);
        Section {
            key: "changes",
            title: "What changed",
            columns: vec![
                column("what", "what"),
                column("name", "name"),
                column("before", "before"),
                column("since", "since"),
                column("at", "at"),
            ],
            rows: policies.chain(prices).chain(models).collect(),
            total: None,
            notes: more
                .map(|(what, count)| format!("{} more {what} changed.", count.saturating_sub(NAMED_MAX)))
                .collect(),
            empty: "Nothing: the same prices, the same policy, the same models.",
        }
    }
}

/// Rates that took the place of others, and those that ended without another; not those of models that had none.
fn prices(store: &Connection, pricing: &Pricing, range: Range) -> Result<Vec<PriceChange>, StoreError> {
    let mut find = store.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM prices WHERE status = 'active'
             AND (effective_from >= ?1 AND effective_from < ?2 OR effective_to >= ?1 AND effective_to < ?2))",
    )?;
    let is_changed: bool = find.query_row([instant(range.from), instant(range.to)], |row| row.get(0))?;
    if !is_changed {
        return Ok(Vec::new());
    }
    let table = PriceTable::new(store::prices::rows(store)?, pricing.clone());
    let is_within = |at: &UnixNanos| (range.from..range.to).contains(at);
    let changed: BTreeSet<(UnixNanos, &PriceKey)> = table
        .rows()
        .filter(|row| row.status == Status::Active)
        .flat_map(|row| {
            let ends = [Some(row.effective_from), row.effective_to].into_iter().flatten().filter(is_within);
            ends.map(|at| (at, &row.key))
        })
        .collect();
    let change = |(at, key): (UnixNanos, &PriceKey)| {
        let before = rate(&table, key, at.checked_sub(1)?)?;
        let since = rate(&table, key, at);
        (since != Some(before)).then(|| PriceChange { what: words(key), before, since, at })
    };
    Ok(changed.into_iter().filter_map(change).collect())
}

/// What a call on the terms of a key pays at an instant: by a row of that key, else by what the table has instead.
fn rate(table: &PriceTable, key: &PriceKey, at: UnixNanos) -> Option<PicoUsdPerUnit> {
    if let Some(row) = table.row_of(key, at) {
        return Some(row.rate);
    }
    let query = Query {
        provider: &key.provider,
        account: key.contract.as_deref(),
        served: Some(&key.model),
        at,
        ..Query::default()
    };
    let region = key.region.as_deref().filter(|region| !region.starts_with('!'));
    let input_tokens = key.threshold.map_or(0, |threshold| threshold.input_tokens.saturating_add(1));
    let terms = Terms { tier: key.tier.as_deref(), region, at, input_tokens };
    table.find(&query).found()?.prices.rate(key.meter, &terms).map(|rate| rate.rate)
}

fn words(key: &PriceKey) -> String {
    let named = format!("{}/{}", key.provider, key.model);
    let rest =
        [Some(key.meter.as_str()), key.tier.as_deref(), key.region.as_deref(), key.contract.as_deref()];
    let rest = rest.into_iter().flatten().filter(|part| !part.is_empty()).map(ToOwned::to_owned);
    let above = key.threshold.map(|threshold| format!("from {} prompt tokens", threshold.input_tokens));
    let hours = key.hours.as_ref().map(ToString::to_string);
    std::iter::once(named).chain(rest).chain(above).chain(hours).collect::<Vec<_>>().join(" ")
}

fn policies(store: &Connection, range: Range) -> Result<Vec<(u64, UnixNanos)>, StoreError> {
    let mut find = store
        .prepare_cached("SELECT version, at FROM policies WHERE at >= ?1 AND at < ?2 ORDER BY version")?;
    let rows = find.query_map([instant(range.from), instant(range.to)], |row| {
        Ok((unix(row.get(0)?), unix(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
