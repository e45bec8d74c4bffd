//! Recomputes every aggregate from the calls and compares (invariant 9). The recomputation is SQL over the calls and
//! shares no code with the running sums, so that a fault in either is seen.

mod lines;
mod text;
mod used;
mod worth;

pub use lines::fill_lines;
pub use text::fill_texts;
pub use used::fill_used;

use super::{
    Charge,
    aggregates::{DAY_NS, HOUR_NS, MEASURES, TABLES, TASK_COLUMNS, Table},
    names::ERRORS,
};
use crate::store::{StoreError, instant, unix, word_id};
use protocol::{
    codec,
    event::CallEnd,
    meters::{Meter, Units},
    rating::Line,
};
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;

/// An aggregate that is not what the ledger says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its table.
    pub table: String,
    /// Rows that the ledger asks for and the table does not have so.
    pub missing: u64,
    /// Rows of the table that the ledger does not ask for.
    pub extra: u64,
}

impl Difference {
    /// Nothing, where the two are equal.
    fn between<K: Ord, V: PartialEq>(
        table: &str,
        recounted: &BTreeMap<K, V>,
        running: &BTreeMap<K, V>,
    ) -> Option<Self> {
        let without = |these: &BTreeMap<K, V>, those: &BTreeMap<K, V>| {
            let rows = these.iter().filter(|(key, row)| those.get(key) != Some(row)).count();
            u64::try_from(rows).unwrap_or(u64::MAX)
        };
        let (missing, extra) = (without(recounted, running), without(running, recounted));
        (missing > 0 || extra > 0).then(|| Self { table: table.to_owned(), missing, extra })
    }
}

/// What was compared, and what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Calls in the ledger.
    pub calls: u64,
    /// Aggregate rows.
    pub rows: u64,
    /// Calls whose lines do not sum to their cost.
    pub unbalanced: u64,
    /// Tables that differ.
    pub differences: Vec<Difference>,
}

impl Check {
    /// Whether aggregates and ledger are equal.
    pub fn is_equal(&self) -> bool {
        self.unbalanced == 0 && self.differences.is_empty()
    }
}

/// Compares all aggregates with the ledger. Run it on a connection inside one transaction, as `Store::read` does, so
/// that both are of one instant.
pub fn rebuild_check(connection: &Connection) -> Result<Check, StoreError> {
    let count = |rows: &str| count(connection, rows);
    let mut check = Check { calls: count("SELECT id FROM calls")?, ..Check::default() };
    let computed = TABLES.iter().map(|table| (table.name, columns(table.keys), recompute(table)));
    let task_columns = columns(&TASK_COLUMNS);
    for (name, columns, recomputed) in computed.chain([("by_task", task_columns, recompute_tasks())]) {
        let running = format!("SELECT {columns} FROM {name} WHERE calls <> 0 OR refused <> 0");
        check.rows = check.rows.saturating_add(count(&running)?);
        let missing = count(&format!("{recomputed} EXCEPT {running}"))?;
        let extra = count(&format!("{running} EXCEPT {recomputed}"))?;
        if missing > 0 || extra > 0 {
            check.differences.push(Difference { table: name.to_owned(), missing, extra });
        }
    }
    let Recounted { caps, unbalanced } = recount(connection)?;
    check.unbalanced = unbalanced;
    compare_caps(connection, &caps, &mut check)?;
    text::compare(connection, &mut check)?;
    lines::compare(connection, &mut check)?;
    worth::compare(connection, &mut check)?;
    used::compare(connection, &mut check)?;
    Ok(check)
}

fn count(connection: &Connection, rows: &str) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM ({rows})");
    Ok(unix(connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?))
}

fn columns(keys: &[&str]) -> String {
    keys.iter().chain(&MEASURES).copied().collect::<Vec<_>>().join(", ")
}

/// The measures over ended calls, in the order of [`MEASURES`].
fn sums() -> String {
    let errors = ERRORS.map(|word| format!("'{word}'")).join(", ");
    let admitted = "state IN (1, 2)";
    let premium = "state IN (1, 2) AND fallback = 1 AND outcome NOT IN (SELECT id FROM words WHERE text IN
        ('error', 'timed_out', 'client_aborted', 'invalid_json'))";
    let own = |outcomes: &str| {
        let ended_so = format!("outcome IN (SELECT id FROM words WHERE text IN ({outcomes}))");
        format!("sum(iif({admitted} AND {ended_so}, coalesce(standing_pico - standing_wasted, 0), 0))")
    };
    format!(
        "sum({admitted}), sum(state = 3),
         sum({admitted} AND outcome IN (SELECT id FROM words WHERE text IN ({errors}))),
         sum({admitted} AND standing_pico IS NULL),
         sum({admitted} AND usage_source IN (SELECT id FROM words WHERE text IN ('estimated', 'mixed'))),
         sum(customer = 0),
         sum(iif({admitted}, tokens_in, 0)), sum(iif({admitted}, tokens_out, 0)),
         sum(iif({admitted}, coalesce(standing_pico, 0), 0)),
         sum({admitted} AND cost_pico IS NULL), sum(iif({admitted}, coalesce(cost_pico, 0), 0)),
         sum(iif({admitted}, standing_wasted, 0)), {}, {}, {},
         sum({admitted} AND fallback = 1), sum({premium} AND standing_premium IS NULL),
         sum(iif({premium}, coalesce(standing_premium, 0), 0)),
         sum(iif({admitted}, max(attempts - 1, 0), 0))",
        own("'error', 'timed_out'"),
        own("'client_aborted'"),
        own("'invalid_json'")
    )
}

