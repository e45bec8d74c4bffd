//! The schema's steps. A step that was released is never edited; another follows it.

use super::StoreError;
use rusqlite::{Connection, TransactionBehavior};

const STEPS: [&str; 1] = [include_str!("migrations/0001_ledger.sql")];

/// Brings the schema to the newest version, each step in a transaction of its own.
pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, step) in (1_i64..).zip(STEPS).skip_while(|(version, _)| *version <= found) {
        let step_in = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step_in.execute_batch(step)?;
        step_in.pragma_update(None, "user_version", version)?;
        step_in.commit()?;
    }
    Ok(())
}
