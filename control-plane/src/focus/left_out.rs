//! What an export cannot hold and therefore has to say: a FOCUS cost is never null, and unknown is never zero.

use super::{Selection, read::Chosen};
use crate::store::StoreError;
use protocol::money::PicoUsd;
use rusqlite::{Connection, params};

const DAY_NS: i64 = 86_400_000_000_000;

/// What is not in an export of some days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Calls whose cost is not known.
    pub unpriced_calls: u64,
    /// What is known of what those days cost, and of which no meter is: an orphaned call costs what was held for it.
    /// `None`: not known for this selection.
    pub without_meter: Option<PicoUsd>,
}

impl LeftOut {
    /// Of the calls that started on the days of a selection.
    pub fn count(store: &Connection, selection: &Selection) -> Result<Self, StoreError> {
        let Some(chosen) = Chosen::find(store, selection)? else { return Ok(Self::default()) };
        let (from, to) = (selection.days.from, selection.days.to);
        let (table, column, word) = match (chosen.customer, chosen.provider) {
            (customer, None) => ("by_day_customer", "customer", customer),
            (None, provider) => ("by_day_model", "provider", provider),
            // No sum is kept of both; of the calls themselves, those without a price are indexed.
            (Some(customer), Some(provider)) => {
                let sql = "SELECT count(*) FROM calls WHERE pricing <> 0 AND cost_pico IS NULL
                    AND started_at >= ?1 AND started_at < ?2 AND customer = ?3 AND provider = ?4";
                let (from, to) = (from.saturating_mul(DAY_NS), to.saturating_mul(DAY_NS));
                let count: i64 =
                    store.query_row(sql, params![from, to, customer, provider], |row| row.get(0))?;
                return Ok(Self { unpriced_calls: u64::try_from(count).unwrap_or(0), without_meter: None });
            }
        };
        let within = format!("day >= ?1 AND day < ?2 AND (?3 IS NULL OR {column} = ?3)");
        let calls = format!("SELECT unpriced, cost_pico FROM {table} WHERE {within}");
        let charges = format!("SELECT units, rate FROM by_day_charge WHERE {within}");
        let (mut unpriced, mut booked, mut listed) = (0_i64, 0_i128, 0_i128);
        pairs(store, &calls, params![from, to, word], |calls, cost| {
            unpriced = unpriced.saturating_add(calls);
            booked = booked.saturating_add(i128::from(cost));
        })?;
        pairs(store, &charges, params![from, to, word], |units, rate| {
            listed = listed.saturating_add(i128::from(units).saturating_mul(i128::from(rate)));
        })?;
        Ok(Self {
            unpriced_calls: u64::try_from(unpriced).unwrap_or(0),
            without_meter: Some(PicoUsd::new(booked.saturating_sub(listed))),
        })
    }
}

fn pairs(
    store: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    mut each: impl FnMut(i64, i64),
) -> Result<(), StoreError> {
    let mut statement = store.prepare(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get(1)?);
    }
    Ok(())
}
