//! Recomputes what requests used, and what calls without a known cost did, from the calls. Shares no code with the running
//! sums in `ledger/requests.rs` and `ledger/unpriced.rs`.

use super::{Check, Difference, blob};
use crate::store::{StoreError, instant, word_id};
use protocol::{
    attempt::{self, Attempt},
    event::CallHead,
    meters::{Meter, Side, Units, Usage, tokens},
};
use rusqlite::{Connection, Row, params_from_iter};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The key of a row → its sums.
type Rows<const K: usize, const V: usize> = BTreeMap<[i64; K], [i64; V]>;

const REQUESTS: &str = "plan, span, day, customer, class, meter, units";
const UNPRICED: &str = "span, day, customer, workspace, plan, feature, route, provider, model, reason, mended, meter, \
    calls, tokens_in, tokens_out, units";

#[derive(Default)]
struct Recounted {
    requests: Rows<6, 1>,
    unpriced: Rows<12, 4>,
}

/// Of all that is known of a call's end.
#[derive(Deserialize)]
struct End {
    usage: Usage,
    #[serde(default)]
    tried: Vec<Attempt>,
}

/// Fills the empty tables of a store that has calls already.
pub fn fill_used(connection: &Connection) -> Result<(), StoreError> {
    // Such a store has no words yet for meters without a price.
    let sql = "INSERT OR IGNORE INTO words (text) SELECT ?1 WHERE EXISTS (SELECT id FROM calls)";
    let mut name = connection.prepare(sql)?;
    for meter in Meter::ALL {
        name.execute([meter.as_str()])?;
    }
    let Recounted { requests, unpriced } = recount(connection)?;
    fill(connection, "by_span_requests", REQUESTS, &requests)?;
    fill(connection, "by_span_unpriced", UNPRICED, &unpriced)
}

fn fill<const K: usize, const V: usize>(
    connection: &Connection,
    table: &str,
    columns: &str,
    rows: &Rows<K, V>,
) -> Result<(), StoreError> {
    let marks = vec!["?"; K.saturating_add(V)].join(", ");
    let mut insert = connection.prepare(&format!("INSERT INTO {table} ({columns}) VALUES ({marks})"))?;
    for (key, sums) in rows {
        insert.execute(params_from_iter(key.iter().chain(sums)))?;
    }
    Ok(())
}

pub(super) fn compare(connection: &Connection, check: &mut Check) -> Result<(), StoreError> {
    let Recounted { requests, unpriced } = recount(connection)?;
    compare_table(connection, "by_span_requests", REQUESTS, &requests, check)?;
    compare_table(connection, "by_span_unpriced", UNPRICED, &unpriced, check)
}

fn compare_table<const K: usize, const V: usize>(
    connection: &Connection,
    table: &str,
    columns: &str,
    recounted: &Rows<K, V>,
    check: &mut Check,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {columns} FROM {table}"))?;
    let mut rows = statement.query([])?;
    let mut running = Rows::new();
    while let Some(row) = rows.next()? {
        let (mut key, mut sums) = ([0; K], [0; V]);
        for (index, value) in key.iter_mut().chain(&mut sums).enumerate() {
            *value = row.get(index)?;
        }
        running.insert(key, sums);
    }
    check.rows = check.rows.saturating_add(u64::try_from(running.len()).unwrap_or(0));
    check.differences.extend(Difference::between(table, recounted, &running));
    Ok(())
}

