//! The tables of alerts and of messages on their way. One transaction writes what an evaluation changed and queues
//! what it has to say, so that a kill between the two neither loses an alert nor raises it twice.

use super::{
    Kind, Subject,
    machine::{Changes, Recorded},
    message::{self, Message, Raised},
    standing::{Key, Standing},
    words,
};
use crate::store::{StoreError, Write, instant, unix};
use protocol::UnixNanos;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeMap;

/// Messages that may wait for one destination. A receiver that has missed so many is told of the rest by the list.
pub(super) const QUEUE_MAX: i64 = 1_000;
/// For so long what has ended is kept.
const KEPT_NS: u64 = 400 * 86_400_000_000_000;

/// What the store's numbers mean.
pub(super) const FIRED: i64 = 0;
pub(super) const SEEDED: i64 = 1;
pub(super) const QUEUED: i64 = 0;
pub(super) const DELIVERED: i64 = 1;
pub(super) const DEAD: i64 = 2;

/// What is on record and may matter: what stands, and what has ended in a period that goes on.
pub(super) fn recorded(store: &Connection, now: UnixNanos) -> Result<BTreeMap<Key, Recorded>, StoreError> {
    let mut statement = store.prepare_cached(
        "SELECT id, kind, subject, threshold, period_start, state, ended_at FROM alerts
         WHERE ended_at IS NULL
         UNION SELECT id, kind, subject, threshold, period_start, state, ended_at FROM alerts
         WHERE period_end > ?1",
    )?;
    let mut rows = statement.query([instant(now)])?;
    let mut recorded = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(1)?;
        let Some(kind) = Kind::parse(&kind) else { continue };
        let subject: String = row.get(2)?;
        let key = Key {
            kind,
            subject: Subject::from_key(&subject),
            threshold: u32::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
            period_start: unix(row.get(4)?),
        };
        let fired = row.get::<_, i64>(5)? == FIRED;
        let ended = row.get::<_, Option<i64>>(6)?.is_some();
        recorded.insert(key, Recorded { id: row.get(0)?, fired, ended });
    }
    Ok(recorded)
}

