//! Recomputes what lines and providers' words add up to, from the calls and their corrections. Shares no code with the
//! running sums in `ledger/lines.rs` and `ledger/reported.rs`.

use super::{Check, Difference, blob};
use crate::store::{StoreError, instant, word_id};
use protocol::{
    attempt::Server,
    event::{CallEnd, CallHead},
    money::PicoUsd,
    price::tier_of,
    rating::Line,
};
use rusqlite::{Connection, Rows, params_from_iter};
use std::collections::BTreeMap;

/// The key of a row of by_day_charge → lines, units.
type Charges = BTreeMap<[i64; 12], [i64; 2]>;
/// Day, provider, model → the sums of by_day_reported.
type Reported = BTreeMap<[i64; 3], [i64; 4]>;

const CHARGE: &str =
    "day, corrected, customer, provider, model, meter, tier, region, price, rate, list_price, list_rate";

/// Fills the empty tables of a store that has calls already.
pub fn fill_lines(connection: &Connection) -> Result<(), StoreError> {
    // Such a store has no words yet for what only keys of lines name.
    let mut name = connection.prepare("INSERT OR IGNORE INTO words (text) VALUES (?1)")?;
    let mut calls = connection
        .prepare("SELECT head, end, lines FROM calls JOIN details USING (id) WHERE state IN (1, 2)")?;
    let mut rows = calls.query([])?;
    while let Some(row) = rows.next()? {
        let (head, end) = (blob(row.get(0)?)?, blob(row.get(1)?)?);
        let (tier, region) = served(head.as_ref(), end.as_ref());
        for text in [tier, region].into_iter().flatten().filter(|text| !text.is_empty()) {
            name.execute([text])?;
        }
        for line in blob::<Vec<Line>>(row.get(2)?)?.unwrap_or_default() {
            name.execute([line.meter.as_str()])?;
        }
    }
    let marks = ["?"; 14].join(", ");
    let mut insert = connection
        .prepare(&format!("INSERT INTO by_day_charge ({CHARGE}, lines, units) VALUES ({marks})"))?;
    for (key, sums) in recount(connection)?.0 {
        insert.execute(params_from_iter(key.iter().chain(&sums)))?;
    }
    Ok(())
}

