//! What the customers of a plan did, from the ledger's sums: calls, what their requests used, and what they were booked at.

use crate::{
    ledger::{
        requests::UNKNOWN,
        spans::{Run, cover},
    },
    policy::Policy,
    reports::{Range, first_hour, whole_days},
    store::{StoreError, unix, word_id, word_text},
};
use protocol::{
    UnixNanos,
    meters::{Meter, Units},
    money::PicoUsd,
};
use rusqlite::Connection;
use std::collections::BTreeMap;

const DAY_NS: u64 = 86_400_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// The time that was measured: whole days, as far as the ledger goes back and until now.
    pub range: Range,
    /// Whether the ledger does not go back as far as was asked.
    pub is_cut: bool,
    /// Everybody who is on the plan or was, those without a call too.
    pub customers: Vec<CustomerUse>,
    /// Calls without a known cost.
    pub unpriced: u64,
    /// Calls of which nobody knows what they used.
    pub unknown: u64,
    /// Calls whose usage is estimated, in part or whole.
    pub estimated: u64,
}

/// What one customer did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerUse {
    /// Admitted calls that ended.
    pub calls: u64,
    /// What the priced ones cost, as corrected.
    pub booked: PicoUsd,
    /// What requests used, wasted attempts among them, and how often that. A request is rated as a whole, because prices
    /// depend on its size; those of one class of sizes stand here as if all were alike.
    pub shapes: BTreeMap<Units, u64>,
}

/// Reads it.
pub fn measure(
    store: &Connection,
    policy: &Policy,
    plan: &str,
    asked: Range,
    now: UnixNanos,
) -> Result<Measured, StoreError> {
    let days = whole_days(asked);
    let begins = first_hour(store)?.unwrap_or(days.from);
    // In whole seconds: ratios of odd nanoseconds would soon be too long for the arithmetic.
    let to = days.to.min(now.saturating_sub(now % SECOND_NS));
    let range = Range { from: days.from.max(begins).min(to.saturating_sub(1)), to };
    let mut measured = Measured { range, is_cut: range.from > days.from, ..Measured::default() };
    let on_plan = |name: &&protocol::ids::Name| {
        policy.plan_of(name.as_str()).is_some_and(|(found, _)| found.as_str() == plan)
    };
    let named = policy.customers.keys().filter(on_plan);
    let mut customers: BTreeMap<String, CustomerUse> =
        named.map(|name| (name.as_str().to_owned(), CustomerUse::default())).collect();
    if let Some(plan) = word_id(store, plan)? {
        let first = i64::try_from(days.from / DAY_NS).unwrap_or(i64::MAX);
        let last = i64::try_from(days.to / DAY_NS).unwrap_or(i64::MAX);
        let mut used = measured.booked(store, plan, (first, last))?;
        measured.requests(store, plan, (first, last), &mut used)?;
        for (customer, used) in used {
            customers.insert(word_text(store, customer)?.unwrap_or_default(), used);
        }
    }
    measured.customers = customers.into_values().collect();
    Ok(measured)
}

type Customers = BTreeMap<i64, CustomerUse>;

impl Measured {
    /// Calls and what they cost.
    fn booked(
        &mut self,
        store: &Connection,
        plan: i64,
        (first, last): (i64, i64),
    ) -> Result<Customers, StoreError> {
        let mut customers = Customers::new();
        let mut statement = store.prepare_cached(
            "SELECT customer, calls, cost_pico, unpriced, estimated FROM by_day_customer
             WHERE day >= ?1 AND day < ?2 AND plan = ?3 AND calls > 0",
        )?;
        let mut rows = statement.query([first, last, plan])?;
        while let Some(row) = rows.next()? {
            let count = |column| Ok::<_, StoreError>(unix(row.get(column)?));
            let customer = customers.entry(row.get(0)?).or_default();
            customer.calls = customer.calls.saturating_add(count(1)?);
            let cost = PicoUsd::new(i128::from(row.get::<_, i64>(2)?));
            customer.booked = customer.booked.checked_add(cost).unwrap_or(customer.booked);
            self.unpriced = self.unpriced.saturating_add(count(3)?);
            self.estimated = self.estimated.saturating_add(count(4)?);
        }
        Ok(customers)
    }

