//! Reads figures from the store's aggregates. Sums are made here, in integers wide enough for any of them.

use super::{Costs, Filter, Group, ListFilters, Point, Range, Totals, Waste, words::Words};
use crate::{
    ledger::{
        calls::WordColumn,
        spans::{Run, cover},
    },
    store::StoreError,
};
use protocol::{UnixNanos, money::PicoUsd};
use rusqlite::{Connection, Row, params_from_iter};
use std::collections::BTreeMap;

const HOUR_NS: u64 = 3_600_000_000_000;
const DAY_NS: u64 = 86_400_000_000_000;

/// The columns that every aggregate ends with.
const SUMS: &str = "calls, refused, errors, unpriced, estimated, tokens_in, tokens_out, cost_pico, \
    original_unpriced, original_pico, retries, retried_pico, failed_pico, aborted_pico, invalid_pico, fallbacks, \
    premium_unknown, premium_pico";

/// What calls are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Who pays.
    Customer,
    /// For which part of the product.
    Feature,
    /// Envoy's route.
    Route,
    /// Inside what, as `customer/workspace`.
    Workspace,
    /// As `provider/model`.
    Model,
}

impl Dimension {
    /// The columns of its names, and what it needs of sums by day; `None` where only those by spans of days have it.
    fn columns(self) -> (&'static str, Option<&'static [WordColumn]>) {
        use WordColumn::{Customer, Feature, Model, Provider, Route};
        match self {
            Self::Customer => ("customer, 0", Some(&[Customer])),
            Self::Feature => ("feature, 0", Some(&[Feature])),
            Self::Route => ("route, 0", Some(&[Route])),
            Self::Model => ("provider, model", Some(&[Provider, Model])),
            Self::Workspace => ("customer, workspace", None),
        }
    }
}

/// The sums of each group over a time, which is taken as whole days.
pub fn groups(
    store: &Connection,
    by: Dimension,
    range: Range,
    costs: Costs,
    filter: &Filter,
) -> Result<Vec<Group>, StoreError> {
    let (columns, needs) = by.columns();
    let Some(conditions) = filter.conditions(store, 2)? else { return Ok(Vec::new()) };
    let (from, to) = days(range);
    let (table, runs) = match needs {
        Some(needs) => (filter.sums_by_day(needs), vec![Run { span: 1, from, to }]),
        None => ("by_span_workspace", cover(from, to)),
    };
    let mut sums: BTreeMap<(i64, i64), Totals> = BTreeMap::new();
    for Run { span, from, to } in runs {
        let lead = match table {
            "by_span_workspace" => format!("span = {span} AND "),
            // The customer leads that key: each one's part of it is looked up.
            "by_day_use" if !filter.is_of_a_customer() => {
                "customer IN (SELECT customer FROM by_day_customer WHERE day >= ?1 AND day < ?2) AND "
                    .to_owned()
            }
            _ => String::new(),
        };
        let sql = format!(
            "SELECT {columns}, {SUMS} FROM {table} WHERE {lead}day >= ?1 AND day < ?2{}",
            conditions.sql
        );
        let mut statement = store.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter([from, to].iter().chain(&conditions.values)))?;
        while let Some(row) = rows.next()? {
            let sum = sums.entry((row.get(0)?, row.get(1)?)).or_default();
            *sum = sum.plus(totals(row, 2)?.with(costs));
        }
    }
    // Several customers' calls without a workspace are one group.
    let mut merged: BTreeMap<(Option<Box<str>>, ListFilters), Totals> = BTreeMap::new();
    let mut words = Words::of(store);
    for ((one, two), totals) in sums {
        let (one, two) = (words.text(one)?, words.text(two)?);
        let sum = merged.entry(by.subject(one, two)).or_default();
        *sum = sum.plus(totals);
    }
    Ok(merged.into_iter().map(|((name, filters), totals)| Group { name, filters, totals }).collect())
}

impl Dimension {
    /// The name of a group, and the filters that leave its calls.
    fn subject(self, one: Option<Box<str>>, two: Option<Box<str>>) -> (Option<Box<str>>, ListFilters) {
        let simple = |parameter, name: Option<Box<str>>| {
            let text = name.clone().unwrap_or_default();
            (name, vec![(parameter, text)])
        };
        match self {
            Self::Customer => simple("customer", one),
            Self::Feature => simple("feature", one),
            Self::Route => simple("route", one),
            // A workspace is one only within its customer: two customers may both have a `default`.
            Self::Workspace if two.is_none() => simple("workspace", None),
            Self::Workspace => pair("customer", one, "workspace", two),
            Self::Model => pair("provider", one, "model", two),
        }
    }
}

