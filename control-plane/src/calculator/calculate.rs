//! From a usage and prices to what is left, model by model.

use super::{Assumptions, Input, Measured, Percentile, Pick, Ratio, Usage};
use crate::{
    ledger::requests::SIZES,
    policy::Period,
    prices::{Found, PriceTable, Query},
};
use protocol::{
    meters::{self, Units},
    money::PicoUsd,
    price::{MatchedBy, Terms},
    rating::{self, Unpriced},
};
use std::{cmp::Ordering, collections::BTreeMap};

/// The percentiles that a measured usage is shown at.
const MEASURED: [Percentile; 3] = [Percentile(500), Percentile(900), Percentile(990)];
const WHOLE: u64 = super::fields::WHOLE;

/// What customers do: as typed, or measured.
#[derive(Clone, Copy, Debug)]
pub enum Demand<'a> {
    /// Calls per percentile, and what each uses.
    Typed(&'a [(Percentile, u64)], &'a Units),
    /// What each customer did.
    Measured(&'a Measured),
}

impl<'a> Demand<'a> {
    /// Of an input; `measured` is what was found for it, where it asks for that.
    pub fn of(usage: &'a Usage, measured: Option<&'a Measured>) -> Option<Self> {
        match usage {
            Usage::Typed { calls, units } => Some(Self::Typed(calls, units)),
            Usage::Measured { .. } => measured.map(Self::Measured),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Calculation {
    /// The most that a customer may cost in a period if the expected share is to be left, rounded down to a pico-dollar.
    pub cap: Option<PicoUsd>,
    /// The model that was asked for, then those it is compared with.
    pub models: Vec<ModelOutcome>,
}

/// What one model makes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOutcome {
    /// `None`: as it was booked.
    pub pick: Option<Pick>,
    /// Which rule found its prices.
    pub matched: Option<MatchedBy>,
    /// A prompt size at which its prices, or the fallback's, change, and by which a measured usage does not tell requests apart.
    pub between: Option<u64>,
    /// Why nothing is known of its cost: the reason, and which model has no price; it may be the fallback.
    pub unpriced: Option<(Unpriced, Pick)>,
    /// What a call costs, repeated and fallen back as assumed; `None` where it is not known, or nobody called.
    pub per_call: Option<Ratio>,
    /// At each percentile.
    pub percentiles: Vec<PercentileOutcome>,
    /// As many calls per customer as the price pays for.
    pub break_even_calls: Option<u64>,
    /// As many as leave the expected share.
    pub expected_calls: Option<u64>,
}

/// What is left at one percentile.
#[derive(Clone, Debug, PartialEq)]
pub struct PercentileOutcome {
    /// Which one.
    pub percentile: Percentile,
    /// Calls of a customer in a period, as a ratio of calls where they are measured over another time.
    pub calls: u64,
    /// What they cost; `None` where it is not known.
    pub cost: Option<Ratio>,
    /// What is left of the price.
    pub margin: Option<Ratio>,
    /// Whether that is the expected share or more.
    pub is_expected: Option<bool>,
}

/// The length of a period in nanoseconds. A month and a year are those of the calendar's 400 years on average, so that
/// twelve months are a year.
fn period_ns(period: Period) -> u64 {
    let seconds: u64 = match period {
        Period::Week => 604_800,
        Period::Month => 2_629_746,
        Period::Year => 31_556_952,
    };
    seconds.saturating_mul(1_000_000_000)
}

/// Calculates. Nothing in it rounds but the cap, which says so. `None` where a figure does not fit the arithmetic.
pub fn calculate(input: &Input, demand: Demand<'_>, prices: &PriceTable) -> Option<Calculation> {
    let cap = match input.expected_percent {
        None => None,
        Some(percent) => {
            let part = input.price.pico().checked_mul(i128::from(100_u8.saturating_sub(percent)))?;
            Some(PicoUsd::new(part.div_euclid(100)))
        }
    };
    let picks = std::iter::once(input.model.as_ref()).chain(input.compare.iter().map(Some));
    let mut models = Vec::new();
    for pick in picks {
        models.push(outcome(input, cap, pick, demand, prices)?);
    }
    Some(Calculation { cap, models })
}

fn outcome(
    input: &Input,
    cap: Option<PicoUsd>,
    pick: Option<&Pick>,
    demand: Demand<'_>,
    prices: &PriceTable,
) -> Option<ModelOutcome> {
    let rater = Rater { input, prices };
    let mut outcome = ModelOutcome {
        pick: pick.cloned(),
        matched: None,
        between: None,
        unpriced: None,
        per_call: None,
        percentiles: Vec::new(),
        break_even_calls: None,
        expected_calls: None,
    };
    let (per_call, costs) = match demand {
        Demand::Typed(calls, units) => match rater.blended(pick, &BTreeMap::from([(units.clone(), 1)]))? {
            Err(unpriced) => {
                outcome.unpriced = Some(unpriced);
                (None, calls.iter().map(|(at, calls)| (*at, *calls, None)).collect())
            }
            Ok(per_call) => {
                let cost = |calls| per_call.times(calls);
                let rows = calls.iter().map(|(at, calls)| Some((*at, *calls, Some(cost(*calls)?))));
                (Some(per_call), rows.collect::<Option<Vec<_>>>()?)
            }
        },
        Demand::Measured(measured) => measured_costs(&mut outcome, &rater, pick, measured)?,
    };
    let found = pick.and_then(|pick| rater.found(pick));
    outcome.matched = found.as_ref().map(|found| found.matched);
    if matches!(demand, Demand::Measured(_)) {
        let fallback =
            pick.and(input.assumptions.fallback.as_ref()).and_then(|(_, other)| rater.found(other));
        let rates = found.iter().chain(&fallback).flat_map(|found| &found.prices.rates);
        let sizes = rates.filter_map(|rate| Some(rate.threshold?.input_tokens));
        outcome.between = sizes.filter(|size| !SIZES.contains(size)).min();
    }
    outcome.per_call = per_call;
    outcome.break_even_calls = per_call.and_then(|per_call| per_call.fits_into(input.price));
    outcome.expected_calls = per_call.zip(cap).and_then(|(per_call, cap)| per_call.fits_into(cap));
    for (percentile, calls, cost) in costs {
        let margin = match cost {
            Some(cost) => Some(cost.left_of(input.price)?),
            None => None,
        };
        let is_expected = match (margin, input.expected_percent) {
            (Some(margin), Some(percent)) => {
                let expected = Ratio::whole(input.price).times(u64::from(percent))?.divided(100)?;
                Some(margin.compare(expected)? != Ordering::Less)
            }
            _ => None,
        };
        outcome.percentiles.push(PercentileOutcome { percentile, calls, cost, margin, is_expected });
    }
    Some(outcome)
}

type Costs = (Option<Ratio>, Vec<(Percentile, u64, Option<Ratio>)>);

/// What each customer's calls cost in a period, at the customers' percentiles: of calls by calls, of costs by costs.
fn measured_costs(
    outcome: &mut ModelOutcome,
    rater: &Rater<'_>,
    pick: Option<&Pick>,
    measured: &Measured,
) -> Option<Costs> {
    let (period, length) =
        (period_ns(rater.input.period), measured.range.to.saturating_sub(measured.range.from));
    let scaled = |cost: Ratio| cost.times(period)?.divided(length);
    let (mut total, mut costs, mut calls, mut all_calls) = (Ratio::ZERO, Vec::new(), Vec::new(), 0_u64);
    for customer in &measured.customers {
        let cost = match pick {
            None => Ok(Ratio::whole(customer.booked)),
            Some(_) => rater.blended(pick, &customer.shapes)?,
        };
        match cost {
            Ok(cost) => {
                total = total.plus(cost)?;
                costs.push(scaled(cost)?);
            }
            Err(unpriced) => outcome.unpriced = Some(unpriced),
        }
        all_calls = all_calls.checked_add(customer.calls)?;
        let per_period = u128::from(customer.calls).checked_mul(u128::from(period))?;
        calls.push(u64::try_from(per_period.checked_div(u128::from(length))?).ok()?);
    }
    calls.sort_unstable();
    let known = outcome.unpriced.is_none();
    let mut failed = false;
    costs.sort_by(|one, other| {
        one.compare(*other).unwrap_or_else(|| {
            failed = true;
            Ordering::Equal
        })
    });
    if failed {
        return None;
    }
    let rows = MEASURED.into_iter().filter_map(|at| {
        let cost = if known { rank(&costs, at).copied() } else { None };
        Some((at, *rank(&calls, at)?, cost))
    });
    // What nobody knows the cost of is no part of what a call costs.
    let counted = if pick.is_none() { all_calls.saturating_sub(measured.unpriced) } else { all_calls };
    Some((if known { total.divided(counted) } else { None }, rows.collect()))
}

/// The value that so large a share of all is not above: the nearest rank.
pub(super) fn rank<T>(sorted: &[T], at: Percentile) -> Option<&T> {
    let rank = sorted.len().saturating_mul(usize::from(at.0)).div_ceil(1_000).max(1);
    sorted.get(rank.saturating_sub(1))
}

/// A cost, or why there is none and of which model.
type Known<T> = Result<T, (Unpriced, Pick)>;

struct Rater<'a> {
    input: &'a Input,
    prices: &'a PriceTable,
}

impl Rater<'_> {
    /// What some calls cost with retries and fallbacks: ((1 − f) × model + f × fallback) × (1 + r).
    fn blended(&self, pick: Option<&Pick>, shapes: &BTreeMap<Units, u64>) -> Option<Known<Ratio>> {
        let Some(pick) = pick else { return Some(Ok(Ratio::ZERO)) };
        let cost = match self.cost(pick, shapes)? {
            Ok(cost) => Ratio::whole(cost),
            Err(unpriced) => return Some(Err(unpriced)),
        };
        let Assumptions { retries, fallback } = &self.input.assumptions;
        let cost = match fallback {
            None => cost,
            Some((share, other)) => {
                let other = match self.cost(other, shapes)? {
                    Ok(cost) => Ratio::whole(cost),
                    Err(unpriced) => return Some(Err(unpriced)),
                };
                let stays = cost.times(WHOLE.checked_sub(*share)?)?.divided(WHOLE)?;
                stays.plus(other.times(*share)?.divided(WHOLE)?)?
            }
        };
        Some(Ok(cost.times(WHOLE.checked_add(*retries)?)?.divided(WHOLE)?))
    }

