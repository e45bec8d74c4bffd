//! The tables of imports: what was taken in, what of it waits, and when each source was last confirmed.

use super::{StoreError, Write, instant, prices, unix};
use crate::prices::Diff;
use protocol::{UnixNanos, price::PriceId};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;

/// An import to be recorded.
#[derive(Clone, Debug)]
pub struct ImportRecord {
    /// The catalogue's name.
    pub source: Box<str>,
    /// SHA-256 of its text.
    pub digest: String,
    /// Which generation of readers read it.
    pub reader: Option<u32>,
    /// What it was read as.
    pub format: Option<String>,
    /// What came of it, as JSON.
    pub summary: String,
}

/// An import that was recorded.
#[derive(Clone, Debug)]
pub struct StoredImport {
    /// Its key.
    pub id: i64,
    /// When.
    pub at: UnixNanos,
    /// What was recorded.
    pub record: ImportRecord,
    /// How many of its rows, and of those that it would end, wait for approval.
    pub waiting: u64,
}

/// When a source at a place was last read, and what it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// SHA-256 of the text.
    pub digest: String,
    /// Which generation of readers read it.
    pub reader: u32,
    /// When.
    pub at: UnixNanos,
}

/// Records an import and writes what it opens, ends and withdraws.
pub fn apply(
    write: &mut Write<'_>,
    diff: &Diff,
    record: &ImportRecord,
    at: UnixNanos,
) -> Result<i64, StoreError> {
    write.execute(
        "INSERT INTO price_imports (source, at, digest, summary, reader, format) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (&record.source, instant(at), &record.digest, &record.summary, record.reader, &record.format),
    )?;
    let import = write.connection().last_insert_rowid();
    for (row, reason) in diff.opened_with_reasons() {
        prices::insert(write, row, Some(import), reason.map(|reason| reason.as_str()))?;
    }
    for (id, at) in &diff.ends {
        prices::close(write, *id, *at)?;
    }
    for id in &diff.withdrawn {
        prices::retire(write, *id)?;
    }
    // A proposal that is made again belongs to the import that makes it, so that approving that one covers it.
    for held in diff.held.iter().filter(|held| held.row.id != 0) {
        write.execute(
            "UPDATE prices SET import = ?2, reason = ?3 WHERE id = ?1",
            (instant(held.row.id), import, held.reason.as_str()),
        )?;
    }
    write.execute(
        "DELETE FROM price_removals WHERE price IN (SELECT id FROM prices WHERE source = ?1)",
        [&record.source],
    )?;
    for row in &diff.leaving {
        write.execute(
            "INSERT INTO price_removals (price, import) VALUES (?1, ?2)",
            [instant(row.id), import],
        )?;
    }
    Ok(import)
}

/// A removal is decided.
pub fn forget_removal(write: &Write<'_>, price: PriceId) -> Result<(), StoreError> {
    write.execute("DELETE FROM price_removals WHERE price = ?1", [instant(price)])?;
    Ok(())
}

/// A source was read, and what it says is in the table.
pub fn checked(write: &Write<'_>, source: &str, location: &str, check: &Check) -> Result<(), StoreError> {
    write.execute(
        "INSERT INTO price_checks (source, location, digest, reader, checked_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (source, location)
         DO UPDATE SET digest = excluded.digest, reader = excluded.reader, checked_at = excluded.checked_at",
        (source, location, &check.digest, check.reader, instant(check.at)),
    )?;
    Ok(())
}

/// The last time a place was read.
pub fn checked_at(connection: &Connection, location: &str) -> Result<Option<UnixNanos>, StoreError> {
    let sql = "SELECT max(checked_at) FROM price_checks WHERE location = ?1";
    let at: Option<i64> = connection.prepare_cached(sql)?.query_row([location], |row| row.get(0))?;
    Ok(at.map(unix))
}

/// When each provider's prices in force were last found in a source of theirs.
pub fn confirmed(
    connection: &Connection,
    now: UnixNanos,
) -> Result<BTreeMap<Box<str>, UnixNanos>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT provider, max(max(at, coalesce((SELECT max(checked_at) FROM price_checks c WHERE c.source = p.source), 0)))
         FROM (SELECT provider, source, max(source_at) AS at FROM prices
               WHERE status = 'active' AND effective_from <= ?1 AND (effective_to IS NULL OR effective_to > ?1)
               GROUP BY provider, source) p
         GROUP BY provider",
    )?;
    let mut rows = statement.query([instant(now)])?;
    let mut found = BTreeMap::new();
    while let Some(row) = rows.next()? {
        found.insert(row.get(0)?, unix(row.get(1)?));
    }
    Ok(found)
}

const COLUMNS: &str = "id, at, source, digest, summary, reader, format,
    (SELECT count(*) FROM prices WHERE import = i.id AND status = 'proposed')
    + (SELECT count(*) FROM price_removals WHERE import = i.id)";

/// An import by its key.
pub fn import(connection: &Connection, id: i64) -> Result<Option<StoredImport>, StoreError> {
    find(connection, "WHERE id = ?1", &[&id])
}

/// The newest import of a text with that digest under that name, by that generation of readers.
pub fn import_of(
    connection: &Connection,
    digest: &str,
    source: &str,
    reader: u32,
) -> Result<Option<StoredImport>, StoreError> {
    find(connection, "WHERE digest = ?1 AND source = ?2 AND reader = ?3", &[&digest, &source, &reader])
}

/// The newest import of a source.
pub fn newest(connection: &Connection, source: &str) -> Result<Option<StoredImport>, StoreError> {
    find(connection, "WHERE source = ?1", &[&source])
}

/// Imports, the newest first, from before a key on.
pub fn imports(connection: &Connection, before: i64, limit: u32) -> Result<Vec<StoredImport>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM price_imports i WHERE id < ?1 ORDER BY id DESC LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map((before, limit), stored)?;
    Ok(found.collect::<Result<Vec<_>, _>>()?)
}

fn find(
    connection: &Connection,
    condition: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Option<StoredImport>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM price_imports i {condition} ORDER BY id DESC LIMIT 1");
    Ok(connection.prepare_cached(&sql)?.query_row(params, stored).optional()?)
}

fn stored(row: &Row<'_>) -> Result<StoredImport, rusqlite::Error> {
    let record = ImportRecord {
        source: row.get(2)?,
        digest: row.get(3)?,
        summary: row.get(4)?,
        reader: row.get(5)?,
        format: row.get(6)?,
    };
    Ok(StoredImport { id: row.get(0)?, at: unix(row.get(1)?), record, waiting: unix(row.get(7)?) })
}
