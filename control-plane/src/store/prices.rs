//! The tables of prices and imports. What an import does is decided in the room `prices`; here it is written.

use super::{StoreError, Write, instant, unix};
use crate::prices::{Diff, Matching, PriceKey, PriceRow, Provenance, Status};
use protocol::{
    UnixNanos,
    meters::Meter,
    money::PicoUsdPerUnit,
    price::{PriceId, Threshold},
};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

/// An import to be recorded.
#[derive(Clone, Debug)]
pub struct ImportRecord {
    /// The catalogue's name.
    pub source: Box<str>,
    /// SHA-256 of its text.
    pub digest: String,
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
}

const COLUMNS: &str = "id, provider, model, prefix, meter, tier, threshold, inclusive, rate_pico, inherits, \
    output_tokens_max, effective_from, effective_to, status, source, source_at, source_key, source_text, \
    source_rounded, region, marginal, hours, contract";

/// Every price row of all times, by id.
pub fn rows(connection: &Connection) -> Result<Vec<PriceRow>, StoreError> {
    select(connection, "", &[])
}

/// The rows that an import opened and that still wait for approval.
pub fn proposals(connection: &Connection, import: i64) -> Result<Vec<PriceRow>, StoreError> {
    select(connection, "WHERE import = ?1 AND status = 'proposed'", &[&import])
}

fn select(
    connection: &Connection,
    condition: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Vec<PriceRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM prices {condition} ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(price_row(row)?);
    }
    Ok(rows)
}

fn price_row(row: &Row<'_>) -> Result<PriceRow, StoreError> {
    let meter = |name: &str| -> Result<Option<Meter>, StoreError> {
        let text: Option<String> = row.get(name)?;
        let parse =
            |text: String| text.parse().map_err(|error| StoreError::corrupt("a price's meter", error));
        text.map(parse).transpose()
    };
    let number = |name: &str| -> Result<Option<u64>, StoreError> {
        Ok(row.get::<_, Option<i64>>(name)?.and_then(|number| u64::try_from(number).ok()))
    };
    let threshold = number("threshold")?;
    let flag = |name: &str| Ok::<_, StoreError>(row.get::<_, Option<bool>>(name)?.unwrap_or(false));
    let (inclusive, marginal) = (flag("inclusive")?, flag("marginal")?);
    let hours: Option<String> = row.get("hours")?;
    let hours = hours.map(|text| text.parse()).transpose();
    let key = PriceKey {
        provider: row.get("provider")?,
        model: row.get("model")?,
        matching: if row.get("prefix")? { Matching::Prefix } else { Matching::Exact },
        meter: meter("meter")?.ok_or_else(|| StoreError::corrupt("a price's meter", "is absent"))?,
        tier: row.get("tier")?,
        region: row.get("region")?,
        threshold: threshold.map(|input_tokens| Threshold { input_tokens, inclusive, marginal }),
        hours: hours.map_err(|error| StoreError::corrupt("a price's hours", error))?,
        contract: row.get("contract")?,
    };
    let status = match row.get::<_, String>("status")?.as_str() {
        "proposed" => Status::Proposed,
        "active" => Status::Active,
        "retired" => Status::Retired,
        other => return Err(StoreError::corrupt("a price's status", other)),
    };
    Ok(PriceRow {
        id: number("id")?.unwrap_or(0),
        key,
        rate: PicoUsdPerUnit::new(number("rate_pico")?.unwrap_or(0)),
        inherits: meter("inherits")?,
        output_tokens_max: number("output_tokens_max")?,
        effective_from: unix(row.get("effective_from")?),
        effective_to: row.get::<_, Option<i64>>("effective_to")?.map(unix),
        source: Provenance {
            name: row.get("source")?,
            imported_at: unix(row.get("source_at")?),
            key: row.get("source_key")?,
            text: row.get("source_text")?,
            rounded: row.get("source_rounded")?,
        },
        status,
    })
}

/// Records an import and writes what it opens, closes and withdraws.
pub fn apply(
    write: &mut Write<'_>,
    diff: &Diff,
    record: &ImportRecord,
    at: UnixNanos,
) -> Result<i64, StoreError> {
    let import = insert_import(write, record, at)?;
    for row in diff.opened() {
        let held = diff.held.iter().find(|held| held.row.key == row.key && row.status == Status::Proposed);
        insert(write, row, Some(import), held.map(|held| held.reason.as_str()))?;
    }
    for id in diff.closed() {
        close(write, id, at)?;
    }
    for id in &diff.withdrawn {
        write.execute("UPDATE prices SET status = 'retired' WHERE id = ?1", [instant(*id)])?;
    }
    // A proposal that is made again belongs to the import that makes it, so that approving that one covers it.
    for held in diff.held.iter().filter(|held| held.row.id != 0) {
        write.execute("UPDATE prices SET import = ?2 WHERE id = ?1", [instant(held.row.id), import])?;
    }
    Ok(import)
}

