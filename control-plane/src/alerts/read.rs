//! Reads what an evaluation looks at. From aggregates alone: calls are looked at only while they are open, and only
//! where an Envoy is silent. What the days before yesterday cost is remembered for some minutes, so that the work of
//! an evaluation does not grow with the length of a billing period.

mod hours;
mod rest;
mod spend;

use super::observed::Observed;
use crate::{rules::Rules, store::StoreError};
use protocol::UnixNanos;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What is remembered between evaluations. Nothing in it is needed: it is all in the store.
#[derive(Debug, Default)]
pub(super) struct Memory {
    accounts: spend::Accounts,
    closed: Option<spend::Closed>,
    workspaces: BTreeMap<i64, spend::Drilled>,
}

/// What the process knows besides.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// Envoys that were heard of and are not written down yet.
    pub(super) seen: BTreeMap<Box<str>, UnixNanos>,
    /// Since when the process listens.
    pub(super) listening_since: UnixNanos,
}

/// Reads it all, of one instant.
pub(super) fn observe(
    store: &Connection,
    rules: &Rules,
    heard: &Heard,
    memory: &mut Memory,
    now: UnixNanos,
) -> Result<Observed, StoreError> {
    let policy = rules.policy();
    let alerts = &policy.alerts;
    let spent = if alerts.margin_percent.is_empty() {
        spend::Spent::default()
    } else {
        spend::read(store, rules, memory, now)?
    };
    Ok(Observed {
        customers: spent.customers,
        workspaces: spent.workspaces,
        plans: spent.plans,
        features: spent.features,
        caps: if alerts.cap_percent.is_empty() { Vec::new() } else { rest::caps(store, rules, now)? },
        hours: if alerts.abnormal.factor == 0 {
            Vec::new()
        } else {
            hours::read(store, alerts.abnormal.min_usd, now)?
        },
        unpriced: rest::unpriced(store, rules, now)?,
        prices: if alerts.stale_prices_days == 0 { Vec::new() } else { rest::prices(store, now)? },
        nodes: super::nodes::silent(store, &heard.seen, heard.listening_since, now)?,
    })
}

/// The text of a word, for those that are there.
fn word(store: &Connection, id: i64) -> Result<Option<Box<str>>, StoreError> {
    if id == crate::store::NO_WORD {
        return Ok(None);
    }
    Ok(crate::store::word_text(store, id)?.map(Into::into))
}
