//! What this hour and the one before cost, and the same hour of the days before.

use super::word;
use crate::{
    alerts::{Subject, evaluate, observed::HourSpend},
    policy::Usd,
    store::{StoreError, instant, unix},
};
use protocol::UnixNanos;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Two weeks: every day of the week twice.
const DAYS: u64 = 14;
const HOURS_A_DAY: u64 = 24;
const HOUR_NS: u64 = 3_600_000_000_000;
/// So many subjects are compared in one evaluation, those that spend the most first.
const SUBJECTS_MAX: usize = 1_000;

/// A customer, or one workspace of a customer.
type Who = (i64, Option<i64>);

/// Hours that cost the minimum at least. A call counts in the hour it began in, so that hour may still grow after it
/// is over; two hours are looked at.
pub(super) fn read(store: &Connection, min: Usd, now: UnixNanos) -> Result<Vec<HourSpend>, StoreError> {
    let this = evaluate::hour_of(now);
    let mut spent = Vec::new();
    for hour in [this.saturating_sub(1), this] {
        let sums = sums(store, hour)?;
        spent.extend(
            sums.into_iter()
                .filter(|(_, pico)| *pico >= min.amount().pico())
                .map(|(who, pico)| (pico, hour, who)),
        );
    }
    spent.sort_unstable_by(|one, other| other.cmp(one));
    spent.truncate(SUBJECTS_MAX);
    let mut hours = Vec::with_capacity(spent.len());
    for (pico, hour, who) in spent {
        let Some(customer) = word(store, who.0)? else { continue };
        let subject = match who.1 {
            None => Subject::of([("customer", &customer)]),
            Some(workspace) => {
                let Some(workspace) = word(store, workspace)? else { continue };
                Subject::of([("customer", &customer), ("workspace", &workspace)])
            }
        };
        let before = before(store, who, hour)?;
        let hour = hour.saturating_mul(HOUR_NS);
        hours.push(HourSpend { subject, customer: Some(customer), hour, pico, before });
    }
    Ok(hours)
}

fn sums(store: &Connection, hour: u64) -> Result<BTreeMap<Who, i128>, StoreError> {
    let mut statement = store
        .prepare_cached("SELECT customer, workspace, cost_pico FROM by_hour_workspace WHERE hour = ?1")?;
    let mut rows = statement.query([instant(hour)])?;
    let mut sums: BTreeMap<Who, i128> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (customer, workspace, pico): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        for who in [(customer, None), (customer, Some(workspace))] {
            let sum = sums.entry(who).or_default();
            *sum = sum.saturating_add(i128::from(pico));
        }
    }
    Ok(sums)
}

/// The same hour of each day since the first call within the last days; a day without a call is a day that cost
/// nothing.
fn before(store: &Connection, (customer, workspace): Who, hour: u64) -> Result<Vec<i128>, StoreError> {
    let first_asked = hour.saturating_sub(DAYS.saturating_mul(HOURS_A_DAY));
    let mut statement = store.prepare_cached(
        "SELECT hour, cost_pico FROM by_hour_workspace
         WHERE customer = ?1 AND hour >= ?2 AND hour < ?3 AND (?4 IS NULL OR workspace = ?4)",
    )?;
    let mut rows = statement.query(params![customer, instant(first_asked), instant(hour), workspace])?;
    let mut by_hour: BTreeMap<u64, i128> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let sum = by_hour.entry(unix(row.get(0)?)).or_default();
        *sum = sum.saturating_add(i128::from(row.get::<_, i64>(1)?));
    }
    let Some(first) = by_hour.keys().next().copied() else { return Ok(Vec::new()) };
    let hours = (1..=DAYS).map(|days| hour.saturating_sub(days.saturating_mul(HOURS_A_DAY)));
    let known = hours.filter(|hour| *hour >= first);
    Ok(known.map(|hour| by_hour.get(&hour).copied().unwrap_or(0)).collect())
}
