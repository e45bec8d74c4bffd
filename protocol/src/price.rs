//! Prices as rating needs them: the rates of one model, and which of them a call pays. Where rates come from, from
//! when to when they hold and who approved them is the control plane's business.

mod book;

pub use book::{MatchedBy, PriceBook, longest_prefix};

use crate::{
    UnixNanos,
    meters::{Meter, Side},
    money::PicoUsdPerUnit,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The key of one price row in the control plane's table; the ledger keeps it with every line.
pub type PriceId = u64;

/// From an instant, until before another.
pub type Span = (UnixNanos, UnixNanos);

/// The rate of one meter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The row it comes from.
    pub price: PriceId,
    /// What it is for.
    pub meter: Meter,
    /// Pico-dollars per unit.
    pub rate: PicoUsdPerUnit,
    /// The service tier it is for; absent: the standard one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Box<str>>,
    /// The region it is for, or, after a `!`, the one it is not for; absent: wherever nothing else holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Box<str>>,
    /// The prompt size from which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// When it holds, where it is a rate of certain hours: those near the instant it was compiled for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<Arc<[Span]>>,
    /// Nobody wrote it: it is another meter's, for want of one of its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inherited: bool,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Whose::is_list")]
    pub of: Whose,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whose rate it is; the greater wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The provider's list price.
    #[default]
    List,
    /// A contract's, for all accounts.
    AllAccounts,
    /// A contract's, for the account of the call.
    Account,
}

impl Whose {
    fn is_list(&self) -> bool {
        *self == Self::List
    }
}

/// A prompt size from which another rate holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Threshold {
    /// Prompt tokens, cache included.
    pub input_tokens: u64,
    /// Whether exactly that many already count as above.
    #[serde(default)]
    pub inclusive: bool,
    /// Whether only the prompt's part above it pays the rate, and not the whole request.
    #[serde(default)]
    pub marginal: bool,
}

impl Threshold {
    /// Whether a prompt of that size is above it.
    pub fn is_crossed_by(self, input_tokens: u64) -> bool {
        input_tokens > self.tokens_below()
    }

    /// How many tokens of a prompt are below it.
    pub(crate) fn tokens_below(self) -> u64 {
        self.input_tokens.saturating_sub(u64::from(self.inclusive))
    }
}

/// What decides which of a model's rates a call pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms<'a> {
    /// The service tier, as a request or a response calls it.
    pub tier: Option<&'a str>,
    /// The region that serves, as far as it is known.
    pub region: Option<&'a str>,
    /// When the call started.
    pub at: UnixNanos,
    /// The prompt's size, cache included.
    pub input_tokens: u64,
}

/// All rates of one model at one provider that may be in force at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPrices {
    /// One per meter, tier, region, threshold and window.
    pub rates: Vec<Rate>,
    /// The most tokens the model generates in one answer: what a hold assumes when the request sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens_max: Option<u64>,
}

/// How closely a rate is meant for a call; the greatest wins. What somebody wrote before what is inherited, a contract's
/// before the list's, the region's own before one for elsewhere, an hour's own before one for all hours, then the highest
/// threshold.
type Fit = (bool, Whose, u8, bool, Option<Threshold>);

impl ModelPrices {
    /// The rate of a meter for a request as a whole.
    pub fn rate<'a>(&'a self, meter: Meter, terms: &Terms<'_>) -> Option<&'a Rate> {
        best(self.fitting(meter, terms)).map(|(_, rate)| rate)
    }

