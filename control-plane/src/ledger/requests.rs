//! The running sums of what requests used, by customer and by the size of the prompt: what the margin calculator rates at
//! the prices of other models. Within a class every request pays the same rates, as long as no price changes at a size of
//! its own, so that sums say of the cost what the requests would say one by one.

use super::{
    aggregates::{Keys, day},
    lines::Sign,
    rating::orphan_usage,
    spans::{LENGTHS, first_day},
    sums::Sums,
};
use crate::store::{StoreError, Write, instant};
use protocol::{
    attempt,
    event::{CallEnd, CallHead},
    meters::{Side, Units, Usage, tokens},
};

/// Prompt sizes, in tokens, at which providers' prices change.
pub const SIZES: [u64; 8] = [32_000, 64_000, 128_000, 200_000, 256_000, 272_000, 512_000, 1_000_000];
/// The class of calls of which nobody knows what they used.
pub const UNKNOWN: i64 = -1;

/// The class of a prompt's size: below each of the sizes, exactly it, and above all. That exactly so many tokens are a class
/// of their own is for prices that begin with that size and for those that begin behind it.
fn class(prompt: u64) -> i64 {
    let below = SIZES.partition_point(|size| *size < prompt);
    let is_exactly = SIZES.get(below).is_some_and(|size| *size == prompt);
    i64::try_from(below.saturating_mul(2).saturating_add(usize::from(is_exactly))).unwrap_or(0)
}

/// What the requests of a call used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Its own and those that were wasted, without those that used nothing.
    used: Vec<Units>,
    /// Nobody knows what its own used.
    is_unknown: bool,
}

impl Requests {
    /// Of a call that ended, with its wasted attempts.
    pub(super) fn of_end(end: &CallEnd) -> Self {
        let wasted = attempt::wasted(&end.tried).map(|(_, usage)| &usage.units);
        Self::of(&end.usage, wasted)
    }

    /// Of a call of which nobody told the end.
    pub(super) fn of_orphan(head: &CallHead) -> Self {
        Self::of(&orphan_usage(head), std::iter::empty())
    }

    fn of<'a>(own: &'a Usage, wasted: impl Iterator<Item = &'a Units>) -> Self {
        let counted = |units: &Units| -> Units {
            units.iter().filter(|(_, units)| **units > 0).map(|(meter, units)| (*meter, *units)).collect()
        };
        let used = std::iter::once(&own.units).chain(wasted).map(counted);
        Self {
            used: used.filter(|units| !units.is_empty()).collect(),
            is_unknown: own.units.is_empty() && !own.complete,
        }
    }
}

/// The columns of a row's key. `meter` is 0 in the row that counts requests.
const KEYS: [&str; 6] = ["plan", "span", "day", "customer", "class", "meter"];

/// What changes.
#[derive(Debug, Default)]
pub(super) struct RequestDeltas(Sums<6, 1>);

impl RequestDeltas {
    /// Counts a call's requests, or takes their count back.
    pub(super) fn add(
        &mut self,
        write: &mut Write<'_>,
        keys: &Keys,
        (sign, requests): (Sign, &Requests),
    ) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        if requests.is_unknown {
            rows.push((UNKNOWN, 0, 1));
        }
        for units in &requests.used {
            let class = class(tokens(units, Side::Prompt));
            rows.push((class, 0, 1));
            for (meter, units) in units {
                rows.push((class, write.word(Some(meter.as_str()))?, instant(*units)));
            }
        }
        let day = day(keys.started_at);
        for span in LENGTHS {
            let first = first_day(day, span);
            for (class, meter, units) in &rows {
                self.0.add([keys.plan, span, first, keys.customer, *class, *meter], [sign.of(*units)])?;
            }
        }
        Ok(())
    }

    pub(super) fn flush(&self, write: &Write<'_>) -> Result<(), StoreError> {
        self.0.flush(write, "by_span_requests", &KEYS, &["units"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_may_begin_with_a_size_or_behind_it() {
        let classes = [0, 31_999, 32_000, 32_001, 199_999, 200_000, 200_001, 1_000_000, 2_000_000].map(class);
        assert_eq!(classes, [0, 0, 1, 2, 6, 7, 8, 15, 16]);
    }
}
