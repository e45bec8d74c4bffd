//! What the cost of tasks went for.

use super::TaskOutcome;
use crate::store::StoreError;
use protocol::money::PicoUsd;
use rusqlite::Row;
use serde::Serialize;
use utoipa::ToSchema;

/// The parts of a cost. They add up to it, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Split {
    /// Calls that answered, of a task that was not for nothing; what a fallback cost more is not in it.
    #[schema(value_type = String)]
    pub useful_usd: PicoUsd,
    /// What calls cost more (less: negative) than the same units would have where they were first sent.
    #[schema(value_type = String)]
    pub fallback_premium_usd: PicoUsd,
    /// Attempts whose answers nobody took.
    #[schema(value_type = String)]
    pub retries_usd: PicoUsd,
    /// Calls that ended in an error or a timeout.
    #[schema(value_type = String)]
    pub failed_calls_usd: PicoUsd,
    /// Calls that were to give JSON and gave none.
    #[schema(value_type = String)]
    pub invalid_output_usd: PicoUsd,
    /// Calls whose client left.
    #[schema(value_type = String)]
    pub aborted_usd: PicoUsd,
    /// Calls that answered, of a task that failed or was abandoned.
    #[schema(value_type = String)]
    pub abandoned_usd: PicoUsd,
}

/// The sums that a split is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// In all.
    pub cost: PicoUsd,
    /// Attempts whose answers nobody took.
    pub retried: PicoUsd,
    /// Calls that ended in an error or a timeout.
    pub failed: PicoUsd,
    /// Calls whose client left.
    pub aborted: PicoUsd,
    /// Calls that were to give JSON and gave none.
    pub invalid: PicoUsd,
    /// What fallbacks cost more.
    pub premium: PicoUsd,
}

impl Sums {
    /// Of a row with these columns.
    pub fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let money = |column: &str| Ok::<_, StoreError>(PicoUsd::new(i128::from(row.get::<_, i64>(column)?)));
        Ok(Self {
            cost: money("cost_pico")?,
            retried: money("retried_pico")?,
            failed: money("failed_pico")?,
            aborted: money("aborted_pico")?,
            invalid: money("invalid_pico")?,
            premium: money("premium_pico")?,
        })
    }

    /// The split, for tasks that were worth that; a report over calls knows nothing of it.
    pub fn split(self, outcome: Option<TaskOutcome>) -> Split {
        let Self { cost, retried, failed, aborted, invalid, premium } = self;
        let rest = [retried, failed, aborted, invalid, premium]
            .into_iter()
            // The sums of a ledger are far from the ends of 128 bits.
            .fold(cost, |rest, part| rest.checked_sub(part).unwrap_or(rest));
        let for_nothing = matches!(outcome, Some(TaskOutcome::Failed | TaskOutcome::Abandoned));
        let (useful, abandoned) = if for_nothing { (PicoUsd::ZERO, rest) } else { (rest, PicoUsd::ZERO) };
        Split {
            useful_usd: useful,
            fallback_premium_usd: premium,
            retries_usd: retried,
            failed_calls_usd: failed,
            invalid_output_usd: invalid,
            aborted_usd: aborted,
            abandoned_usd: abandoned,
        }
    }
}
