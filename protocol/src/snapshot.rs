//! What the control plane hands down to every filter: the policy in compiled form, and the prices in force.

use crate::{
    UnixNanos, attempt::BillsOnAbort, cap::CapSpec, loop_guard::LoopSpec, money::PicoUsdPerUnit,
    price::PriceBook, ratio::TextRatios, route::RouteSpec,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Pass or refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allow {
    /// Pass, visibly.
    #[default]
    Allow,
    /// Refuse.
    Refuse,
}

/// What happens to a call of a model that nobody priced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnpricedRule {
    /// Passes, and holds nothing of a money cap.
    #[default]
    Allow,
    /// Is refused where a money cap applies.
    Refuse,
    /// Holds and settles at this rate for every token.
    Ceiling(PicoUsdPerUnit),
}

/// A snapshot. The filter keeps the last one it got until a newer one comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Changes when the content does; the HTTP `ETag`.
    pub version: Box<str>,
    /// When it was made.
    pub issued_at: UnixNanos,
    /// When an allowance is needed and nobody can be asked.
    #[serde(default)]
    pub when_unreachable: Allow,
    /// When a model has no price.
    #[serde(default)]
    pub unpriced: UnpricedRule,
    /// When a call has no customer. Its own cap, if any, is among `caps`.
    #[serde(default)]
    pub unattributed: Allow,
    /// The caps, the most restrictive window first. Shared, since every call keeps those that are about it.
    #[serde(default)]
    pub caps: Vec<Arc<CapSpec>>,
    /// When a task is stopped for repeating itself; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loop_guard: Option<Arc<LoopSpec>>,
    /// The plan of each customer, where a cap is about plans.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plans: BTreeMap<Box<str>, Box<str>>,
    /// Who serves which models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Arc<RouteSpec>>,
    /// Prices for holds and settlements.
    #[serde(default)]
    pub prices: PriceBook,
    /// Providers whose own word on what a call costs is what it costs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub provider_cost_bills: BTreeSet<Box<str>>,
    /// What providers bill of requests whose answers nobody took, where it is not the prompt.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bills_on_abort: BTreeMap<Box<str>, BillsOnAbort>,
    /// What was learned of the models' text.
    #[serde(default)]
    pub ratios: TextRatios,
}
