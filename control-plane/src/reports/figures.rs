//! What a report reads: sums over groups of calls and the state of caps.

use protocol::{
    UnixNanos,
    cap::{Amount, Unit},
    money::PicoUsd,
};

/// A half-open span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

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
            cost: self.cost.checked_add(other.cost).unwrap_or(PicoUsd::new(i128::MAX)),
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

/// The calls of one customer, feature, route, plan, workspace or model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name; `None`: the calls say none.
    pub name: Option<Box<str>>,
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
