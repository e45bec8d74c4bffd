//! The schema's steps. A step that was released is never edited; another follows it.

use super::StoreError;
use crate::ledger::rebuild;
use rusqlite::{Connection, TransactionBehavior};
use std::cmp::Ordering;

/// One step. An aggregate that comes with it is filled from the calls, by the same code that checks it later.
struct Step {
    sql: &'static str,
    fill: Option<Fill>,
}

type Fill = fn(&Connection) -> Result<(), StoreError>;

const STEPS: [Step; 12] = [
    Step { sql: include_str!("migrations/0001_ledger.sql"), fill: None },
    Step { sql: include_str!("migrations/0002_text.sql"), fill: Some(rebuild::fill_texts) },
    Step { sql: include_str!("migrations/0003_prices.sql"), fill: Some(rebuild::fill_lines) },
    Step { sql: include_str!("migrations/0004_imports.sql"), fill: None },
    Step { sql: include_str!("migrations/0005_alerts.sql"), fill: None },
    Step { sql: include_str!("migrations/0006_loops.sql"), fill: None },
    Step { sql: include_str!("migrations/0007_waste.sql"), fill: None },
    Step { sql: include_str!("migrations/0008_revenue.sql"), fill: None },
    Step { sql: include_str!("migrations/0009_keys.sql"), fill: None },
    Step { sql: include_str!("migrations/0010_use.sql"), fill: None },
    Step { sql: include_str!("migrations/0011_report_schedules.sql"), fill: None },
    Step { sql: include_str!("migrations/0012_spans.sql"), fill: Some(rebuild::fill_used) },
];

/// Brings the schema to the newest version, each step in a transaction of its own.
pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    let found = match is_current(connection) {
        Ok(()) => return Ok(()),
        Err(StoreError::Older { found, .. }) => found,
        Err(error) => return Err(error),
    };
    for (version, step) in (1_i64..).zip(STEPS).skip_while(|(version, _)| *version <= found) {
        let step_in = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step_in.execute_batch(step.sql)?;
        if let Some(fill) = step.fill {
            fill(&step_in)?;
        }
        step_in.pragma_update(None, "user_version", version)?;
        step_in.commit()?;
    }
    Ok(())
}

/// Whether the schema is the newest. Says which it is where it is another.
pub fn is_current(connection: &Connection) -> Result<(), StoreError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found.cmp(&known) {
        Ordering::Less => Err(StoreError::Older { found, known }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::Newer { found, known }),
    }
}
