//! The running sums of what providers say that calls cost, beside what the price table says.

use super::{
    aggregates::{Keys, day},
    rating::Verdict,
};
use crate::store::{StoreError, Write};
use std::collections::BTreeMap;

/// Day, provider, model → calls, those we cannot price, what the provider says of the others, what we say of them.
#[derive(Debug, Default)]
pub(super) struct ReportedDeltas(BTreeMap<[i64; 3], [i64; 4]>);

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
        let row = self.0.entry([day(keys.started_at), keys.provider, keys.model]).or_default();
        for (total, part) in row.iter_mut().zip(sums) {
            *total =
                total.checked_add(part).ok_or_else(|| StoreError::corrupt("an aggregate", "is too large"))?;
        }
        Ok(())
    }

    pub(super) fn flush(&self, write: &Write<'_>) -> Result<(), StoreError> {
        for ([day, provider, model], [calls, uncomputed, reported, computed]) in &self.0 {
            write.execute(UPSERT, [day, provider, model, calls, uncomputed, reported, computed])?;
        }
        Ok(())
    }
}

/// What one call counts.
fn sums(reported: i64, computed: Option<i64>) -> [i64; 4] {
    match computed {
        Some(computed) => [1, 0, reported, computed],
        None => [1, 1, 0, 0],
    }
}

const UPSERT: &str = "
    INSERT INTO by_day_reported (day, provider, model, calls, uncomputed, reported_pico, computed_pico)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (day, provider, model) DO UPDATE SET
        calls         = calls + excluded.calls,
        uncomputed    = uncomputed + excluded.uncomputed,
        reported_pico = reported_pico + excluded.reported_pico,
        computed_pico = computed_pico + excluded.computed_pico";
