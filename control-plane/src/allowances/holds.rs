//! What each open call holds of which count, since when, and when it is given back at the latest.

use crate::{
    ledger::Charge,
    store::{StoreError, unix},
};
use protocol::{UnixNanos, cap::Amount, codec, ids::CallId};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// So many open calls are looked at, the oldest first: those that may be stuck.
const CALLS_MAX: i64 = 10_000;
/// So many holds of a count are shown.
const SHOWN_MAX: usize = 100;

/// What one call holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The call.
    pub call: CallId,
    /// In the cap's unit.
    pub amount: Amount,
    /// Since when.
    pub since: UnixNanos,
}

/// Of each count: the cap's id, the subject's key, the window's start.
pub(super) type Holds = BTreeMap<(Box<str>, Box<str>, UnixNanos), Vec<Hold>>;

pub(super) fn of_open_calls(connection: &Connection) -> Result<Holds, StoreError> {
    let mut find = connection.prepare_cached(
        "SELECT id, started_at, charges FROM calls JOIN details USING (id)
         WHERE state = 0 AND charges IS NOT NULL ORDER BY started_at LIMIT ?1",
    )?;
    let mut rows = find.query([CALLS_MAX])?;
    let mut holds = Holds::new();
    while let Some(row) = rows.next()? {
        let (call, since) = (CallId::from_bytes(row.get(0)?), unix(row.get(1)?));
        let charges: Vec<u8> = row.get(2)?;
        let charges: Vec<Charge> = codec::decode(&charges)
            .map_err(|error| StoreError::corrupt("what a call is charged to", error))?;
        for charge in charges {
            let of_count = holds.entry((charge.cap, charge.subject, charge.window_start)).or_default();
            if of_count.len() < SHOWN_MAX {
                of_count.push(Hold { call, amount: charge.held, since });
            }
        }
    }
    Ok(holds)
}