/// Two names as one.
pub(super) fn pair(
    first: &'static str,
    one: Option<Box<str>>,
    second: &'static str,
    two: Option<Box<str>>,
) -> (Option<Box<str>>, ListFilters) {
    let shown = |name: &Option<Box<str>>| name.clone().unwrap_or_else(|| "–".into());
    let name = format!("{}/{}", shown(&one), shown(&two)).into();
    (Some(name), vec![(first, one.unwrap_or_default()), (second, two.unwrap_or_default())])
}

/// Cost and calls per customer over time, by the hour or by the day: of one customer, or of all.
pub fn series(
    store: &Connection,
    range: Range,
    hourly: bool,
    customer: Option<&str>,
) -> Result<Vec<Point>, StoreError> {
    // Of what else a filter can be about, these sums know nothing.
    let filter = customer.map(Filter::customer).unwrap_or_default();
    let Some(conditions) = filter.conditions(store, 2)? else { return Ok(Vec::new()) };
    let (table, bucket, length) =
        if hourly { ("by_hour_workspace", "hour", HOUR_NS) } else { ("by_day_customer", "day", DAY_NS) };
    let sql = format!(
        "SELECT {bucket}, customer, {SUMS} FROM {table} WHERE {bucket} >= ?1 AND {bucket} < ?2{}",
        conditions.sql
    );
    let mut sums: BTreeMap<(i64, i64), Totals> = BTreeMap::new();
    let mut statement = store.prepare_cached(&sql)?;
    let span = [first(range.from, length), last(range.to, length)];
    let mut rows = statement.query(params_from_iter(span.into_iter().chain(conditions.values)))?;
    while let Some(row) = rows.next()? {
        let sum = sums.entry((row.get(0)?, row.get(1)?)).or_default();
        *sum = sum.plus(totals(row, 2)?);
    }
    let mut words = Words::of(store);
    sums.into_iter()
        .map(|((bucket, customer), totals)| {
            let at = u64::try_from(bucket).unwrap_or(0).saturating_mul(length);
            Ok(Point { at, customer: words.text(customer)?, totals })
        })
        .collect()
}

/// The hour of the first call that any aggregate counts.
pub fn first_hour(store: &Connection) -> Result<Option<UnixNanos>, StoreError> {
    let hour: Option<i64> =
        store.query_row("SELECT min(hour) FROM by_hour_workspace", [], |row| row.get(0))?;
    Ok(hour.and_then(|hour| u64::try_from(hour).ok()).map(|hour| hour.saturating_mul(HOUR_NS)))
}

/// The days that a span touches, whole: what a report over days counts, so what it says it is about.
pub fn whole_days(range: Range) -> Range {
    let to = range.to.div_ceil(DAY_NS).saturating_mul(DAY_NS);
    Range { from: range.from.saturating_sub(range.from % DAY_NS), to }
}

/// The seven days that end with the day of an instant.
pub fn week_of(now: UnixNanos) -> Range {
    let to = (now / DAY_NS).saturating_add(1).saturating_mul(DAY_NS);
    Range { from: to.saturating_sub(DAY_NS.saturating_mul(7)), to }
}

/// The span of the same length that ends where another begins.
pub fn before(range: Range) -> Range {
    let length = range.to.saturating_sub(range.from);
    Range { from: range.from.saturating_sub(length), to: range.from }
}

/// The days that a time touches: the first, and the one after the last.
pub(super) fn days(range: Range) -> (i64, i64) {
    (first(range.from, DAY_NS), last(range.to, DAY_NS))
}

fn first(at: UnixNanos, length: u64) -> i64 {
    i64::try_from(at.checked_div(length).unwrap_or(0)).unwrap_or(i64::MAX)
}

fn last(at: UnixNanos, length: u64) -> i64 {
    i64::try_from(at.div_ceil(length.max(1))).unwrap_or(i64::MAX)
}

fn totals(row: &Row<'_>, at: usize) -> Result<Totals, StoreError> {
    let value = |offset: usize| row.get::<_, i64>(at.saturating_add(offset));
    let count = |offset: usize| Ok::<u64, StoreError>(u64::try_from(value(offset)?).unwrap_or(0));
    let money = |offset: usize| Ok::<PicoUsd, StoreError>(PicoUsd::new(i128::from(value(offset)?)));
    Ok(Totals {
        calls: count(0)?,
        refused: count(1)?,
        errors: count(2)?,
        unpriced: count(3)?,
        estimated: count(4)?,
        tokens_in: count(5)?,
        tokens_out: count(6)?,
        cost: money(7)?,
        original_unpriced: count(8)?,
        original_cost: money(9)?,
        waste: Waste {
            retries: count(10)?,
            retried: money(11)?,
            failed: money(12)?,
            aborted: money(13)?,
            invalid: money(14)?,
            fallbacks: count(15)?,
            premium_unknown: count(16)?,
            premium: money(17)?,
        },
    })
}
