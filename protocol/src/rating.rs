//! The one rating function: units × rates → lines and their sum. Multiplies, never rounds.

use crate::{
    meters::{Meter, Side, Units, Usage, tokens},
    money::{PicoUsd, PicoUsdPerUnit},
    price::{ModelPrices, PriceId, tier_of},
};
use serde::{Deserialize, Serialize};

/// The price arithmetic of one meter of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What was counted.
    pub meter: Meter,
    /// How many.
    pub units: u64,
    /// At which rate.
    pub rate: PicoUsdPerUnit,
    /// units × rate.
    pub cost: PicoUsd,
    /// The price row used.
    pub price: PriceId,
}

/// Why a call has no cost. It is never zero instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unpriced {
    /// Nobody priced this model at this provider at that instant.
    NoModel,
    /// The model has no rate for a meter it used.
    NoRate(Meter),
    /// Nothing is known about what the call used.
    NoUsage,
    /// The product does not fit: a count or a rate is absurd.
    TooLarge(Meter),
}

/// The lines of a call, or the reason that it has no cost.
pub type Rated = Result<Vec<Line>, Unpriced>;

/// Rates units. A meter that counted zero needs no rate.
pub fn rate(units: &Units, tier: Option<&str>, prices: &ModelPrices) -> Rated {
    if units.is_empty() {
        return Err(Unpriced::NoUsage);
    }
    let tier = tier_of(tier);
    let input_tokens = tokens(units, Side::Prompt);
    let used = units.iter().filter(|(_, units)| **units > 0);
    used.map(|(&meter, &units)| {
        let rate = prices.rate(meter, tier, input_tokens).ok_or(Unpriced::NoRate(meter))?;
        let cost = rate.rate.cost(units).ok_or(Unpriced::TooLarge(meter))?;
        Ok(Line { meter, units, rate: rate.rate, cost, price: rate.price })
    })
    .collect()
}

/// Rates what a call used. A call that is known to have used nothing (a provider's error, an upstream that was never
/// reached) costs nothing; one of which nothing is known has no cost.
pub fn rate_usage(usage: &Usage, tier: Option<&str>, prices: Option<&ModelPrices>) -> Rated {
    match prices {
        _ if usage.units.is_empty() && usage.complete => Ok(Vec::new()),
        _ if usage.units.is_empty() => Err(Unpriced::NoUsage),
        None => Err(Unpriced::NoModel),
        Some(prices) => rate(&usage.units, tier, prices),
    }
}

/// The cost of a call: the sum of its lines.
pub fn cost(lines: &[Line]) -> Option<PicoUsd> {
    PicoUsd::total(lines.iter().map(|line| line.cost))
}

#[cfg(test)]
mod tests;
