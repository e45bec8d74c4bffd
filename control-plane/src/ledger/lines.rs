//! The running sums of lines by what makes their price: day, customer, model, meter, tier, region and rows. They are
//! what costs are exported from, since units × rate is exactly the cost of every row.

use super::{
    aggregates::{Keys, day},
    sums::{Sums, too_large},
};
use crate::store::{StoreError, Write};
use protocol::{
    attempt::{self, Server},
    event::{CallEnd, CallHead},
    price::tier_of,
    rating::Line,
};

/// The columns of a row's key.
pub(super) const KEYS: [&str; 12] = [
    "day",
    "corrected",
    "customer",
    "provider",
    "model",
    "meter",
    "tier",
    "region",
    "price",
    "rate",
    "list_price",
    "list_rate",
];

/// Where the lines of a call count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Whose they are.
    pub(super) keys: &'a Keys,
    /// The tier that was served, as it is called.
    pub(super) tier: Option<&'a str>,
    /// The region that served.
    pub(super) region: Option<&'a str>,
    /// Where the wasted attempts went.
    pub(super) wasted: &'a [WastedAt],
}

/// Where an attempt went that came to nothing and is billed all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WastedAt {
    number: u32,
    provider: Box<str>,
    model: Option<Box<str>>,
    tier: Option<Box<str>>,
    region: Option<Box<str>>,
}

impl WastedAt {
    /// Those of a call.
    pub(super) fn all(head: &CallHead, end: &CallEnd) -> Vec<Self> {
        let at = |(attempt, _)| {
            let Server { provider, model, region, .. } = Server::of(head, Some(attempt));
            Self {
                number: attempt.number,
                provider: provider.into(),
                model: model.map(Into::into),
                tier: head.request_tier.clone(),
                region: region.map(Into::into),
            }
        };
        attempt::wasted(&end.tried).map(at).collect()
    }
}

/// Who served a line, as words.
struct At {
    provider: i64,
    model: i64,
    tier: i64,
    region: i64,
}

impl At {
    fn of(write: &mut Write<'_>, place: &Place<'_>, line: &Line) -> Result<Self, StoreError> {
        let Place { keys, tier, region, wasted } = *place;
        Ok(match wasted.iter().find(|wasted| Some(wasted.number) == line.attempt) {
            Some(WastedAt { provider, model, tier, region, .. }) => Self {
                provider: write.word(Some(provider))?,
                model: write.word(model.as_deref())?,
                tier: write.word(tier_of(tier.as_deref()))?,
                region: write.word(region.as_deref())?,
            },
            None => Self {
                provider: keys.provider,
                model: keys.model,
                tier: write.word(tier_of(tier))?,
                region: write.word(region)?,
            },
        })
    }
}

/// Whether lines are counted or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    /// So much more, or so much less.
    pub(super) fn of(self, part: i64) -> i64 {
        if self == Self::Plus { part } else { part.saturating_neg() }
    }
}

/// Lines and units by key.
#[derive(Debug, Default)]
pub(super) struct LineDeltas(Sums<12, 2>);

impl LineDeltas {
    /// Counts a call's lines. `corrected` is the day of the correction that they come from, or 0.
    pub(super) fn add(
        &mut self,
        write: &mut Write<'_>,
        place: &Place<'_>,
        corrected: i64,
        (sign, lines): (Sign, &[Line]),
    ) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let number = |value: u64| i64::try_from(value).map_err(|_| too_large());
        let keys = place.keys;
        for line in lines {
            let At { provider, model, tier, region } = At::of(write, place, line)?;
            let meter = write.word(Some(line.meter.as_str()))?;
            let (price, rate) = (number(line.price)?, number(line.rate.pico())?);
            let (list_price, list_rate) = match line.list {
                Some(list) => (number(list.price)?, number(list.rate.pico())?),
                None => (price, rate),
            };
            let key = [
                day(keys.started_at),
                corrected,
                keys.customer,
                provider,
                model,
                meter,
                tier,
                region,
                price,
                rate,
                list_price,
                list_rate,
            ];
            let units = number(line.units)?;
            self.0.add(key, [1, units].map(|part| sign.of(part)))?;
        }
        Ok(())
    }

    /// Counts what a call's lines were, one set after the other: each correction takes back what stood before it.
    pub(super) fn history(
        &mut self,
        write: &mut Write<'_>,
        place: &Place<'_>,
        sign: Sign,
        steps: &[(i64, Vec<Line>)],
    ) -> Result<(), StoreError> {
        let other = if sign == Sign::Plus { Sign::Minus } else { Sign::Plus };
        let mut before: &[Line] = &[];
        for (corrected, lines) in steps {
            self.add(write, place, *corrected, (other, before))?;
            self.add(write, place, *corrected, (sign, lines))?;
            before = lines;
        }
        Ok(())
    }

    pub(super) fn flush(&self, write: &Write<'_>) -> Result<(), StoreError> {
        self.0.flush(write, "by_day_charge", &KEYS, &["lines", "units"])
    }
}
