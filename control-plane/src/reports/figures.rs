//! What a report reads: sums over groups of calls and the state of caps.

use super::ListFilters;
use protocol::{
    UnixNanos,
    cap::{Amount, Unit},
    money::PicoUsd,
};
use std::str::FromStr;

/// A half-open span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first instant.
    pub from: UnixNanos,
    /// The first instant after it.
    pub to: UnixNanos,
}

/// Sums over some calls that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Those that went to a provider.
    pub calls: u64,
    /// Those that were refused before.
    pub refused: u64,
    /// Calls that ended in an error, a timeout or broken JSON.
    pub errors: u64,
    /// Calls without a known cost.
    pub unpriced: u64,
    /// Calls whose usage is estimated, in part or whole.
    pub estimated: u64,
    /// Tokens of the prompts.
    pub tokens_in: u64,
    /// Generated tokens.
    pub tokens_out: u64,
    /// What the priced ones cost.
    pub cost: PicoUsd,
    /// Calls without a known cost when they were booked,
    pub original_unpriced: u64,
    /// and what the others cost then.
    pub original_cost: PicoUsd,
    /// What the cost went for.
    pub waste: Waste,
}

/// What of a cost was for nothing, and how often Envoy tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waste {
    /// Attempts beyond the first of each call.
    pub retries: u64,
    /// Attempts whose answers nobody took.
    pub retried: PicoUsd,
    /// Calls that ended in an error or a timeout.
    pub failed: PicoUsd,
    /// Calls whose client left.
    pub aborted: PicoUsd,
    /// Calls that were to give JSON and gave none.
    pub invalid: PicoUsd,
    /// Calls that were served elsewhere than where they were first sent,
    pub fallbacks: u64,
    /// those of which nobody knows what they would have cost there,
    pub premium_unknown: u64,
    /// and what the others cost more.
    pub premium: PicoUsd,
}

impl Waste {
    fn plus(self, other: Self) -> Self {
        Self {
            retries: self.retries.saturating_add(other.retries),
            retried: sum(self.retried, other.retried),
            failed: sum(self.failed, other.failed),
            aborted: sum(self.aborted, other.aborted),
            invalid: sum(self.invalid, other.invalid),
            fallbacks: self.fallbacks.saturating_add(other.fallbacks),
            premium_unknown: self.premium_unknown.saturating_add(other.premium_unknown),
            premium: sum(self.premium, other.premium),
        }
    }

    /// All of it that bought nothing.
    pub fn total(&self) -> PicoUsd {
        [self.failed, self.aborted, self.invalid].into_iter().fold(self.retried, sum)
    }
}

/// Which costs a report shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Costs {
    /// As they stand: re-ratings are in them.
    #[default]
    Corrected,
    /// As they were booked at first.
    Original,
}

impl FromStr for Costs {
    type Err = UnknownCosts;

    fn from_str(text: &str) -> Result<Self, UnknownCosts> {
        match text {
            "corrected" => Ok(Self::Corrected),
            "original" => Ok(Self::Original),
            _ => Err(UnknownCosts),
        }
    }
}

/// Neither of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither `corrected` nor `original`")]
pub struct UnknownCosts;

impl Totals {
    /// Both together; sums that do not fit stay at their ends.
    pub fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            refused: self.refused.saturating_add(other.refused),
            errors: self.errors.saturating_add(other.errors),
            unpriced: self.unpriced.saturating_add(other.unpriced),
            estimated: self.estimated.saturating_add(other.estimated),
            tokens_in: self.tokens_in.saturating_add(other.tokens_in),
            tokens_out: self.tokens_out.saturating_add(other.tokens_out),
            cost: sum(self.cost, other.cost),
            original_unpriced: self.original_unpriced.saturating_add(other.original_unpriced),
            original_cost: sum(self.original_cost, other.original_cost),
            waste: self.waste.plus(other.waste),
        }
    }

    /// With the costs as they were booked at first, where they are asked for. Of waste there are no such sums.
    pub fn with(self, costs: Costs) -> Self {
        match costs {
            Costs::Corrected => self,
            Costs::Original => Self { cost: self.original_cost, unpriced: self.original_unpriced, ..self },
        }
    }

    /// Of several groups.
    pub fn of<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Self {
        groups.into_iter().fold(Self::default(), |total, group| total.plus(group.totals))
    }

    /// Those that went to a provider and those that were refused.
    pub fn asked(&self) -> u64 {
        self.calls.saturating_add(self.refused)
    }
}

pub(super) fn sum(a: PicoUsd, b: PicoUsd) -> PicoUsd {
    a.checked_add(b).unwrap_or(PicoUsd::new(i128::MAX))
}

/// The calls of one customer, feature, route, plan, workspace or model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name; `None`: the calls say none.
    pub name: Option<Box<str>>,
    /// The filters that leave its calls.
    pub filters: ListFilters,
    /// Their sums.
    pub totals: Totals,
}

/// One cap, one subject, in its current window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapState {
    /// The cap's name in the policy.
    pub name: Box<str>,
    /// The subject's key.
    pub subject: Box<str>,
    /// What it limits.
    pub unit: Unit,
    /// The window's word.
    pub window: Box<str>,
    /// How much is allowed.
    pub limit: Amount,
    /// Settled.
    pub spent: Amount,
    /// Held by open calls.
    pub held: Amount,
    /// When the window ends.
    pub resets_at: UnixNanos,
    /// What the list of calls is asked with to show what was counted: the subject and the window.
    pub behind: ListFilters,
    /// Records what it would refuse, and refuses nothing.
    pub shadow: bool,
}

impl CapState {
    /// Spent and held together.
    pub fn used(&self) -> Amount {
        self.spent.saturating_add(self.held)
    }
}

/// The sums of one customer in one hour or day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// When the hour or day began.
    pub at: UnixNanos,
    /// `None`: unattributed.
    pub customer: Option<Box<str>>,
    /// The sums.
    pub totals: Totals,
}
