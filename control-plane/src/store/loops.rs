//! The table of tasks that were released from the loop guard by hand.

use super::{StoreError, Write, instant, unix};
use protocol::UnixNanos;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Filters are told of so many; the newest, since a task that is released begins anew at once.
const TOLD_MAX: i64 = 1_000;

/// The newest releases.
pub fn released(connection: &Connection) -> Result<BTreeMap<Box<str>, UnixNanos>, StoreError> {
    let mut find =
        connection.prepare_cached("SELECT task, at FROM loop_releases ORDER BY at DESC LIMIT ?1")?;
    let rows = find.query_map([TOLD_MAX], |row| Ok((row.get(0)?, unix(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Releases a task.
pub fn release(write: &Write<'_>, task: &str, at: UnixNanos) -> Result<(), StoreError> {
    write.execute(
        "INSERT INTO loop_releases (task, at) VALUES (?1, ?2) ON CONFLICT (task) DO UPDATE SET at = excluded.at",
        (task, instant(at)),
    )?;
    Ok(())
}
