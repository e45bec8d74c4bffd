//! Prices as rating needs them: the rates of one model at one instant, and finding a model in a book of them.
//! Where rates come from, from when to when they hold and who approved them is the control plane's business.

use crate::{meters::Meter, money::PicoUsdPerUnit};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::Bound};

/// The key of one price row in the control plane's table; the ledger keeps it with every line.
pub type PriceId = u64;

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
    /// The prompt size from which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
}

/// A prompt size from which another rate holds for the whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Threshold {
    /// Prompt tokens, cache included.
    pub input_tokens: u64,
    /// Whether exactly that many already count as above.
    #[serde(default)]
    pub inclusive: bool,
}

impl Threshold {
    /// Whether a prompt of that size is above it.
    pub fn is_crossed_by(self, input_tokens: u64) -> bool {
        input_tokens > self.input_tokens || (self.inclusive && input_tokens == self.input_tokens)
    }
}

/// All rates of one model at one provider that are in force at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPrices {
    /// One per meter, tier and threshold.
    pub rates: Vec<Rate>,
    /// The most tokens the model generates in one answer: what a hold assumes when the request sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens_max: Option<u64>,
}

impl ModelPrices {
    /// The rate of a meter in a tier for a prompt of that size: the one with the highest threshold crossed.
    pub fn rate(&self, meter: Meter, tier: Option<&str>, input_tokens: u64) -> Option<&Rate> {
        self.rates
            .iter()
            .filter(|rate| rate.meter == meter && rate.tier.as_deref() == tier)
            .filter(|rate| rate.threshold.is_none_or(|threshold| threshold.is_crossed_by(input_tokens)))
            .max_by_key(|rate| rate.threshold)
    }
}

/// The tier a price row would name, from what a request or response calls it. Standard is the absence of a tier.
pub fn tier_of(named: Option<&str>) -> Option<&str> {
    named.filter(|tier| !matches!(*tier, "" | "default" | "auto" | "standard" | "on_demand"))
}

/// Which rule found a model's prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The served model, to the letter.
    ServedModel,
    /// The requested model, to the letter: the served one has no price.
    RequestedModel,
    /// A row for a model prefix.
    Prefix,
}

/// The prices in force, by provider and model: what the filter needs for holds and settlements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBook {
    /// provider → model → prices.
    #[serde(default)]
    pub exact: BTreeMap<Box<str>, BTreeMap<Box<str>, ModelPrices>>,
    /// provider → model prefix → prices, for rows that say `match: prefix`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prefixes: BTreeMap<Box<str>, BTreeMap<Box<str>, ModelPrices>>,
}

impl PriceBook {
    /// Exact before prefix, served before requested; the longest prefix wins. Never strips a date or a suffix:
    /// two snapshots of a model may differ in price.
    pub fn find(
        &self,
        provider: &str,
        served: Option<&str>,
        requested: Option<&str>,
    ) -> Option<(&ModelPrices, MatchedBy)> {
        let exact = |model: &str| self.exact.get(provider)?.get(model);
        let prefix = |model: &str| {
            let rows = self.prefixes.get(provider)?;
            // A prefix of `model` sorts at or before it, and a longer one after a shorter one.
            let mut candidates = rows.range::<str, _>((Bound::Unbounded, Bound::Included(model))).rev();
            candidates.find(|(prefix, _)| model.starts_with(&***prefix)).map(|(_, prices)| prices)
        };
        served
            .and_then(exact)
            .map(|prices| (prices, MatchedBy::ServedModel))
            .or_else(|| served.and_then(prefix).map(|prices| (prices, MatchedBy::Prefix)))
            .or_else(|| requested.and_then(exact).map(|prices| (prices, MatchedBy::RequestedModel)))
            .or_else(|| requested.and_then(prefix).map(|prices| (prices, MatchedBy::Prefix)))
    }
}

#[cfg(test)]
mod tests;