    /// The rates that parts of a meter pay, from the prompt's beginning on: those below any marginal threshold first.
    /// `None` where a part of the prompt has no rate. `listed`: as the provider lists it.
    pub(crate) fn steps<'a>(
        &'a self,
        meter: Meter,
        terms: &Terms<'_>,
        listed: bool,
    ) -> Option<Vec<(u64, &'a Rate)>> {
        let fitting = || self.fitting(meter, terms).filter(move |(_, rate)| !listed || rate.of.is_list());
        let (top_fit, top) = best(fitting())?;
        let is_marginal = |rate: &Rate| rate.threshold.is_some_and(|threshold| threshold.marginal);
        // What is not a part of the prompt is not a part of what is above a size of it.
        if !is_marginal(top) || meter.side() != Side::Prompt {
            return Some(vec![(0, top)]);
        }
        let (_, base) = best(fitting().filter(|(_, rate)| !is_marginal(rate)))?;
        let below = |rate: &Rate| rate.threshold.map_or(0, Threshold::tokens_below);
        let closeness = |(written, whose, region, hour, _): Fit| (written, whose, region, hour);
        // What begins below the size from which the base holds for all of the request is over there.
        let is_step = |(fit, rate): &(Fit, &Rate)| {
            is_marginal(rate) && closeness(*fit) == closeness(top_fit) && below(rate) > below(base)
        };
        let steps = fitting().filter(is_step).map(|(_, rate)| (below(rate), rate));
        let mut steps: Vec<(u64, &Rate)> = std::iter::once((0, base)).chain(steps).collect();
        steps.sort_by_key(|(from, _)| *from);
        Some(steps)
    }

    fn fitting<'a, 't>(
        &'a self,
        meter: Meter,
        terms: &Terms<'t>,
    ) -> impl Iterator<Item = (Fit, &'a Rate)> + use<'a, 't> {
        let terms = *terms;
        let is_of =
            move |rate: &Rate, tier: Option<&str>| rate.meter == meter && rate.tier.as_deref() == tier;
        let named = tier_of(terms.tier);
        // A search or an image costs the same in every tier that says nothing of it.
        let tier = named
            .filter(|_| meter.side() != Side::Service || self.rates.iter().any(|rate| is_of(rate, named)));
        let of_tier = self.rates.iter().filter(move |rate| is_of(rate, tier));
        of_tier.filter_map(move |rate| Some((rate.fit(&terms)?, rate)))
    }
}

fn best<'a>(rates: impl Iterator<Item = (Fit, &'a Rate)>) -> Option<(Fit, &'a Rate)> {
    let better =
        |known: (Fit, &'a Rate), other: (Fit, &'a Rate)| if other.0 > known.0 { other } else { known };
    rates.reduce(better)
}

impl Rate {
    /// The rate of a meter in the standard tier, everywhere and always.
    pub const fn plain(price: PriceId, meter: Meter, rate: PicoUsdPerUnit) -> Self {
        Self {
            price,
            meter,
            rate,
            tier: None,
            region: None,
            threshold: None,
            during: None,
            inherited: false,
            of: Whose::List,
        }
    }

    fn fit(&self, terms: &Terms<'_>) -> Option<Fit> {
        let region = match (self.region.as_deref(), terms.region) {
            (None, _) => 0,
            (Some(here), Some(region)) => match here.strip_prefix('!') {
                Some(not_here) => (!region.eq_ignore_ascii_case(not_here)).then_some(1)?,
                None => region.eq_ignore_ascii_case(here).then_some(2)?,
            },
            (Some(_), None) => return None,
        };
        if let Some(spans) = &self.during {
            spans.iter().find(|(from, until)| (*from..*until).contains(&terms.at))?;
        }
        let crossed = self.threshold.is_none_or(|threshold| threshold.is_crossed_by(terms.input_tokens));
        crossed.then_some((!self.inherited, self.of, region, self.during.is_some(), self.threshold))
    }
}

/// The tier a price row would name, from what a request or response calls it. Standard is the absence of a tier.
pub fn tier_of(named: Option<&str>) -> Option<&str> {
    const STANDARD: [&str; 5] = ["", "default", "auto", "standard", "on_demand"];
    named.filter(|tier| !STANDARD.iter().any(|standard| tier.eq_ignore_ascii_case(standard)))
}

#[cfg(test)]
mod tests;
