//! Recomputes what is known of the models' text from the calls. Shares no code with the running sums in
//! `ledger/text.rs`.

use super::{Check, Difference, blob};
use crate::store::{StoreError, instant, word_id};
use protocol::{
    event::{CallEnd, CallHead, Ending},
    meters::{Meter, UsageSource},
};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Day, provider, model → calls, bytes, tokens of requests, then of answers.
type Texts = BTreeMap<[i64; 3], [i64; 6]>;

const COLUMNS: &str = "day, provider, model, request_calls, request_bytes, request_tokens, text_calls, text_bytes, \
    text_tokens";

/// Fills the empty table of a store that has calls already.
pub fn fill_texts(connection: &Connection) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO by_day_text ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    let mut insert = connection.prepare(&sql)?;
    for ([day, provider, model], [a, b, c, d, e, f]) in recount(connection)? {
        insert.execute([day, provider, model, a, b, c, d, e, f])?;
    }
    Ok(())
}

pub(super) fn compare(connection: &Connection, check: &mut Check) -> Result<(), StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM by_day_text"))?;
    let mut rows = statement.query([])?;
    let mut running = Texts::new();
    while let Some(row) = rows.next()? {
        let key = [row.get(0)?, row.get(1)?, row.get(2)?];
        let sums = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?];
        running.insert(key, sums);
    }
    check.rows = check.rows.saturating_add(u64::try_from(running.len()).unwrap_or(0));
    check.differences.extend(Difference::between("by_day_text", &recount(connection)?, &running));
    Ok(())
}

fn recount(connection: &Connection) -> Result<Texts, StoreError> {
    let mut statement = connection.prepare(
        "SELECT day, provider, model, head, end FROM calls JOIN details USING (id)
         WHERE state = 1 AND status BETWEEN 200 AND 299",
    )?;
    let mut rows = statement.query([])?;
    let mut texts = Texts::new();
    while let Some(row) = rows.next()? {
        let (Some(head), Some(end)) =
            (blob::<CallHead>(row.get("head")?)?, blob::<CallEnd>(row.get("end")?)?)
        else {
            continue;
        };
        if end.ending != Ending::Complete
            || !end.usage.complete
            || end.usage.source() != UsageSource::Reported
        {
            continue;
        }
        let tokens = |counted: &[Meter]| {
            let units = counted.iter().filter_map(|meter| end.usage.units.get(meter));
            units.fold(0_i64, |total, units| total.saturating_add(instant(*units)))
        };
        let prompt = tokens(&[Meter::Input, Meter::CacheRead, Meter::CacheWrite5m, Meter::CacheWrite1h]);
        let generated = tokens(&[Meter::Output, Meter::Reasoning]);
        let (request_bytes, text_bytes) =
            (instant(head.request_text_bytes.unwrap_or(0)), instant(end.text_bytes));
        let mut sums = [0; 6];
        // Fewer than 1.5 or more than 20 bytes a token: the prompt that was counted is another one.
        let tenths = request_bytes.saturating_mul(10).checked_div(prompt).unwrap_or(0);
        let is_told = (15..=200).contains(&tenths);
        if is_told && tokens(&[Meter::AudioIn, Meter::ImageIn]) == 0 {
            sums = [1, request_bytes, prompt, 0, 0, 0];
        }
        if generated > 0 && text_bytes > 0 && tokens(&[Meter::AudioOut, Meter::ImageOut]) == 0 {
            let [a, b, c, ..] = sums;
            sums = [a, b, c, 1, text_bytes, generated];
        }
        if sums == [0; 6] {
            continue;
        }
        let (day, provider, served): (i64, i64, i64) =
            (row.get("day")?, row.get("provider")?, row.get("model")?);
        let asked_for = match head.model() {
            None | Some("") => 0,
            Some(model) => word_id(connection, model)?.unwrap_or(-1),
        };
        let mut models = vec![0, served, asked_for];
        models.sort_unstable();
        models.dedup();
        for model in models {
            let totals = texts.entry([day, provider, model]).or_default();
            totals.iter_mut().zip(sums).for_each(|(total, part)| *total = total.saturating_add(part));
        }
    }
    Ok(texts)
}