/// The policy of the last evaluation.
pub(super) fn evaluated(store: &Connection) -> Result<Option<i64>, StoreError> {
    let mut statement = store.prepare_cached("SELECT policy FROM alert_evaluations")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// Notes with which policy an evaluation was made.
pub(super) fn set_evaluated(write: &Write<'_>, policy: i64, now: UnixNanos) -> Result<(), StoreError> {
    write.execute(
        "INSERT INTO alert_evaluations (only_row, policy, at) VALUES (1, ?1, ?2)
         ON CONFLICT (only_row) DO UPDATE SET policy = ?1, at = ?2",
        params![policy, instant(now)],
    )?;
    Ok(())
}

/// Writes what changed. Says what was queued.
pub(super) fn apply(
    write: &Write<'_>,
    changes: Changes,
    to: &[String],
    now: UnixNanos,
) -> Result<Vec<Message>, StoreError> {
    for id in &changes.end {
        write.execute(
            "UPDATE alerts SET ended_at = min(?2, max(period_end, at)) WHERE id = ?1",
            params![id, instant(now)],
        )?;
    }
    for id in &changes.again {
        write.execute("UPDATE alerts SET ended_at = NULL WHERE id = ?1", [id])?;
    }
    for (id, standing) in &changes.seed {
        record(write, *id, standing, SEEDED, None, now)?;
    }
    let mut messages = Vec::new();
    for group in message::groups(changes.fire) {
        write.execute(
            "INSERT INTO alert_messages (name, at, kind, body) VALUES ('', ?1, '', '')",
            [instant(now)],
        )?;
        let place = write.connection().last_insert_rowid();
        let mut raised = Vec::with_capacity(group.len());
        for (id, standing) in group {
            let id = record(write, id, &standing, FIRED, Some(place), now)?;
            raised.push(Raised { id, standing });
        }
        let Some(message) = message::write(&raised, now) else { continue };
        write.execute(
            "UPDATE alert_messages SET name = ?2, kind = ?3, body = ?4 WHERE id = ?1",
            params![place, message.name, message.kind.as_str(), message.body.to_string()],
        )?;
        for destination in to {
            enqueue(write, place, destination, now)?;
        }
        messages.push(message);
    }
    Ok(messages)
}

fn record(
    write: &Write<'_>,
    id: Option<i64>,
    standing: &Standing,
    state: i64,
    message: Option<i64>,
    now: UnixNanos,
) -> Result<i64, StoreError> {
    let Standing { key, period_end, customer, figures } = standing;
    let figures = serde_json::to_string(figures).map_err(|error| StoreError::corrupt("an alert", error))?;
    let text = words::sentence(standing, &[key.threshold]);
    if let Some(id) = id {
        write.execute(
            "UPDATE alerts SET state = ?2, at = ?3, ended_at = NULL, message = ?4, figures = ?5, text = ?6
             WHERE id = ?1",
            params![id, state, instant(now), message, figures, text],
        )?;
        return Ok(id);
    }
    // What has ended long ago may come again: prices are as old as they were when a rule was taken back.
    let upsert = "
        INSERT INTO alerts (kind, subject, customer, threshold, period_start, period_end, state, at, message, figures,
            text)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT (kind, subject, threshold, period_start) DO UPDATE SET
            period_end = ?6, state = ?7, at = ?8, ended_at = NULL, message = ?9, figures = ?10, text = ?11
        RETURNING id";
    let row = params![
        key.kind.as_str(),
        key.subject.key(),
        customer.as_deref(),
        key.threshold,
        instant(key.period_start),
        instant(*period_end),
        state,
        instant(now),
        message,
        figures,
        text,
    ];
    Ok(write.statement(upsert)?.query_row(row, |row| row.get(0))?)
}

/// Puts a message into a destination's queue; into its dead letters where that is full.
pub(super) fn enqueue(
    write: &Write<'_>,
    message: i64,
    destination: &str,
    now: UnixNanos,
) -> Result<(), StoreError> {
    let mut count =
        write.statement("SELECT count(*) FROM alert_deliveries WHERE destination = ?1 AND state = 0")?;
    let waiting: i64 = count.query_row([destination], |row| row.get(0))?;
    let full = waiting >= QUEUE_MAX;
    let state = if full { DEAD } else { QUEUED };
    let (next, error) = if full { (None, Some("the queue is full")) } else { (Some(instant(now)), None) };
    write.execute(
        "INSERT INTO alert_deliveries (message, destination, state, attempts, next_at, last_error)
         VALUES (?1, ?2, ?3, 0, ?4, ?5)
         ON CONFLICT (message, destination) DO UPDATE SET state = ?3, attempts = 0, next_at = ?4, last_error = ?5",
        params![message, destination, state, next, error],
    )?;
    Ok(())
}

/// Forgets what ended long ago, with its messages.
pub(super) fn forget(write: &Write<'_>, now: UnixNanos) -> Result<(), StoreError> {
    let before = instant(now.saturating_sub(KEPT_NS));
    write.execute("DELETE FROM alerts WHERE period_end < ?1 AND ended_at < ?1", [before])?;
    // What ends only when it is mended has an end that never comes.
    write.execute("DELETE FROM alerts WHERE period_end = ?2 AND ended_at < ?1", [before, i64::MAX])?;
    write.execute(
        "DELETE FROM alert_deliveries WHERE state <> 0 AND message IN (SELECT id FROM alert_messages WHERE at < ?1)",
        [before],
    )?;
    write.execute(
        "DELETE FROM alert_messages WHERE at < ?1 AND id NOT IN (SELECT message FROM alert_deliveries)",
        [before],
    )?;
    Ok(())
}
