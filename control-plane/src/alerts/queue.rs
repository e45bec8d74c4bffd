//! The queue of deliveries, and what becomes of a try.

use super::{
    schedule,
    tables::{DEAD, DELIVERED, QUEUED},
};
use crate::store::{StoreError, Write, instant, unix};
use protocol::UnixNanos;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeSet;

/// A message that is due at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) message: i64,
    pub(super) destination: String,
    /// `webhook-id`.
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) body: String,
    /// That failed.
    pub(super) attempts: u32,
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// It has it.
    Done {
        /// 2xx.
        status: u16,
    },
    /// It may have it later.
    Failed {
        /// Where there was an answer.
        status: Option<u16>,
        /// In words; never an address.
        error: String,
        /// So long it asks for patience.
        retry_after_s: Option<u64>,
    },
    /// It never will.
    Refused {
        /// Where there was an answer.
        status: Option<u16>,
        /// In words.
        error: String,
    },
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    Delivered,
    Waits,
    Dead,
}

/// The first message that is due at each destination that is not busy, and when the next one will be.
pub(super) fn due(
    store: &Connection,
    busy: &BTreeSet<String>,
    now: UnixNanos,
) -> Result<(Vec<Due>, Option<UnixNanos>), StoreError> {
    let mut waiting = store.prepare_cached(
        "SELECT destination, min(next_at) FROM alert_deliveries WHERE state = 0 GROUP BY destination",
    )?;
    let waiting =
        waiting.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?)))?;
    let (mut ready, mut next) = (Vec::new(), None);
    for destination in waiting.collect::<Result<Vec<_>, _>>()? {
        let (destination, at) = (destination.0, unix(destination.1.unwrap_or(0)));
        if busy.contains(&destination) {
            continue;
        }
        if at > now {
            next = Some(next.map_or(at, |next: UnixNanos| next.min(at)));
            continue;
        }
        ready.extend(first(store, &destination, now)?);
    }
    Ok((ready, next))
}

fn first(store: &Connection, destination: &str, now: UnixNanos) -> Result<Option<Due>, StoreError> {
    let mut statement = store.prepare_cached(
        "SELECT message, attempts, name, kind, body
         FROM alert_deliveries JOIN alert_messages ON alert_messages.id = message
         WHERE destination = ?1 AND state = 0 AND next_at <= ?2 ORDER BY next_at, message LIMIT 1",
    )?;
    let found = statement.query_row(params![destination, instant(now)], |row| {
        Ok(Due {
            message: row.get(0)?,
            attempts: u32::try_from(row.get::<_, i64>(1)?).unwrap_or(u32::MAX),
            name: row.get(2)?,
            kind: row.get(3)?,
            body: row.get(4)?,
            destination: destination.to_owned(),
        })
    });
    Ok(found.optional()?)
}

/// Writes down what became of a try.
pub(super) fn tried(
    write: &Write<'_>,
    due: &Due,
    tried: &Tried,
    now: UnixNanos,
) -> Result<Became, StoreError> {
    let attempts = due.attempts.saturating_add(1);
    let (became, next, status, error) = match tried {
        Tried::Done { status } => (Became::Delivered, None, Some(*status), None),
        Tried::Failed { status, error, retry_after_s } => {
            let next = schedule::next(attempts, *retry_after_s, now);
            (next.map_or(Became::Dead, |_| Became::Waits), next, *status, Some(error))
        }
        Tried::Refused { status, error } => (Became::Dead, None, *status, Some(error)),
    };
    let state = match became {
        Became::Delivered => DELIVERED,
        Became::Waits => QUEUED,
        Became::Dead => DEAD,
    };
    write.execute(
        "UPDATE alert_deliveries SET state = ?3, attempts = ?4, next_at = ?5, last_at = ?6, last_status = ?7,
             last_error = ?8
         WHERE message = ?1 AND destination = ?2 AND state = 0",
        params![
            due.message,
            due.destination,
            state,
            attempts,
            next.map(instant),
            instant(now),
            status,
            error,
        ],
    )?;
    Ok(became)
}
