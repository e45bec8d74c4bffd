//! Counts anew what tasks were worth, by spans of days: from the tasks, which are compared with their calls, and the outcomes.

use super::{Check, Difference, SPANS, count};
use crate::store::StoreError;
use rusqlite::Connection;

/// A task with the outcome that stands; it shares nothing with the view that the running sums read.
const TASKS: &str = "SELECT b.*, b.last_at / 86400000000000 AS day, ifnull(said.outcome, '') AS said,
        b.last_outcome AS last
    FROM by_task b LEFT JOIN (SELECT task, outcome, row_number() OVER (PARTITION BY task ORDER BY revision DESC) AS place
        FROM outcomes) said ON said.task = b.task AND said.place = 1";

const SUMS: &str = "count(*), sum(errors + refused + retries + fallbacks = 0), sum(unpriced), sum(cost_pico),
    sum(retried_pico), sum(failed_pico), sum(aborted_pico), sum(invalid_pico), sum(premium_pico)";

const RUNNING: &str = "tasks, smooth, unpriced, cost_pico, retried_pico, failed_pico, aborted_pico, invalid_pico, \
    premium_pico";

pub(super) fn compare(connection: &Connection, check: &mut Check) -> Result<(), StoreError> {
    for (table, keys) in [
        ("by_span_task", "plan, feature, provider, model"),
        ("by_span_task_customer", "customer, plan"),
        ("by_span_task_use", "customer, plan, feature, provider, model"),
    ] {
        let recounted = format!(
            "SELECT span, day / span * span AS first, {keys}, said, last, {SUMS} FROM ({TASKS}), {SPANS}
             GROUP BY span, first, {keys}, said, last"
        );
        let running = format!("SELECT span, day, {keys}, said, last_outcome, {RUNNING} FROM {table}");
        check.rows = check.rows.saturating_add(count(connection, &running)?);
        let missing = count(connection, &format!("{recounted} EXCEPT {running}"))?;
        let extra = count(connection, &format!("{running} EXCEPT {recounted}"))?;
        if missing > 0 || extra > 0 {
            check.differences.push(Difference { table: table.to_owned(), missing, extra });
        }
    }
    Ok(())
}