/// The lengths of spans, as rows.
const SPANS: &str = "(SELECT 1 AS span UNION ALL SELECT 4 UNION ALL SELECT 16)";

fn recompute(table: &Table) -> String {
    let is_by_span = table.keys.contains(&"span");
    let key = |key: &&str| match *key {
        "hour" => format!("started_at / {HOUR_NS}"),
        "day" if is_by_span => format!("started_at / {DAY_NS} / span * span"),
        "day" => format!("started_at / {DAY_NS}"),
        other => other.to_owned(),
    };
    let keys = table.keys.iter().map(key).collect::<Vec<_>>().join(", ");
    let calls = if is_by_span { format!("standing, {SPANS}") } else { "standing".to_owned() };
    format!("SELECT {keys}, {} FROM {calls} WHERE state <> 0 GROUP BY {keys}", sums())
}

fn recompute_tasks() -> String {
    // Without the second condition the index by task serves nothing, and each task reads all calls.
    let of = |column: &str, order: &str| {
        format!(
            "(SELECT f.{column} FROM calls f WHERE f.task = c.task AND f.task <> 0 AND f.state <> 0
                 ORDER BY {order} LIMIT 1)"
        )
    };
    let firsts = ["id", "customer", "workspace", "feature", "plan", "provider", "model"]
        .map(|column| of(column, "f.id"))
        .join(", ");
    let lasts = ["id", "outcome"].map(|column| of(column, "f.started_at DESC, f.id DESC")).join(", ");
    format!(
        "SELECT task, {firsts}, min(started_at), max(started_at), {lasts}, min(customer), max(customer),
             min(workspace), max(workspace), {}
         FROM standing c WHERE state <> 0 AND task <> 0 GROUP BY task",
        sums()
    )
}

/// Cap, subject, window, boot → settled, held.
type Caps = BTreeMap<(i64, i64, i64, i64), (i64, i64)>;

struct Recounted {
    caps: Caps,
    unbalanced: u64,
}

fn recount(connection: &Connection) -> Result<Recounted, StoreError> {
    let mut statement = connection.prepare(
        "SELECT state, boot, cost_pico, settled_pico, tokens_in, charges, lines, end
         FROM calls JOIN details USING (id)",
    )?;
    let mut rows = statement.query([])?;
    let (mut caps, mut unbalanced) = (Caps::new(), 0_u64);
    while let Some(row) = rows.next()? {
        let state: i64 = row.get("state")?;
        let cost: Option<i64> = row.get("cost_pico")?;
        let lines: Vec<Line> = blob(row.get("lines")?)?.unwrap_or_default();
        if !lines.is_empty() {
            let sum = protocol::rating::cost(&lines).map(protocol::money::PicoUsd::pico);
            if sum != cost.map(i128::from) {
                unbalanced = unbalanced.saturating_add(1);
            }
        }
        let charges: Vec<Charge> = blob(row.get("charges")?)?.unwrap_or_default();
        if charges.is_empty() {
            continue;
        }
        let settled_pico = row.get::<_, Option<i64>>("settled_pico")?.unwrap_or(0);
        let units = match blob::<CallEnd>(row.get("end")?)? {
            Some(end) => end.usage_with_waste().into_owned().units,
            None => Units::from([(Meter::Input, unix(row.get("tokens_in")?))]),
        };
        for charge in charges {
            let id = |text: &str| match text {
                "" => Ok(0),
                text => Ok::<_, StoreError>(word_id(connection, text)?.unwrap_or(-1)),
            };
            let key =
                (id(&charge.cap)?, id(&charge.subject)?, instant(charge.window_start), row.get("boot")?);
            let count = caps.entry(key).or_default();
            match state {
                0 => count.1 = count.1.saturating_add(charge.held),
                3 => {}
                _ => count.0 = count.0.saturating_add(charge.settled(settled_pico, &units)),
            }
        }
    }
    caps.retain(|_, count| *count != (0, 0));
    Ok(Recounted { caps, unbalanced })
}

fn blob<T: serde::de::DeserializeOwned>(bytes: Option<Vec<u8>>) -> Result<Option<T>, StoreError> {
    let decode = |bytes: Vec<u8>| codec::decode(&bytes);
    bytes.map(decode).transpose().map_err(|error| StoreError::corrupt("a call's detail", error))
}

fn compare_caps(connection: &Connection, recounted: &Caps, check: &mut Check) -> Result<(), StoreError> {
    let mut statement = connection.prepare(
        "SELECT cap, subject, window_start, boot, settled, held FROM cap_usage WHERE settled <> 0 OR held <> 0",
    )?;
    let mut rows = statement.query([])?;
    let mut running = Caps::new();
    while let Some(row) = rows.next()? {
        running.insert((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), (row.get(4)?, row.get(5)?));
    }
    check.rows = check.rows.saturating_add(u64::try_from(running.len()).unwrap_or(0));
    check.differences.extend(Difference::between("cap_usage", recounted, &running));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn the_calls_of_a_task_are_looked_up_and_not_looked_for() {
        let directory = tempfile::tempdir().unwrap();
        let reader = Store::open(directory.path()).unwrap().reader().unwrap();
        let mut explain = reader.prepare(&format!("EXPLAIN QUERY PLAN {}", recompute_tasks())).unwrap();
        let steps = explain.query_map([], |row| row.get::<_, String>("detail")).unwrap();
        let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        assert!(
            steps.iter().any(|step| step.starts_with("SEARCH f USING INDEX calls_by_task")),
            "{steps:#?}"
        );
        assert!(!steps.iter().any(|step| step.starts_with("SCAN f")), "{steps:#?}");
    }
}
