//! What tasks cost and what they were worth, by the day of their newest call. A task counts once, whole, and moves with
//! every change of it or of its outcome.

use crate::store::{StoreError, Write};
use rusqlite::{ToSql, params_from_iter};
use std::collections::BTreeMap;

/// A task as it stands; read by number, for it is read twice for every task of a batch.
const TASK: &str = "SELECT day, customer, plan, feature, provider, model, last_outcome, said,
        1, smooth, unpriced, cost_pico, retried_pico, failed_pico, aborted_pico, invalid_pico, premium_pico
    FROM task_worth WHERE task = ?1";

/// Day, plan, feature, provider, model, the newest call's outcome.
const BY_DAY: &str = "INSERT INTO by_day_task (day, plan, feature, provider, model, last_outcome, said,
        tasks, smooth, unpriced, cost_pico, retried_pico, failed_pico, aborted_pico, invalid_pico, premium_pico)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
    ON CONFLICT (day, plan, feature, provider, model, said, last_outcome) DO UPDATE SET
        tasks = tasks + excluded.tasks, smooth = smooth + excluded.smooth, unpriced = unpriced + excluded.unpriced,
        cost_pico = cost_pico + excluded.cost_pico, retried_pico = retried_pico + excluded.retried_pico,
        failed_pico = failed_pico + excluded.failed_pico, aborted_pico = aborted_pico + excluded.aborted_pico,
        invalid_pico = invalid_pico + excluded.invalid_pico, premium_pico = premium_pico + excluded.premium_pico";
const BY_DAY_EMPTY: &str =
    "DELETE FROM by_day_task WHERE day = ?1 AND plan = ?2 AND feature = ?3 AND provider = ?4
    AND model = ?5 AND last_outcome = ?6 AND said = ?7 AND tasks = 0";

/// Day, customer, plan, the newest call's outcome.
const BY_CUSTOMER: &str = "INSERT INTO by_day_task_customer (day, customer, plan, last_outcome, said,
        tasks, smooth, unpriced, cost_pico, retried_pico, failed_pico, aborted_pico, invalid_pico, premium_pico)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
    ON CONFLICT (day, customer, plan, said, last_outcome) DO UPDATE SET
        tasks = tasks + excluded.tasks, smooth = smooth + excluded.smooth, unpriced = unpriced + excluded.unpriced,
        cost_pico = cost_pico + excluded.cost_pico, retried_pico = retried_pico + excluded.retried_pico,
        failed_pico = failed_pico + excluded.failed_pico, aborted_pico = aborted_pico + excluded.aborted_pico,
        invalid_pico = invalid_pico + excluded.invalid_pico, premium_pico = premium_pico + excluded.premium_pico";
const BY_CUSTOMER_EMPTY: &str =
    "DELETE FROM by_day_task_customer WHERE day = ?1 AND customer = ?2 AND plan = ?3
    AND last_outcome = ?4 AND said = ?5 AND tasks = 0";

/// The sums of some tasks, beginning with how many they are.
type Sums = [i64; 9];
/// The numbers of a key, and what was said.
type Rows<const KEY: usize> = BTreeMap<([i64; KEY], Box<str>), Sums>;

/// What changes.
#[derive(Debug, Default)]
pub(in crate::ledger) struct WorthDeltas {
    by_day: Rows<6>,
    by_customer: Rows<4>,
}

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
        let by_day = ([day, plan, feature, provider, model, last], said.clone());
        add(self.by_day.entry(by_day).or_default(), part)?;
        add(self.by_customer.entry(([day, customer, plan, last], said)).or_default(), part)
    }

    /// Writes all of it.
    pub(in crate::ledger) fn flush(self, write: &Write<'_>) -> Result<(), StoreError> {
        put(write, &self.by_day, BY_DAY, BY_DAY_EMPTY)?;
        put(write, &self.by_customer, BY_CUSTOMER, BY_CUSTOMER_EMPTY)
    }
}

fn add(sums: &mut Sums, part: Sums) -> Result<(), StoreError> {
    for (sum, part) in sums.iter_mut().zip(part) {
        *sum = sum.checked_add(part).ok_or_else(|| StoreError::corrupt("an aggregate", "is too large"))?;
    }
    Ok(())
}

fn put<const KEY: usize>(
    write: &Write<'_>,
    rows: &Rows<KEY>,
    upsert: &str,
    delete_empty: &str,
) -> Result<(), StoreError> {
    for ((numbers, said), sums) in rows.iter().filter(|(_, sums)| **sums != Sums::default()) {
        let said: &dyn ToSql = said;
        let key = || numbers.iter().map(|number| -> &dyn ToSql { number }).chain([said]);
        write.execute(upsert, params_from_iter(key().chain(sums.iter().map(|sum| -> &dyn ToSql { sum }))))?;
        if sums.first().is_some_and(|tasks| *tasks < 0) {
            write.execute(delete_empty, params_from_iter(key()))?;
        }
    }
    Ok(())
}
