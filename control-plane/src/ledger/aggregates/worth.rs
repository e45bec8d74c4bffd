//! What tasks cost and what they were worth, by the span of days of their newest call. A task counts once, whole, and moves
//! with every change of it or of its outcome.

use super::super::{
    spans::{LENGTHS, first_day},
    sums::too_large,
};
use crate::store::{StoreError, Write};
use rusqlite::{ToSql, params_from_iter};
use std::collections::BTreeMap;

/// A task as it stands; read by number, for it is read twice for every task of a batch.
const TASK: &str = "SELECT day, customer, plan, feature, provider, model, last_outcome, said,
        1, smooth, unpriced, cost_pico, retried_pico, failed_pico, aborted_pico, invalid_pico, premium_pico
    FROM task_worth WHERE task = ?1";

/// Sums by some of what a task says of itself.
struct Table {
    name: &'static str,
    /// The columns of its key between the day and the outcomes.
    keys: &'static [&'static str],
}

const TABLES: [Table; 3] = [
    Table { name: "by_span_task", keys: &["plan", "feature", "provider", "model"] },
    Table { name: "by_span_task_customer", keys: &["customer", "plan"] },
    Table { name: "by_span_task_use", keys: &["customer", "plan", "feature", "provider", "model"] },
];

const SUMS: [&str; 9] = [
    "tasks",
    "smooth",
    "unpriced",
    "cost_pico",
    "retried_pico",
    "failed_pico",
    "aborted_pico",
    "invalid_pico",
    "premium_pico",
];

/// The sums of some tasks, beginning with how many they are.
type Sums = [i64; SUMS.len()];
/// Span, first day, the newest call's outcome and the table's own keys, padded to the longest; and what was said.
type Key = ([i64; 8], Box<str>);

/// What changes, by table.
#[derive(Debug, Default)]
pub(in crate::ledger) struct WorthDeltas([BTreeMap<Key, Sums>; TABLES.len()]);

impl WorthDeltas {
    /// Makes a change of a task or of its outcome, and counts the task as it is then instead of as it was.
    pub(in crate::ledger) fn around<T>(
        &mut self,
        write: &Write<'_>,
        task: i64,
        change: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.count(write, task, -1)?;
        let done = change()?;
        self.count(write, task, 1)?;
        Ok(done)
    }

    fn count(&mut self, write: &Write<'_>, task: i64, sign: i64) -> Result<(), StoreError> {
        let mut find = write.statement(TASK)?;
        let mut rows = find.query([task])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let mut key = [0; 7];
        for (column, part) in key.iter_mut().enumerate() {
            *part = row.get(column)?;
        }
        let [day, customer, plan, feature, provider, model, last] = key;
        let said: Box<str> = row.get(7)?;
        let mut part = Sums::default();
        for (column, sum) in (8..).zip(&mut part) {
            *sum = row.get::<_, i64>(column)?.saturating_mul(sign);
        }
        let [by_task, by_customer, by_use] = &mut self.0;
        for span in LENGTHS {
            let first = first_day(day, span);
            let at = |keys: [i64; 5]| {
                let [one, two, three, four, five] = keys;
                ([span, first, last, one, two, three, four, five], said.clone())
            };
            add(by_task.entry(at([plan, feature, provider, model, 0])).or_default(), part)?;
            add(by_customer.entry(at([customer, plan, 0, 0, 0])).or_default(), part)?;
            add(by_use.entry(at([customer, plan, feature, provider, model])).or_default(), part)?;
        }
        Ok(())
    }

    /// Writes all of it.
    pub(in crate::ledger) fn flush(self, write: &Write<'_>) -> Result<(), StoreError> {
        for (table, rows) in TABLES.iter().zip(&self.0) {
            put(write, table, rows)?;
        }
        Ok(())
    }
}

fn add(sums: &mut Sums, part: Sums) -> Result<(), StoreError> {
    for (sum, part) in sums.iter_mut().zip(part) {
        *sum = sum.checked_add(part).ok_or_else(too_large)?;
    }
    Ok(())
}

fn put(write: &Write<'_>, table: &Table, rows: &BTreeMap<Key, Sums>) -> Result<(), StoreError> {
    let columns: Vec<&str> =
        ["said", "span", "day", "last_outcome"].iter().chain(table.keys).copied().collect();
    let key = columns.join(", ");
    let marks = vec!["?"; columns.len().saturating_add(SUMS.len())].join(", ");
    let name = table.name;
    let sums = SUMS.map(|sum| format!("{sum} = {sum} + excluded.{sum}")).join(", ");
    let upsert = format!(
        "INSERT INTO {name} ({key}, {}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {sums}",
        SUMS.join(", ")
    );
    let is_it = columns.iter().map(|column| format!("{column} = ?")).collect::<Vec<_>>().join(" AND ");
    let delete_empty = format!("DELETE FROM {name} WHERE {is_it} AND tasks = 0");
    for ((numbers, said), sums) in rows.iter().filter(|(_, sums)| **sums != Sums::default()) {
        let said: &dyn ToSql = said;
        let numbers = numbers.iter().take(columns.len().saturating_sub(1));
        let key = || std::iter::once(said).chain(numbers.clone().map(|number| -> &dyn ToSql { number }));
        write
            .execute(&upsert, params_from_iter(key().chain(sums.iter().map(|sum| -> &dyn ToSql { sum }))))?;
        if sums.first().is_some_and(|tasks| *tasks < 0) {
            write.execute(&delete_empty, params_from_iter(key()))?;
        }
    }
    Ok(())
}