    /// What requests used.
    fn requests(
        &mut self,
        store: &Connection,
        plan: i64,
        (first, last): (i64, i64),
        customers: &mut Customers,
    ) -> Result<(), StoreError> {
        let mut meters = BTreeMap::new();
        // Customer, class → how many requests, and what all of them used.
        let mut sums: BTreeMap<(i64, i64), (u64, Units)> = BTreeMap::new();
        let mut statement = store.prepare_cached(
            "SELECT customer, class, meter, units FROM by_span_requests
             WHERE plan = ?1 AND span = ?2 AND day >= ?3 AND day < ?4",
        )?;
        for Run { span, from, to } in cover(first, last) {
            let mut rows = statement.query([plan, span, from, to])?;
            while let Some(row) = rows.next()? {
                let (class, meter, units): (i64, i64, u64) = (row.get(1)?, row.get(2)?, unix(row.get(3)?));
                if class == UNKNOWN {
                    self.unknown = self.unknown.saturating_add(units);
                    continue;
                }
                let (requests, used) = sums.entry((row.get(0)?, class)).or_default();
                let sum = match meter {
                    0 => requests,
                    meter => {
                        let meter = match meters.get(&meter) {
                            Some(known) => *known,
                            None => *meters.entry(meter).or_insert(meter_of(store, meter)?),
                        };
                        used.entry(meter).or_default()
                    }
                };
                *sum = sum.saturating_add(units);
            }
        }
        for ((customer, _), (requests, used)) in sums {
            let shapes = &mut customers.entry(customer).or_default().shapes;
            for (shape, count) in alike(requests, &used) {
                let sum = shapes.entry(shape).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        Ok(())
    }
}

fn meter_of(store: &Connection, word: i64) -> Result<Meter, StoreError> {
    let text = word_text(store, word)?.unwrap_or_default();
    text.parse().map_err(|error| StoreError::corrupt("a meter", format!("{text} {error}")))
}

/// So many requests that use as much together, and each as nearly as whole units allow what the others use.
fn alike(requests: u64, used: &Units) -> Vec<(Units, u64)> {
    let each = |units: &u64| units.checked_div(requests).unwrap_or(0);
    let left = |units: &u64| units.checked_rem(requests).unwrap_or(0);
    // The first requests use one unit more, of each meter as many as are left of it.
    let mut ends: Vec<u64> = used.values().map(left).chain([requests]).filter(|end| *end > 0).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut shapes = Vec::new();
    let mut from = 0;
    for end in ends {
        let of = |(meter, units): (&Meter, &u64)| {
            (*meter, each(units).saturating_add(u64::from(from < left(units))))
        };
        let shape: Units = used.iter().map(of).filter(|(_, units)| *units > 0).collect();
        if !shape.is_empty() {
            shapes.push((shape, end.saturating_sub(from)));
        }
        from = end;
    }
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn what_is_measured_is_whole_days_and_today_until_this_second() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap().reader().unwrap();
        let policy = crate::policy::parse("version: 1\n", "p").unwrap();
        let day = |days: u64| days * DAY_NS;
        let now = day(20_000) + 36_000 * SECOND_NS + 123_456_789;
        let measured = |from, to| measure(&store, &policy, "pro", Range { from, to }, now).unwrap().range;
        let until_now = Range { from: day(19_998), to: day(20_000) + 36_000 * SECOND_NS };
        assert_eq!(measured(day(19_998) + 77, now), until_now);
        assert_eq!(measured(day(19_998), day(30_000)), until_now);
        assert_eq!(measured(day(19_990) + 1, day(19_991) + 1), Range { from: day(19_990), to: day(19_992) });
    }

    fn units(input: u64, output: u64, searches: u64) -> Units {
        let all = [(Meter::Input, input), (Meter::Output, output), (Meter::WebSearch, searches)];
        all.into_iter().filter(|(_, units)| *units > 0).collect()
    }

    #[test]
    fn requests_that_are_put_together_use_exactly_what_they_did() {
        assert_eq!(alike(4, &units(400, 80, 0)), [(units(100, 20, 0), 4)]);
        assert_eq!(
            alike(4, &units(403, 82, 1)),
            [(units(101, 21, 1), 1), (units(101, 21, 0), 1), (units(101, 20, 0), 1), (units(100, 20, 0), 1)]
        );
        assert_eq!(alike(3, &units(0, 0, 2)), [(units(0, 0, 1), 2)]);
        assert_eq!(alike(0, &units(0, 0, 0)), []);
    }
}