fn insert_import(write: &mut Write<'_>, record: &ImportRecord, at: UnixNanos) -> Result<i64, StoreError> {
    write.execute(
        "INSERT INTO price_imports (source, at, digest, summary) VALUES (?1, ?2, ?3, ?4)",
        (&record.source, instant(at), &record.digest, &record.summary),
    )?;
    Ok(write.connection().last_insert_rowid())
}

fn insert(
    write: &Write<'_>,
    row: &PriceRow,
    import: Option<i64>,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let PriceKey { provider, model, matching, meter, tier, region, threshold, hours, contract } = &row.key;
    let too_large = |_| StoreError::corrupt("a price's rate", "is too large");
    write.execute(
        "INSERT INTO prices (provider, model, prefix, meter, tier, threshold, inclusive, rate_pico, inherits,
             output_tokens_max, effective_from, effective_to, status, import, source, source_at, source_key,
             source_text, source_rounded, reason, region, marginal, hours, contract)
         VALUES (:provider, :model, :prefix, :meter, :tier, :threshold, :inclusive, :rate_pico, :inherits,
             :output_tokens_max, :effective_from, :effective_to, :status, :import, :source, :source_at, :source_key,
             :source_text, :source_rounded, :reason, :region, :marginal, :hours, :contract)",
        named_params! {
            ":provider": provider,
            ":model": model,
            ":prefix": *matching == Matching::Prefix,
            ":meter": meter.as_str(),
            ":tier": tier,
            ":threshold": threshold.map(|threshold| instant(threshold.input_tokens)),
            ":inclusive": threshold.map(|threshold| threshold.inclusive),
            ":rate_pico": i64::try_from(row.rate.pico()).map_err(too_large)?,
            ":inherits": row.inherits.map(Meter::as_str),
            ":output_tokens_max": row.output_tokens_max.map(instant),
            ":effective_from": instant(row.effective_from),
            ":effective_to": row.effective_to.map(instant),
            ":status": row.status.as_str(),
            ":import": import,
            ":source": row.source.name,
            ":source_at": instant(row.source.imported_at),
            ":source_key": row.source.key,
            ":source_text": row.source.text,
            ":source_rounded": row.source.rounded,
            ":reason": reason,
            ":region": region,
            ":marginal": threshold.map(|threshold| threshold.marginal),
            ":hours": hours.as_ref().map(ToString::to_string),
            ":contract": contract,
        },
    )?;
    Ok(())
}

/// Ends a row's time.
pub fn close(write: &Write<'_>, id: PriceId, at: UnixNanos) -> Result<(), StoreError> {
    write.execute("UPDATE prices SET effective_to = ?2 WHERE id = ?1", [instant(id), instant(at)])?;
    Ok(())
}

/// Puts a proposal in use.
pub fn activate(write: &Write<'_>, id: PriceId, from: UnixNanos) -> Result<(), StoreError> {
    write.execute(
        "UPDATE prices SET status = 'active', effective_from = ?2 WHERE id = ?1 AND status = 'proposed'",
        [instant(id), instant(from)],
    )?;
    Ok(())
}

/// An import by its key.
pub fn import(connection: &Connection, id: i64) -> Result<Option<StoredImport>, StoreError> {
    find_import(connection, "id = ?1", &id)
}

/// The newest import of a text with that digest.
pub fn import_of(connection: &Connection, digest: &str) -> Result<Option<StoredImport>, StoreError> {
    find_import(connection, "digest = ?1", &digest)
}

fn find_import(
    connection: &Connection,
    condition: &str,
    param: &dyn rusqlite::ToSql,
) -> Result<Option<StoredImport>, StoreError> {
    let sql = format!(
        "SELECT id, at, source, digest, summary FROM price_imports WHERE {condition} ORDER BY id DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row([param], |row| {
        let record = ImportRecord { source: row.get(2)?, digest: row.get(3)?, summary: row.get(4)? };
        Ok(StoredImport { id: row.get(0)?, at: unix(row.get(1)?), record })
    });
    Ok(found.optional()?)
}