    /// What requests of those shapes cost, each so many times.
    fn cost(&self, pick: &Pick, shapes: &BTreeMap<Units, u64>) -> Option<Known<PicoUsd>> {
        let mut total = PicoUsd::ZERO;
        for (units, count) in shapes {
            match self.quote(pick, units) {
                Ok((_, cost)) => {
                    let all = cost.pico().checked_mul(i128::from(*count))?;
                    total = total.checked_add(PicoUsd::new(all))?;
                }
                Err(reason) => return Some(Err((reason, pick.clone()))),
            }
        }
        Some(Ok(total))
    }

    fn quote(&self, pick: &Pick, units: &Units) -> Result<(Option<MatchedBy>, PicoUsd), Unpriced> {
        let query = Query {
            provider: &pick.provider,
            account: self.input.account.as_deref(),
            served: None,
            requested: Some(&pick.model),
            at: self.input.at,
        };
        let terms = Terms {
            tier: self.input.tier.as_deref(),
            region: self.input.region.as_deref(),
            ..Terms::default()
        };
        let usage = meters::Usage { units: units.clone(), complete: true, ..meters::Usage::default() };
        let quote = self.prices.quote(&usage, &query, &terms)?;
        let largest = quote.lines.iter().max_by_key(|line| line.cost).map(|line| line.meter);
        let cost = rating::cost(&quote.lines);
        cost.map(|cost| (quote.matched, cost))
            .ok_or(Unpriced::TooLarge(largest.unwrap_or(meters::Meter::Input)))
    }

    fn found(&self, pick: &Pick) -> Option<Found> {
        let query = Query {
            provider: &pick.provider,
            account: self.input.account.as_deref(),
            served: None,
            requested: Some(&pick.model),
            at: self.input.at,
        };
        self.prices.find(&query).found()
    }
}