pub(super) fn compare(connection: &Connection, check: &mut Check) -> Result<(), StoreError> {
    let (recounted, unbalanced) = recount(connection)?;
    check.unbalanced = check.unbalanced.saturating_add(unbalanced);
    let sql = format!("SELECT {CHARGE}, lines, units FROM by_day_charge WHERE lines <> 0 OR units <> 0");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut running = Charges::new();
    while let Some(row) = rows.next()? {
        let mut key = [0; 12];
        for (index, part) in key.iter_mut().enumerate() {
            *part = row.get(index)?;
        }
        running.insert(key, [row.get("lines")?, row.get("units")?]);
    }
    check.rows = check.rows.saturating_add(u64::try_from(running.len()).unwrap_or(0));
    check.differences.extend(Difference::between("by_day_charge", &recounted, &running));
    let reported = |sql: &str| -> Result<Reported, StoreError> {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let key = [row.get(0)?, row.get(1)?, row.get(2)?];
            Ok((key, [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?]))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let recounted = reported(
        "SELECT day, provider, model, count(*), sum(standing_computed IS NULL),
             sum(iif(standing_computed IS NULL, 0, reported_pico)), sum(coalesce(standing_computed, 0))
         FROM standing WHERE reported_pico IS NOT NULL AND state IN (1, 2) GROUP BY day, provider, model",
    )?;
    let running = reported(
        "SELECT day, provider, model, calls, uncomputed, reported_pico, computed_pico FROM by_day_reported",
    )?;
    check.rows = check.rows.saturating_add(u64::try_from(running.len()).unwrap_or(0));
    check.differences.extend(Difference::between("by_day_reported", &recounted, &running));
    Ok(())
}

/// The charges, and how many corrections have lines that do not sum to their cost.
fn recount(connection: &Connection) -> Result<(Charges, u64), StoreError> {
    let mut statement = connection.prepare(
        "SELECT id, day, customer, provider, model, head, end, lines FROM calls JOIN details USING (id)
         WHERE state IN (1, 2)",
    )?;
    let mut corrections = connection
        .prepare("SELECT cause, at, after_pico, lines FROM corrections WHERE call = ?1 ORDER BY id")?;
    let mut rows = statement.query([])?;
    let (mut charges, mut unbalanced) = (Charges::new(), 0_u64);
    while let Some(row) = rows.next()? {
        let lines: Vec<Line> = blob(row.get("lines")?)?.unwrap_or_default();
        let (head, end): (Option<CallHead>, Option<CallEnd>) =
            (blob(row.get("head")?)?, blob(row.get("end")?)?);
        let (tier, region) = served(head.as_ref(), end.as_ref());
        let word = |text: Option<&str>| match text {
            None | Some("") => Ok(0),
            Some(text) => Ok::<_, StoreError>(word_id(connection, text)?.unwrap_or(-1)),
        };
        let (tier, region) = (word(tier)?, word(region)?);
        let (day, customer): (i64, i64) = (row.get("day")?, row.get("customer")?);
        let (provider, model): (i64, i64) = (row.get("provider")?, row.get("model")?);
        let of_attempt = |number: u32| {
            let (Some(head), Some(end)) = (&head, &end) else { return Ok([-1; 4]) };
            let attempt = end.tried.iter().find(|attempt| attempt.number == number);
            let Server { provider, model, region, .. } = Server::of(head, attempt);
            let tier = head.request_tier.as_deref().filter(|tier| tier_of(Some(tier)).is_some());
            Ok::<_, StoreError>([word(Some(provider))?, word(model)?, word(tier)?, word(region)?])
        };
        let mut steps = vec![(0, lines)];
        let later = corrections.query([row.get::<_, [u8; 16]>("id")?])?;
        unbalanced = unbalanced.saturating_add(follow(later, &mut steps)?);
        let mut count = |corrected: i64, lines: &[Line], sign: i64| -> Result<(), StoreError> {
            for line in lines {
                let [provider, model, tier, region] =
                    line.attempt.map_or(Ok([provider, model, tier, region]), of_attempt)?;
                let list = line.list.map_or((line.price, line.rate), |list| (list.price, list.rate));
                let key = [
                    day,
                    corrected,
                    customer,
                    provider,
                    model,
                    word(Some(line.meter.as_str()))?,
                    tier,
                    region,
                    instant(line.price),
                    instant(line.rate.pico()),
                    instant(list.0),
                    instant(list.1.pico()),
                ];
                let [lines, units] = charges.entry(key).or_default();
                *lines = lines.saturating_add(sign);
                *units = units.saturating_add(instant(line.units).saturating_mul(sign));
            }
            Ok(())
        };
        for (index, (corrected, lines)) in steps.iter().enumerate() {
            if let Some((_, before)) = index.checked_sub(1).and_then(|before| steps.get(before)) {
                count(*corrected, before, -1)?;
            }
            count(*corrected, lines, 1)?;
        }
    }
    charges.retain(|_, sums| *sums != [0, 0]);
    Ok((charges, unbalanced))
}

/// The days of corrections, and the lines since.
type Steps = Vec<(i64, Vec<Line>)>;

/// Adds the steps of a call's re-ratings, and says how many have lines that do not sum to their cost.
fn follow(mut corrections: Rows<'_>, steps: &mut Steps) -> Result<u64, StoreError> {
    let mut unbalanced = 0_u64;
    while let Some(correction) = corrections.next()? {
        if correction.get::<_, String>("cause")? != "rerate" {
            steps.truncate(1);
            continue;
        }
        let lines: Vec<Line> = blob(correction.get("lines")?)?.unwrap_or_default();
        let after: Option<i64> = correction.get("after_pico")?;
        let sum = protocol::rating::cost(&lines).map(PicoUsd::pico);
        if sum != after.map(i128::from) {
            unbalanced = unbalanced.saturating_add(1);
        }
        steps.push((correction.get::<_, i64>("at")?.div_euclid(super::DAY_NS), lines));
    }
    Ok(unbalanced)
}

/// The tier and region by which a call was rated.
fn served<'a>(head: Option<&'a CallHead>, end: Option<&'a CallEnd>) -> (Option<&'a str>, Option<&'a str>) {
    let tier = end.and_then(|end| end.service_tier.as_deref());
    let tier = tier.or(head.and_then(|head| head.request_tier.as_deref()));
    let before = head.and_then(|head| Server::of(head, end.and_then(CallEnd::deciding)).region);
    let region = end.and_then(|end| end.region.as_deref()).or(before);
    (tier.filter(|tier| tier_of(Some(tier)).is_some()), region)
}
