//! The versions that were in force, and how much each changed.

use super::count;
use crate::{
    instant::Instant,
    store::{
        StoreError,
        policies::{self, StoredPolicy},
    },
};
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

/// So much text is read to count what changed: some seconds' work. A policy of a hundred thousand customers has 10 MB.
const TEXT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A policy that was in force once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Version {
    /// Counts up from 1.
    pub version: i64,
    /// Since when it was in force.
    #[schema(value_type = String, format = DateTime)]
    pub since: Instant,
    /// How many values it changed of the one before; null where that was not counted, since the policies are too long,
    /// or where this version of Bursar cannot read them any more.
    pub changes: Option<u64>,
}

/// So many of those before a version, or of all, the newest first; and the last of them, where there are more.
pub fn history(
    store: &Connection,
    before: Option<i64>,
    limit: u32,
) -> Result<(Vec<Version>, Option<i64>), StoreError> {
    let entries = policies::list(store, before, limit.saturating_add(1))?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut versions = Vec::new();
    let mut left = Some(TEXT_BYTES_MAX);
    // What was compared with the one after it is not read again.
    let mut read: Option<StoredPolicy> = None;
    for (index, entry) in entries.iter().take(most).enumerate() {
        let older_bytes = entries.get(index.saturating_add(1)).map_or(0, |older| older.bytes);
        left = left.and_then(|left| left.checked_sub(entry.bytes.max(older_bytes)));
        let mut changes = None;
        if left.is_some() {
            let policy = match read.take() {
                Some(policy) => Some(policy),
                None => policies::of_version(store, entry.version)?,
            };
            read = policies::of_version(store, entry.version.saturating_sub(1))?;
            changes = read.as_ref().zip(policy).map(|(older, newer)| count(&older.policy, &newer.policy));
        }
        versions.push(Version { version: entry.version, since: Instant(entry.at), changes });
    }
    let next = (entries.len() > most).then(|| versions.last().map(|last| last.version)).flatten();
    Ok((versions, next))
}
