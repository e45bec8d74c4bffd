//! What changed in a week: prices, the policy, and models that nobody had called before.

use crate::{
    reports::{Cell, Group, Range, Section, breakdown::column},
    store::{StoreError, instant, unix},
};
use protocol::{UnixNanos, money::PicoUsdPerUnit};
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
    since: PicoUsdPerUnit,
    at: UnixNanos,
}

impl Changes {
    /// Those of a span; models are new where their calls before it had none of theirs.
    pub fn read(
        store: &Connection,
        range: Range,
        models: &[Group],
        models_before: &[Group],
    ) -> Result<Self, StoreError> {
        let known: BTreeSet<Option<&str>> = models_before.iter().map(|group| group.name.as_deref()).collect();
        let new = models.iter().filter(|group| !known.contains(&group.name.as_deref()));
        Ok(Self {
            prices: prices(store, range)?,
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
            row("price", price.what.clone(), rate(price.before), rate(price.since), Some(price.at))
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

/// Rates that took the place of others, and not those of models that had none.
fn prices(store: &Connection, range: Range) -> Result<Vec<PriceChange>, StoreError> {
    let mut find = store.prepare_cached(
        "SELECT n.provider, n.model, n.meter, n.tier, n.contract, p.rate_pico, n.rate_pico, n.effective_from
         FROM prices n JOIN prices p ON p.provider = n.provider AND p.model = n.model AND p.meter = n.meter
             AND p.prefix = n.prefix AND p.tier IS n.tier AND p.threshold IS n.threshold AND p.region IS n.region
             AND p.hours IS n.hours AND p.contract IS n.contract AND p.effective_to = n.effective_from
         WHERE n.effective_from >= ?1 AND n.effective_from < ?2 AND n.status = 'active' AND p.status <> 'proposed'
             AND p.rate_pico <> n.rate_pico
         ORDER BY n.effective_from, n.provider, n.model, n.meter",
    )?;
    let mut rows = find.query([instant(range.from), instant(range.to)])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |index| row.get::<_, Option<String>>(index);
        let (provider, model, meter) = (text(0)?, text(1)?, text(2)?);
        let named = [provider, model].map(Option::unwrap_or_default).join("/");
        let rest = [meter, text(3)?, text(4)?].into_iter().flatten().filter(|part| !part.is_empty());
        let rate = |index| Ok::<_, StoreError>(PicoUsdPerUnit::new(unix(row.get(index)?)));
        changes.push(PriceChange {
            what: std::iter::once(named).chain(rest).collect::<Vec<_>>().join(" "),
            before: rate(5)?,
            since: rate(6)?,
            at: unix(row.get(7)?),
        });
    }
    Ok(changes)
}

fn policies(store: &Connection, range: Range) -> Result<Vec<(u64, UnixNanos)>, StoreError> {
    let mut find = store
        .prepare_cached("SELECT version, at FROM policies WHERE at >= ?1 AND at < ?2 ORDER BY version")?;
    let rows = find.query_map([instant(range.from), instant(range.to)], |row| {
        Ok((unix(row.get(0)?), unix(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
