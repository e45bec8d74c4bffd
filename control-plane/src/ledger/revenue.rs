//! What customers really paid, by period, as the application's billing says.

use crate::store::{StoreError, Write, instant, unix, word_id};
use protocol::{UnixNanos, money::PicoUsd};
use rusqlite::{Connection, OptionalExtension, params};

/// What one customer paid in one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revenue {
    /// Who.
    pub customer: String,
    /// The day on which the period begins.
    pub period: String,
    /// Its first instant, and the first one after it.
    pub span: (UnixNanos, UnixNanos),
    /// How much, in pico-dollars.
    pub amount: PicoUsd,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Putting {
    /// It stands, in the place of what was said of the period before.
    Taken,
    /// Part of the time belongs to another period, of this name, for which something was said.
    Overlaps(String),
    /// The amount does not fit.
    TooLarge,
}

/// Takes what was paid in a period. The same twice changes nothing.
pub fn put(write: &mut Write<'_>, revenue: &Revenue, now: UnixNanos) -> Result<Putting, StoreError> {
    let Ok(amount) = i64::try_from(revenue.amount.pico()) else { return Ok(Putting::TooLarge) };
    let customer = write.word(Some(&revenue.customer))?;
    let (start, end) = (instant(revenue.span.0), instant(revenue.span.1));
    let mut other = write.statement(
        "SELECT period FROM revenue WHERE customer = ?1 AND period <> ?2 AND start_at < ?4 AND end_at > ?3
         ORDER BY start_at LIMIT 1",
    )?;
    let overlapping =
        other.query_row((customer, &revenue.period, start, end), |row| row.get(0)).optional()?;
    drop(other);
    if let Some(period) = overlapping {
        return Ok(Putting::Overlaps(period));
    }
    write.execute(
        "INSERT INTO revenue (customer, period, start_at, end_at, amount_pico, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET start_at = excluded.start_at, end_at = excluded.end_at,
             amount_pico = excluded.amount_pico, at = excluded.at",
        (customer, &revenue.period, start, end, amount, instant(now)),
    )?;
    Ok(Putting::Taken)
}

/// The time of a period of a customer for which something was said.
pub fn span(
    store: &Connection,
    customer: &str,
    period: &str,
) -> Result<Option<(UnixNanos, UnixNanos)>, StoreError> {
    let Some(customer) = word_id(store, customer)? else { return Ok(None) };
    let mut find =
        store.prepare_cached("SELECT start_at, end_at FROM revenue WHERE customer = ?1 AND period = ?2")?;
    let span = find.query_row(params![customer, period], |row| Ok((unix(row.get(0)?), unix(row.get(1)?))));
    Ok(span.optional()?)
}

/// Whether a call or a report names a customer.
pub fn is_known(store: &Connection, customer: &str) -> Result<bool, StoreError> {
    let Some(customer) = word_id(store, customer)? else { return Ok(false) };
    let mut find = store.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM calls WHERE customer = ?1) OR EXISTS (SELECT 1 FROM revenue WHERE customer = ?1)",
    )?;
    Ok(find.query_row([customer], |row| row.get(0))?)
}

/// Takes back what was said of a period; the plan's price holds again. Whether something had been said.
pub fn remove(write: &mut Write<'_>, customer: &str, period: &str) -> Result<bool, StoreError> {
    let customer = write.word(Some(customer))?;
    Ok(write.execute("DELETE FROM revenue WHERE customer = ?1 AND period = ?2", (customer, period))? > 0)
}
