//! The running sums of calls without a known cost, by all that a report on them tells apart. A call that a re-rating has
//! priced goes from the rows that wait for a price to those that are mended.

use super::{
    aggregates::{Keys, day},
    lines::Sign,
    spans::{LENGTHS, first_day},
    sums::Sums,
};
use crate::store::{StoreError, Write, instant};
use protocol::{
    event::CallEnd,
    meters::{Meter, Side, Units},
};

/// The columns of a row's key. `meter` is 0 in the row that counts calls and tokens of prompt and answer, else what was
/// used beside them.
const KEYS: [&str; 12] = [
    "span",
    "day",
    "customer",
    "workspace",
    "plan",
    "feature",
    "route",
    "provider",
    "model",
    "reason",
    "mended",
    "meter",
];
const SUMS: [&str; 4] = ["calls", "tokens_in", "tokens_out", "units"];

/// A call without a known cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnpricedCall {
    /// Why, as a word of the dictionary.
    pub(super) reason: i64,
    pub(super) tokens_in: i64,
    pub(super) tokens_out: i64,
    /// What it used beside tokens of prompt and answer.
    pub(super) others: Units,
}

/// What was used beside tokens of prompt and answer.
pub(super) fn others(end: &CallEnd) -> Units {
    let is_beside = |(meter, units): &(&Meter, &u64)| meter.side() == Side::Service && **units > 0;
    end.usage.units.iter().filter(is_beside).map(|(meter, units)| (*meter, *units)).collect()
}

/// What changes.
#[derive(Debug, Default)]
pub(super) struct UnpricedDeltas(Sums<12, 4>);

impl UnpricedDeltas {
    /// Counts a call where it stands since its last correction, or takes its count back.
    pub(super) fn add(
        &mut self,
        write: &mut Write<'_>,
        keys: &Keys,
        (sign, call): (Sign, &UnpricedCall),
        is_mended: bool,
    ) -> Result<(), StoreError> {
        let day = day(keys.started_at);
        let mut rows = vec![(0, [1, call.tokens_in, call.tokens_out, 0])];
        for (meter, units) in &call.others {
            rows.push((write.word(Some(meter.as_str()))?, [0, 0, 0, instant(*units)]));
        }
        for span in LENGTHS {
            for (meter, part) in &rows {
                let key = [
                    span,
                    first_day(day, span),
                    keys.customer,
                    keys.workspace,
                    keys.plan,
                    keys.feature,
                    keys.route,
                    keys.provider,
                    keys.model,
                    call.reason,
                    i64::from(is_mended),
                    *meter,
                ];
                self.0.add(key, part.map(|part| sign.of(part)))?;
            }
        }
        Ok(())
    }

    pub(super) fn flush(&self, write: &Write<'_>) -> Result<(), StoreError> {
        self.0.flush(write, "by_span_unpriced", &KEYS, &SUMS)
    }
}
