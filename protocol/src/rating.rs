//! The one rating function: units × rates → lines and their sum. Multiplies, never rounds. What a provider lists and
//! what a contract says are rated together, so that every line knows both.

use crate::{
    meters::{Meter, Side, Units, Usage, tokens},
    money::{PicoUsd, PicoUsdPerUnit},
    price::{ModelPrices, PriceId, Rate, Terms, Whose},
};
use serde::{Deserialize, Serialize};

/// The price arithmetic of one meter of a call, or of a part of it where the parts have rates of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What was counted.
    pub meter: Meter,
    /// How many.
    pub units: u64,
    /// At which rate: the contract's, where there is one.
    pub rate: PicoUsdPerUnit,
    /// units × rate.
    pub cost: PicoUsd,
    /// The price row used.
    pub price: PriceId,
    /// What the provider lists, where a contract says something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListRate>,
    /// The discount that was taken off the list price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Box<str>>,
    /// The number of the wasted attempt that it is of; absent for what the call itself used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// A list price that was not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRate {
    /// Pico-dollars per unit.
    pub rate: PicoUsdPerUnit,
    /// Its row.
    pub price: PriceId,
}

impl Line {
    /// What the units cost at the list price; at the price paid, where nobody lists one.
    pub fn list_cost(&self) -> Option<PicoUsd> {
        self.list.map_or(Some(self.cost), |list| list.rate.cost(self.units))
    }
}

/// What a model is offered for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer<'a> {
    /// What the provider lists, and what contracts say instead.
    pub prices: Option<&'a ModelPrices>,
    /// What a contract takes off the list's rates. The first one that covers a meter holds.
    pub discounts: &'a [Discount],
}

/// A share of the list price that is not paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    /// The contract's name.
    pub name: Box<str>,
    /// What it covers; empty: every meter.
    pub meters: Vec<Meter>,
    /// The share, in millionths.
    pub parts_per_million: u32,
}

impl<'a> From<&'a ModelPrices> for Offer<'a> {
    fn from(prices: &'a ModelPrices) -> Self {
        Self { prices: Some(prices), ..Self::default() }
    }
}

/// Why a call has no cost. It is never zero instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unpriced {
    /// Nobody priced this model at this provider.
    NoModel,
    /// The model has no rate for a meter it used.
    NoRate(Meter),
    /// The model has rates, and none of them at that instant.
    OutsideWindow,
    /// Nothing is known about what the call used.
    NoUsage,
    /// The product does not fit: a count or a rate is absurd.
    TooLarge(Meter),
}

/// The lines of a call, or the reason that it has no cost.
pub type Rated = Result<Vec<Line>, Unpriced>;

/// Rates units. A meter that counted zero needs no rate. `terms.input_tokens` is taken from the units.
pub fn rate(units: &Units, terms: &Terms<'_>, offer: &Offer<'_>) -> Rated {
    if units.is_empty() {
        return Err(Unpriced::NoUsage);
    }
    let terms = Terms { input_tokens: tokens(units, Side::Prompt), ..*terms };
    let mut lines = Vec::with_capacity(units.len());
    // What was cached stands in the prompt before what is new.
    let is_cached =
        |meter: Meter| matches!(meter, Meter::CacheRead | Meter::CacheWrite5m | Meter::CacheWrite1h);
    let cached = units.iter().filter(|(meter, _)| is_cached(**meter));
    let mut in_cache: u64 = 0;
    let mut behind = cached.fold(0_u64, |total, (_, units)| total.saturating_add(*units));
    for (meter, units) in units.iter().filter(|(_, units)| **units > 0) {
        let position = if is_cached(*meter) { &mut in_cache } else { &mut behind };
        let start = *position;
        if meter.side() == Side::Prompt {
            *position = position.saturating_add(*units);
        }
        meter_lines(*meter, (start, *units), &terms, offer, &mut lines)?;
    }
    let is_sold_by_request = offer.prices.is_some_and(|it| it.rate(Meter::Requests, &terms).is_some());
    if is_sold_by_request && !units.contains_key(&Meter::Requests) && units.values().any(|units| *units > 0) {
        meter_lines(Meter::Requests, (0, 1), &terms, offer, &mut lines)?;
    }
    Ok(lines)
}

/// The lines of one meter: one, or several where a marginal threshold lies in it.
fn meter_lines(
    meter: Meter,
    (start, units): (u64, u64),
    terms: &Terms<'_>,
    offer: &Offer<'_>,
    lines: &mut Vec<Line>,
) -> Result<(), Unpriced> {
    let steps = |listed| offer.prices.and_then(|prices| prices.steps(meter, terms, listed));
    let paid = steps(false).ok_or(Unpriced::NoRate(meter))?;
    // Without a contract the list is what is paid.
    let has_contract = paid.iter().any(|(_, rate)| rate.of != Whose::List);
    let listed = if has_contract { steps(true) } else { None };
    let covers = |discount: &&Discount| discount.meters.is_empty() || discount.meters.contains(&meter);
    let discount = offer.discounts.iter().find(covers);
    let end = start.saturating_add(units);
    let mut from = start;
    while from < end {
        let (paid_rate, paid_until) = at(&paid, from);
        let (list_rate, list_until) = at(listed.as_deref().unwrap_or_default(), from);
        let until = end.min(paid_until).min(list_until);
        let part = until.saturating_sub(from);
        from = until;
        let paid = paid_rate.ok_or(Unpriced::NoRate(meter))?;
        let discount = discount.filter(|_| paid.of == Whose::List);
        let rate = discount.map_or(paid.rate, |discount| paid.rate.discounted(discount.parts_per_million));
        let list = match paid.of {
            Whose::List => Some(paid).filter(|list| list.rate != rate),
            Whose::AllAccounts | Whose::Account => list_rate,
        };
        lines.push(Line {
            meter,
            units: part,
            rate,
            cost: rate.cost(part).ok_or(Unpriced::TooLarge(meter))?,
            price: paid.price,
            list: list.map(|list| ListRate { rate: list.rate, price: list.price }),
            discount: discount.map(|discount| discount.name.clone()),
            attempt: None,
        });
    }
    Ok(())
}

/// The rate at a position, and where it ends.
fn at<'a>(steps: &[(u64, &'a Rate)], position: u64) -> (Option<&'a Rate>, u64) {
    let next = steps.partition_point(|(from, _)| *from <= position);
    let rate = next.checked_sub(1).and_then(|last| steps.get(last)).map(|(_, rate)| *rate);
    (rate, steps.get(next).map_or(u64::MAX, |(from, _)| *from))
}

/// Rates what a call used. A call that is known to have used nothing (a provider's error, an upstream that was never
/// reached) costs nothing; one of which nothing is known has no cost.
pub fn rate_usage(usage: &Usage, terms: &Terms<'_>, offer: &Offer<'_>) -> Rated {
    if usage.units.is_empty() {
        return if usage.complete { Ok(Vec::new()) } else { Err(Unpriced::NoUsage) };
    }
    if offer.prices.is_none() {
        return Err(Unpriced::NoModel);
    }
    rate(&usage.units, terms, offer)
}

/// The cost of a call: the sum of its lines.
pub fn cost(lines: &[Line]) -> Option<PicoUsd> {
    PicoUsd::total(lines.iter().map(|line| line.cost))
}

/// What the same would cost at list prices.
pub fn list_cost(lines: &[Line]) -> Option<PicoUsd> {
    lines.iter().try_fold(PicoUsd::ZERO, |total, line| total.checked_add(line.list_cost()?))
}

#[cfg(test)]
mod tests;
