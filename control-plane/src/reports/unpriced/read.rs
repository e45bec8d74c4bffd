//! Reads unpriced traffic: sums of calls from the ledger's, and of each group the first and the last call by an index.

use super::{Ends, OTHERS, READ_MAX, UnpricedGroup};
use crate::{
    ledger::spans::{Run, cover},
    reports::{Costs, Filter, Range, filter::Conditions, read::days, words::Words},
    store::{NO_WORD, StoreError, unix},
};
use protocol::{
    UnixNanos,
    ids::CallId,
    meters::{Meter, Units},
};
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use std::collections::{BTreeMap, BTreeSet};

const DAY_NS: i64 = 86_400_000_000_000;

/// Provider, model, reason; none: of those that are put together.
type Key = Option<[i64; 3]>;

/// What is summed up of a group.
#[derive(Default)]
struct Sums {
    calls: u64,
    tokens_in: u64,
    tokens_out: u64,
    others: BTreeMap<i64, u64>,
    customers: BTreeSet<i64>,
    /// The days between which its calls lie, as far as sums tell.
    days: Option<(i64, i64)>,
}

/// The groups of a span of whole days. A call that was rated anew since counts as that left it, or as it was booked at first.
pub fn unpriced_groups(
    store: &Connection,
    range: Range,
    costs: Costs,
    filter: &Filter,
) -> Result<Vec<UnpricedGroup>, StoreError> {
    let Some(conditions) = filter.conditions(store, 4)? else { return Ok(Vec::new()) };
    let mut groups: BTreeMap<Key, Sums> = BTreeMap::new();
    let mut statement = store.prepare_cached(&format!(
        "SELECT provider, model, reason, customer, meter, calls, tokens_in, tokens_out, units, day FROM by_span_unpriced
         WHERE span = ?1 AND day >= ?2 AND day < ?3 AND mended <= ?4{}",
        conditions.sql
    ))?;
    let mended = i64::from(costs == Costs::Original);
    let (first, last) = days(range);
    for Run { span, from, to } in cover(first, last) {
        let own = [span, from, to, mended];
        let mut rows = statement.query(params_from_iter(own.iter().chain(&conditions.values)))?;
        while let Some(row) = rows.next()? {
            let key = Some([row.get(0)?, row.get(1)?, row.get(2)?]);
            let is_known = groups.len() < READ_MAX || groups.contains_key(&key);
            let sums = groups.entry(key.filter(|_| is_known)).or_default();
            let count = |column| Ok::<_, StoreError>(unix(row.get(column)?));
            let (customer, meter): (i64, i64) = (row.get(3)?, row.get(4)?);
            if meter != NO_WORD {
                let units = sums.others.entry(meter).or_default();
                *units = units.saturating_add(count(8)?);
                continue;
            }
            sums.calls = sums.calls.saturating_add(count(5)?);
            sums.tokens_in = sums.tokens_in.saturating_add(count(6)?);
            sums.tokens_out = sums.tokens_out.saturating_add(count(7)?);
            sums.customers.extend((customer != NO_WORD).then_some(customer));
            let (day, end): (i64, i64) = (row.get(9)?, row.get::<_, i64>(9)?.saturating_add(span));
            let (begins, ends) = sums.days.unwrap_or((day, end));
            sums.days = Some((begins.min(day), ends.max(end)));
        }
    }
    let mut words = Words::of(store);
    let mut named = Vec::new();
    for (key, sums) in groups {
        named.push(group(store, &mut words, key, sums, &conditions, costs)?);
    }
    Ok(named)
}

fn group(
    store: &Connection,
    words: &mut Words<'_>,
    key: Key,
    sums: Sums,
    filter: &Conditions,
    costs: Costs,
) -> Result<UnpricedGroup, StoreError> {
    let (begins, ends) = sums.days.unwrap_or_default();
    let between = [begins, ends].map(|day| day.saturating_mul(DAY_NS));
    let end = |order| match key {
        Some(key) => call_at_the_end(store, key, between, filter, costs, order),
        None => Ok(None),
    };
    let ends = end("")?.zip(end("DESC")?);
    let (provider, model, reason) = match key {
        Some([provider, model, reason]) => (
            words.text(provider)?.unwrap_or_default(),
            words.text(model)?,
            words.text(reason)?.unwrap_or_default(),
        ),
        None => (OTHERS.into(), None, "".into()),
    };
    let mut others = Units::new();
    for (meter, units) in sums.others {
        let meter: Option<Meter> = words.text(meter)?.and_then(|meter| meter.parse().ok());
        others.extend(meter.map(|meter| (meter, units)));
    }
    let mut customers = BTreeSet::new();
    for customer in sums.customers {
        customers.extend(words.text(customer)?);
    }
    Ok(UnpricedGroup {
        provider,
        model,
        reason,
        calls: sums.calls,
        tokens_in: sums.tokens_in,
        tokens_out: sums.tokens_out,
        others,
        customers,
        ends: ends.map(|((first_at, _), (last_at, last_call))| Ends { first_at, last_at, last_call }),
    })
}

/// The first call of a group between two instants, or with `DESC` the last; a few of them are passed over at most, but for
/// those that were priced since.
fn call_at_the_end(
    store: &Connection,
    [provider, model, reason]: [i64; 3],
    [from, to]: [i64; 2],
    filter: &Conditions,
    costs: Costs,
    order: &str,
) -> Result<Option<(UnixNanos, CallId)>, StoreError> {
    let own = [provider, model, reason, i64::from(costs == Costs::Original)];
    let params = own.iter().chain(&filter.values).chain([&from, &to]);
    let mut find = store.prepare_cached(&end_query(filter, order))?;
    let found =
        find.query_row(params_from_iter(params), |row| Ok((unix(row.get(0)?), row.get(1)?))).optional()?;
    Ok(found.map(|(at, id)| (at, CallId::from_bytes(id))))
}

/// Its places: the group, whether those that were priced since count, the filter's own, the time.
pub(super) fn end_query(filter: &Conditions, order: &str) -> String {
    let last =
        "SELECT after_pico FROM corrections WHERE call = calls.id ORDER BY corrections.id DESC LIMIT 1";
    format!(
        "SELECT started_at, id FROM calls INDEXED BY calls_unpriced_of
         WHERE pricing <> 0 AND provider = ?1 AND model = ?2 AND unpriced = ?3 AND (?4 OR ({last}) IS NULL){}
             AND started_at >= ?{} AND started_at < ?{}
         ORDER BY started_at {order}, id {order} LIMIT 1",
        filter.sql,
        filter.values.len().saturating_add(5),
        filter.values.len().saturating_add(6)
    )
}
