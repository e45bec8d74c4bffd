//! The tables of prices and imports. What an import does is decided in the room `prices`; here it is written.

use super::{StoreError, Write, instant, unix};
use crate::prices::{Matching, PriceKey, PriceRow, Provenance, Status};
use protocol::{
    UnixNanos,
    meters::Meter,
    money::PicoUsdPerUnit,
    price::{PriceId, Threshold},
};
use rusqlite::{Connection, Row, named_params};

const COLUMNS: &str = "id, provider, model, prefix, meter, tier, threshold, inclusive, rate_pico, inherits, \
    output_tokens_max, effective_from, effective_to, status, source, source_at, source_key, source_text, \
    source_rounded, region, marginal, hours, contract";

/// Every price row of all times, by id.
pub fn rows(connection: &Connection) -> Result<Vec<PriceRow>, StoreError> {
    select(connection, "", &[])
}

/// The rows that an import opened and that still wait for approval, and why each does.
pub fn proposals(
    connection: &Connection,
    import: i64,
) -> Result<Vec<(PriceRow, Option<String>)>, StoreError> {
    let rows = select(connection, "WHERE import = ?1 AND status = 'proposed'", &[&import])?;
    let mut reason = connection.prepare_cached("SELECT reason FROM prices WHERE id = ?1")?;
    let with_reason = rows.into_iter().map(|row| {
        let reason: Option<String> = reason.query_row([instant(row.id)], |found| found.get(0))?;
        Ok((row, reason))
    });
    with_reason.collect()
}

/// The rows that an import would end, and that still hold until somebody approves it.
pub fn leaving(connection: &Connection, import: i64) -> Result<Vec<PriceRow>, StoreError> {
    select(connection, "WHERE id IN (SELECT price FROM price_removals WHERE import = ?1)", &[&import])
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

/// Writes a row, with the import that brings it and why it waits.
pub(super) fn insert(
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

/// Ends a row's time, unless it ends before.
pub fn close(write: &Write<'_>, id: PriceId, at: UnixNanos) -> Result<(), StoreError> {
    write.execute(
        "UPDATE prices SET effective_to = min(coalesce(effective_to, ?2), ?2) WHERE id = ?1",
        [instant(id), instant(at)],
    )?;
    Ok(())
}

/// Puts a proposal aside.
pub fn retire(write: &Write<'_>, id: PriceId) -> Result<(), StoreError> {
    write.execute(
        "UPDATE prices SET status = 'retired' WHERE id = ?1 AND status = 'proposed'",
        [instant(id)],
    )?;
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
