//! The policies that were in force, as JSON; the newest is.

use super::{StoreError, Write, digest, instant, unix};
use crate::policy::Policy;
use protocol::UnixNanos;
use rusqlite::{Connection, OptionalExtension};

/// A policy with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    /// Counts up from 1; 0 is the empty policy that is in force before the first one.
    pub version: i64,
    /// Since when.
    pub at: UnixNanos,
    /// What it says.
    pub policy: Policy,
}

/// One that was in force once, without what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its version.
    pub version: i64,
    /// Since when.
    pub at: UnixNanos,
    /// How long its text is.
    pub bytes: u64,
}

impl StoredPolicy {
    /// What is in force before the first one.
    fn none() -> Self {
        Self { version: 0, at: 0, policy: Policy { version: 1, ..Policy::default() } }
    }
}

/// The policy in force.
pub fn current(connection: &Connection) -> Result<StoredPolicy, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT version, at, policy FROM policies ORDER BY version DESC LIMIT 1")?;
    let found = statement
        .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?)));
    let Some((version, at, text)) = found.optional()? else {
        return Ok(StoredPolicy::none());
    };
    let policy =
        serde_json::from_str(&text).map_err(|error| StoreError::corrupt("the policy in force", error))?;
    Ok(StoredPolicy { version, at: unix(at), policy })
}

/// The version of the policy in force.
pub fn version_in_force(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(version), 0) FROM policies")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// So many of those that were in force before a version, or of all, the newest first.
pub fn list(connection: &Connection, before: Option<i64>, limit: u32) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT version, at, octet_length(policy) FROM policies WHERE version < ?1 ORDER BY version DESC LIMIT ?2",
    )?;
    let found = statement.query_map((before.unwrap_or(i64::MAX), limit), |row| {
        Ok(Entry { version: row.get(0)?, at: unix(row.get(1)?), bytes: unix(row.get(2)?) })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The policy of a version that was in force once. `None`: it was never, or this binary does not read it any more.
pub fn of_version(connection: &Connection, version: i64) -> Result<Option<StoredPolicy>, StoreError> {
    if version == 0 {
        return Ok(Some(StoredPolicy::none()));
    }
    let mut statement = connection.prepare_cached("SELECT at, policy FROM policies WHERE version = ?1")?;
    let found = statement
        .query_row([version], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    Ok(found.and_then(|(at, text)| {
        let policy = serde_json::from_str(&text).ok()?;
        Some(StoredPolicy { version, at: unix(at), policy })
    }))
}

/// So many versions are asked for addresses, and so much text is read for it: some seconds' work.
const ASKED_MAX: u32 = 1_000;
const ASKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A policy with its addresses in the place of what was shown of them, by the newest version that knows them all.
pub fn unmasked(connection: &Connection, shown: &Policy) -> Result<Option<Policy>, StoreError> {
    let mut left = ASKED_BYTES_MAX;
    for entry in list(connection, None, ASKED_MAX)? {
        left = match left.checked_sub(entry.bytes) {
            Some(left) => left,
            None => break,
        };
        let known = of_version(connection, entry.version)?;
        if let Some(Ok(policy)) = known.map(|known| shown.clone().unmasked(&known.policy, "")) {
            return Ok(Some(policy));
        }
    }
    Ok(None)
}

/// Puts a policy in force, unless it is already.
pub fn put(write: &mut Write<'_>, policy: Policy, at: UnixNanos) -> Result<StoredPolicy, StoreError> {
    let before = current(write.connection())?;
    if before.policy == policy && before.version > 0 {
        return Ok(before);
    }
    let text = serde_json::to_string(&policy).map_err(|error| StoreError::corrupt("a policy", error))?;
    let version = before.version.saturating_add(1);
    write.execute(
        "INSERT INTO policies (version, at, digest, policy) VALUES (?1, ?2, ?3, ?4)",
        (version, instant(at), digest(text.as_bytes()), &text),
    )?;
    Ok(StoredPolicy { version, at, policy })
}