fn recount(connection: &Connection) -> Result<Recounted, StoreError> {
    let mut statement = connection.prepare(
        "SELECT day, customer, workspace, plan, feature, route, provider, model, pricing, unpriced,
             standing_pico IS NOT NULL AS mended, tokens_in, tokens_out, iif(end IS NULL, head, NULL) AS head, end
         FROM standing JOIN details USING (id) WHERE state IN (1, 2)",
    )?;
    let mut rows = statement.query([])?;
    let mut recounted = Recounted::default();
    let mut meters = Meters { connection, known: BTreeMap::new() };
    while let Some(row) = rows.next()? {
        let end: Option<End> = blob(row.get("end")?)?;
        let used = match (&end, blob::<CallHead>(row.get("head")?)?) {
            (Some(end), _) => end.usage.units.clone(),
            (None, Some(head)) if head.input_tokens_estimate > 0 => {
                Units::from([(Meter::Input, head.input_tokens_estimate)])
            }
            (None, _) => Units::new(),
        };
        let is_unknown = used.is_empty() && end.as_ref().is_none_or(|end| !end.usage.complete);
        let wasted = end.iter().flat_map(|end| attempt::wasted(&end.tried)).map(|(_, usage)| &usage.units);
        let all: Vec<&Units> = std::iter::once(&used).chain(wasted).collect();
        recounted.requests(row, is_unknown, &all, &mut meters)?;
        if row.get::<_, i64>("pricing")? != 0 {
            let used = if end.is_some() { used } else { Units::new() };
            recounted.unpriced(row, &used, &mut meters)?;
        }
    }
    Ok(recounted)
}

impl Recounted {
    fn requests(
        &mut self,
        row: &Row<'_>,
        is_unknown: bool,
        used: &[&Units],
        meters: &mut Meters<'_>,
    ) -> Result<(), StoreError> {
        let (day, plan, customer): (i64, i64, i64) =
            (row.get("day")?, row.get("plan")?, row.get("customer")?);
        let mut add = |class, meter, units| {
            for span in [1, 4, 16] {
                let key = [plan, span, day / span * span, customer, class, meter];
                plus(self.requests.entry(key).or_insert([0]), [units]);
            }
        };
        if is_unknown {
            add(-1, 0, 1);
        }
        for units in used.iter().filter(|units| units.values().any(|units| *units > 0)) {
            let prompt = tokens(units, Side::Prompt);
            let sizes = [32_000, 64_000, 128_000, 200_000, 256_000, 272_000, 512_000, 1_000_000];
            let class: i64 =
                sizes.map(|size| i64::from(prompt > size) + i64::from(prompt >= size)).iter().sum();
            add(class, 0, 1);
            for (meter, units) in units.iter().filter(|(_, units)| **units > 0) {
                add(class, meters.word(*meter)?, instant(*units));
            }
        }
        Ok(())
    }

    fn unpriced(&mut self, row: &Row<'_>, used: &Units, meters: &mut Meters<'_>) -> Result<(), StoreError> {
        let day: i64 = row.get("day")?;
        let mut sums = vec![(0, [1, row.get("tokens_in")?, row.get("tokens_out")?, 0])];
        for (meter, units) in
            used.iter().filter(|(meter, units)| meter.side() == Side::Service && **units > 0)
        {
            sums.push((meters.word(*meter)?, [0, 0, 0, instant(*units)]));
        }
        for span in [1, 4, 16] {
            for (meter, part) in &sums {
                let mut key = [span, day / span * span, 0, 0, 0, 0, 0, 0, 0, 0, 0, *meter];
                let columns = [
                    "customer",
                    "workspace",
                    "plan",
                    "feature",
                    "route",
                    "provider",
                    "model",
                    "unpriced",
                    "mended",
                ];
                for (value, column) in key.iter_mut().skip(2).zip(columns) {
                    *value = row.get(column)?;
                }
                plus(self.unpriced.entry(key).or_insert([0; 4]), *part);
            }
        }
        Ok(())
    }
}

fn plus<const V: usize>(sums: &mut [i64; V], part: [i64; V]) {
    for (sum, part) in sums.iter_mut().zip(part) {
        *sum = sum.saturating_add(part);
    }
}

/// Meters as words, each looked up once.
struct Meters<'a> {
    connection: &'a Connection,
    known: BTreeMap<Meter, i64>,
}

impl Meters<'_> {
    fn word(&mut self, meter: Meter) -> Result<i64, StoreError> {
        if let Some(id) = self.known.get(&meter) {
            return Ok(*id);
        }
        let id = word_id(self.connection, meter.as_str())?.unwrap_or(-1);
        self.known.insert(meter, id);
        Ok(id)
    }
}
