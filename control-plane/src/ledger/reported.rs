//! The running sums of what providers say that calls cost, beside what the price table says.

use super::{
    aggregates::{Keys, day},
    rating::Verdict,
    sums::Sums,
};
use crate::store::{StoreError, Write};
/// Day, provider, model → calls, those we cannot price, what the provider says of the others, what we say of them.
#[derive(Debug, Default)]
pub(super) struct ReportedDeltas(Sums<3, 4>);

impl ReportedDeltas {
    /// Counts an ended call, where its provider said anything.
    pub(super) fn add(&mut self, keys: &Keys, verdict: &Verdict) -> Result<(), StoreError> {
        match verdict.reported {
            Some(reported) => self.count(keys, sums(reported, verdict.computed)),
            None => Ok(()),
        }
    }

    /// The price table says something else since a re-rating.
    pub(super) fn recompute(
        &mut self,
        keys: &Keys,
        reported: i64,
        (before, after): (Option<i64>, Option<i64>),
    ) -> Result<(), StoreError> {
        self.count(keys, sums(reported, before).map(i64::saturating_neg))?;
        self.count(keys, sums(reported, after))
    }

    fn count(&mut self, keys: &Keys, sums: [i64; 4]) -> Result<(), StoreError> {
        self.0.add([day(keys.started_at), keys.provider, keys.model], sums)
    }

    pub(super) fn flush(&self, write: &Write<'_>) -> Result<(), StoreError> {
        let sums = ["calls", "uncomputed", "reported_pico", "computed_pico"];
        self.0.flush(write, "by_day_reported", &["day", "provider", "model"], &sums)
    }
}

/// What one call counts.
fn sums(reported: i64, computed: Option<i64>) -> [i64; 4] {
    match computed {
        Some(computed) => [1, 0, reported, computed],
        None => [1, 1, 0, 0],
    }
}
