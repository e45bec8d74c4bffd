//! When each Envoy was last heard of. Requests note it in memory; the evaluation writes it down.

use super::observed::SilentNode;
use crate::store::{StoreError, Write, instant, unix};
use protocol::UnixNanos;
use rusqlite::{Connection, params};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// A fleet larger than this is not told apart by node ids that are made up on every start.
const NODES_MAX: usize = 10_000;
const MINUTE_NS: u64 = 60_000_000_000;

/// Who was heard of since the last evaluation.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings(Arc<Mutex<BTreeMap<Box<str>, UnixNanos>>>);

impl Sightings {
    pub(super) fn note(&self, node: &str, now: UnixNanos) {
        if node.is_empty() {
            return;
        }
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = nodes.get_mut(node) {
            *seen = (*seen).max(now);
        } else if nodes.len() < NODES_MAX {
            nodes.insert(node.into(), now);
        }
    }

    pub(super) fn take(&self) -> BTreeMap<Box<str>, UnixNanos> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What could not be written is noted again.
    pub(super) fn give_back(&self, seen: &BTreeMap<Box<str>, UnixNanos>) {
        for (node, at) in seen {
            self.note(node, *at);
        }
    }
}

/// Writes down who was heard of, and who is lost; forgets who was not heard of for long.
pub(super) fn keep(
    write: &Write<'_>,
    seen: &BTreeMap<Box<str>, UnixNanos>,
    lost: &[Box<str>],
    forgotten: UnixNanos,
) -> Result<(), StoreError> {
    for (node, at) in seen {
        write.execute(
            "INSERT INTO nodes (node, seen_at, lost) VALUES (?1, ?2, 0)
             ON CONFLICT (node) DO UPDATE SET seen_at = max(seen_at, ?2), lost = 0",
            params![node, instant(*at)],
        )?;
    }
    for node in lost {
        write.execute("UPDATE nodes SET lost = 1 WHERE node = ?1 AND lost = 0", [node])?;
    }
    write.execute("DELETE FROM nodes WHERE seen_at < ?1", [instant(forgotten)])?;
    Ok(())
}

/// Envoys that were not heard of for a minute, neither by the store nor since, with the calls that they have open.
pub(super) fn silent(
    store: &Connection,
    seen: &BTreeMap<Box<str>, UnixNanos>,
    listening_since: UnixNanos,
    now: UnixNanos,
) -> Result<Vec<SilentNode>, StoreError> {
    let mut statement =
        store.prepare_cached("SELECT node, seen_at, lost FROM nodes WHERE seen_at < ?1 ORDER BY node")?;
    let mut rows = statement.query([instant(now.saturating_sub(MINUTE_NS))])?;
    let mut nodes: BTreeMap<Box<str>, SilentNode> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let node: Box<str> = row.get::<_, String>(0)?.into();
        if !seen.contains_key(&node) {
            let (seen_at, lost) = (unix(row.get(1)?), row.get::<_, i64>(2)? != 0);
            nodes.insert(node.clone(), SilentNode { node, seen_at, listening_since, open_calls: 0, lost });
        }
    }
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    // Open calls have an index of their own and are few: what ends leaves it, and orphans are closed.
    let mut statement = store.prepare_cached(
        "SELECT text, count(*) FROM calls JOIN words ON words.id = node WHERE state = 0 GROUP BY node",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(node) = nodes.get_mut(row.get::<_, String>(0)?.as_str()) {
            node.open_calls = unix(row.get(1)?);
        }
    }
    Ok(nodes.into_values().collect())
}
