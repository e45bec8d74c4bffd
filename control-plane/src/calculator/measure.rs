//! What the customers of a plan did, from the ledger: calls, what each used, and what they were booked at.

use crate::{
    ledger::orphan_usage,
    policy::Policy,
    reports::{Range, first_hour},
    store::{StoreError, instant, word_id, word_text},
};
use protocol::{
    attempt, codec,
    event::{CallEnd, CallHead},
    meters::Units,
    money::PicoUsd,
};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// More calls than this are not measured at once: a shorter time says as much of a plan that busy.
pub const CALLS_MAX: u64 = 500_000;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// The time that was measured: what was asked for, as far as the ledger goes back.
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
    /// What requests used, wasted attempts among them, and how often exactly that. A request is rated as a whole, because
    /// prices depend on its size.
    pub shapes: BTreeMap<Units, u64>,
}

/// Reads it. `None` where there are more calls than are measured at once.
pub fn measure(
    store: &Connection,
    policy: &Policy,
    plan: &str,
    asked: Range,
) -> Result<Option<Measured>, StoreError> {
    let begins = first_hour(store)?.unwrap_or(asked.from);
    let from = asked.from.max(begins).min(asked.to.saturating_sub(1));
    let range = Range { from, to: asked.to };
    let mut measured = Measured { range, is_cut: from > asked.from, ..Measured::default() };
    let on_plan = |name: &&protocol::ids::Name| {
        policy.plan_of(name.as_str()).is_some_and(|(found, _)| found.as_str() == plan)
    };
    let mut customers: BTreeMap<String, CustomerUse> = policy
        .customers
        .keys()
        .filter(on_plan)
        .map(|name| (name.as_str().to_owned(), CustomerUse::default()))
        .collect();
    if let Some(plan) = word_id(store, plan)? {
        let mut names: BTreeMap<i64, String> = BTreeMap::new();
        let mut statement = store.prepare_cached(
            "SELECT customer, standing_pico, head, end FROM standing JOIN details USING (id)
             WHERE started_at >= ?1 AND started_at < ?2 AND plan = ?3 AND state IN (1, 2)",
        )?;
        let mut rows = statement.query((instant(range.from), instant(range.to), plan))?;
        let mut calls = 0_u64;
        while let Some(row) = rows.next()? {
            calls = calls.saturating_add(1);
            if calls > CALLS_MAX {
                return Ok(None);
            }
            let customer: i64 = row.get(0)?;
            let name = match names.get(&customer) {
                Some(name) => name.clone(),
                None => {
                    let name = word_text(store, customer)?.unwrap_or_default();
                    names.entry(customer).or_insert(name).clone()
                }
            };
            let end: Option<Vec<u8>> = row.get(3)?;
            let end: Option<CallEnd> = end.as_deref().map(decode).transpose()?;
            let head: CallHead = decode(&row.get::<_, Vec<u8>>(2)?)?;
            let cost: Option<i64> = row.get(1)?;
            measured.add(customers.entry(name).or_default(), &head, end.as_ref(), cost);
        }
    }
    measured.customers = customers.into_values().collect();
    Ok(Some(measured))
}

impl Measured {
    fn add(&mut self, customer: &mut CustomerUse, head: &CallHead, end: Option<&CallEnd>, cost: Option<i64>) {
        let one = |flag: bool| u64::from(flag);
        customer.calls = customer.calls.saturating_add(1);
        match cost {
            // A call costs 10,000 USD at most: 128 bits hold the sum of all.
            Some(pico) => {
                let cost = PicoUsd::new(i128::from(pico));
                customer.booked = customer.booked.checked_add(cost).unwrap_or(customer.booked);
            }
            None => self.unpriced = self.unpriced.saturating_add(1),
        }
        let own = end.map_or_else(|| orphan_usage(head), |end| end.usage.clone());
        self.estimated = self.estimated.saturating_add(one(!own.estimated.is_empty()));
        self.unknown = self.unknown.saturating_add(one(own.units.is_empty() && !own.complete));
        let wasted =
            end.into_iter().flat_map(|end| attempt::wasted(&end.tried)).map(|(_, usage)| usage.units.clone());
        for units in std::iter::once(own.units).chain(wasted) {
            let used: Units = units.into_iter().filter(|(_, units)| *units > 0).collect();
            if !used.is_empty() {
                let count = customer.shapes.entry(used).or_default();
                *count = count.saturating_add(1);
            }
        }
    }
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    codec::decode(bytes).map_err(|error| StoreError::corrupt("a call's detail", error))
}
