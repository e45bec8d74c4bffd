//! Closing what never ended: an Envoy was killed, or its finished event was lost for good. Such a call is booked at
//! the cost of its input, marked estimated, and gives the rest of its hold back. Should its end arrive after all, it
//! is booked and a correction says so.

use super::{book, prepare};
use crate::{
    rules::Rules,
    store::{Store, StoreError, instant},
};
use protocol::{UnixNanos, codec, event::CallHead, ids::CallId};
use std::sync::Arc;

/// Calls closed in one go, so that ingest never waits long for it.
const CLOSED_MAX: i64 = 500;

/// Closes the calls that started before `before` and are still open. Says how many.
pub async fn close(
    store: &Store,
    rules: Arc<Rules>,
    before: UnixNanos,
    now: UnixNanos,
) -> Result<u64, StoreError> {
    let mut all: u64 = 0;
    loop {
        let open = store.read(move |connection| open_before(connection, before)).await?;
        let found = open.len();
        let ends: Vec<_> =
            open.into_iter().map(|(id, head)| (id, prepare::orphaned(&head, &rules, now))).collect();
        let closed = store.write(move |write| book::close(write, &ends)).await?;
        all = all.saturating_add(u64::try_from(closed).unwrap_or(0));
        if found == 0 || closed == 0 {
            return Ok(all);
        }
    }
}

fn open_before(
    connection: &rusqlite::Connection,
    before: UnixNanos,
) -> Result<Vec<(CallId, CallHead)>, StoreError> {
    let mut find = connection.prepare_cached(
        "SELECT id, head FROM calls JOIN details USING (id)
         WHERE state = 0 AND started_at < ?1 ORDER BY started_at LIMIT ?2",
    )?;
    let mut rows = find.query([instant(before), CLOSED_MAX])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        let head: Vec<u8> = row.get(1)?;
        let head = codec::decode(&head).map_err(|error| StoreError::corrupt("a call's head", error))?;
        open.push((CallId::from_bytes(row.get(0)?), head));
    }
    Ok(open)
}
