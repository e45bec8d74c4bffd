//! What tasks cost and what they were worth, by the day of their newest call. A task counts once, whole, and moves with
//! every change of it or of its outcome.

use crate::store::{StoreError, Write};
use rusqlite::{Row, ToSql, params_from_iter};
use std::collections::BTreeMap;

/// The columns that are summed up.
pub(in crate::ledger) const SUMS: [&str; 9] = [
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

/// The two tables with the numbers of their keys; `said` and `last_outcome` end both keys.
const TABLES: [(&str, &[&str]); 2] = [
    ("by_day_task", &["day", "plan", "feature", "provider", "model"]),
    ("by_day_task_customer", &["day", "customer", "plan"]),
];

/// Which table, the numbers of the key, what was said, the newest call's outcome.
type Key = (usize, Vec<i64>, String, i64);

/// What changes.
#[derive(Debug, Default)]
pub(in crate::ledger) struct WorthDeltas(BTreeMap<Key, [i64; 9]>);

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
        let mut find = write.statement("SELECT *, 1 AS tasks FROM task_worth WHERE task = ?1")?;
        let mut rows = find.query([task])?;
        if let Some(row) = rows.next()? {
            for (table, (_, keys)) in TABLES.iter().enumerate() {
                let numbers = keys.iter().map(|key| row.get(*key)).collect::<Result<_, _>>()?;
                let key = (table, numbers, row.get("said")?, row.get("last_outcome")?);
                add(self.0.entry(key).or_default(), row, sign)?;
            }
        }
        Ok(())
    }

    /// Writes all of it.
    pub(in crate::ledger) fn flush(self, write: &Write<'_>) -> Result<(), StoreError> {
        let statements = TABLES.map(|(table, keys)| (upsert(table, keys), delete_empty(table, keys)));
        for ((table, numbers, said, last_outcome), sums) in &self.0 {
            if sums.iter().all(|sum| *sum == 0) {
                continue;
            }
            let Some((upsert, delete_empty)) = statements.get(*table) else { continue };
            let mut key: Vec<&dyn ToSql> = numbers.iter().map(|number| -> &dyn ToSql { number }).collect();
            key.extend([said as &dyn ToSql, last_outcome]);
            let values = key.iter().copied().chain(sums.iter().map(|sum| -> &dyn ToSql { sum }));
            write.execute(upsert, params_from_iter(values))?;
            if sums.first().is_some_and(|tasks| *tasks < 0) {
                write.execute(delete_empty, params_from_iter(key))?;
            }
        }
        Ok(())
    }
}

fn add(sums: &mut [i64; 9], row: &Row<'_>, sign: i64) -> Result<(), StoreError> {
    for (sum, column) in sums.iter_mut().zip(SUMS) {
        let part = row.get::<_, i64>(column)?.saturating_mul(sign);
        *sum = sum.checked_add(part).ok_or_else(|| StoreError::corrupt("an aggregate", "is too large"))?;
    }
    Ok(())
}

fn upsert(table: &str, keys: &[&str]) -> String {
    let key = [keys, &["said", "last_outcome"]].concat();
    let columns = [&*key, &SUMS].concat();
    let changes = SUMS.map(|sum| format!("{sum} = {sum} + excluded.{sum}"));
    format!(
        "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
        columns.join(", "),
        vec!["?"; columns.len()].join(", "),
        key.join(", "),
        changes.join(", ")
    )
}

fn delete_empty(table: &str, keys: &[&str]) -> String {
    let key = keys.iter().chain(&["said", "last_outcome"]).map(|key| format!("{key} = ?"));
    format!("DELETE FROM {table} WHERE {} AND tasks = 0", key.collect::<Vec<_>>().join(" AND "))
}
