//! What an evaluation looks at: plain figures, read from the aggregates before and judged afterwards.

use protocol::{UnixNanos, cap::Amount, cap::Unit};

/// Money and what is not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Pico-dollars of the priced calls.
    pub(super) pico: i128,
    /// Calls without a known cost.
    pub(super) unpriced: u64,
}

impl Sum {
    pub(super) fn plus(self, pico: i64, unpriced: i64) -> Self {
        Self {
            pico: self.pico.saturating_add(i128::from(pico)),
            unpriced: self.unpriced.saturating_add(u64::try_from(unpriced).unwrap_or(0)),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            pico: self.pico.saturating_add(other.pico),
            unpriced: self.unpriced.saturating_add(other.unpriced),
        }
    }
}

/// A span of time, half-open.
pub(super) type Span = (UnixNanos, UnixNanos);

/// Everything that one evaluation looks at.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// Customers on a plan with an expected margin, in their current billing periods.
    pub(super) customers: Vec<Spend>,
    /// Workspaces of those whose customer has passed the lowest threshold.
    pub(super) workspaces: Vec<Spend>,
    /// Plans with an expected margin, in the calendar's current period.
    pub(super) plans: Vec<Spend>,
    /// Features, in the current calendar month.
    pub(super) features: Vec<Spend>,
    /// Caps in their current windows.
    pub(super) caps: Vec<CapCount>,
    /// Hours that cost enough to be looked at.
    pub(super) hours: Vec<HourSpend>,
    /// Models with unpriced calls.
    pub(super) unpriced: Vec<UnpricedModel>,
    /// Providers in use.
    pub(super) prices: Vec<PriceAge>,
    /// Envoys that are silent.
    pub(super) nodes: Vec<SilentNode>,
}

/// What somebody has spent of a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spend {
    pub(super) subject: super::Subject,
    pub(super) customer: Option<Box<str>>,
    pub(super) plan: Option<Box<str>>,
    pub(super) period: Span,
    pub(super) budget: Budget,
    pub(super) sum: Sum,
}

/// What expected margins leave room for: pico-dollars in hundredths, so that no percentage rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Budget(pub(super) i128);

impl Budget {
    /// Of one period of a plan; `None` where there is nothing to measure against.
    pub(super) fn of_plan(plan: &crate::policy::Plan) -> Option<Self> {
        let left = 100_i128.checked_sub(i128::from(plan.expected_margin_percent?))?;
        let budget = plan.price_usd.amount().pico().checked_mul(left)?;
        (budget > 0).then_some(Self(budget))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The part of it that falls into a part of its period, rounded down to a hundredth of a pico-dollar.
    pub(super) fn share(self, part_ns: u64, whole_ns: u64) -> Self {
        // Seconds, so that the product stays far from the end of an i128.
        let (part, whole) = (i128::from(part_ns / 1_000_000_000), i128::from(whole_ns / 1_000_000_000));
        Self(self.0.saturating_mul(part).checked_div(whole).unwrap_or(0))
    }
}

/// One cap of one subject in its current window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CapCount {
    pub(super) name: Box<str>,
    pub(super) unit: Unit,
    pub(super) subject: Box<str>,
    pub(super) customer: Option<Box<str>>,
    pub(super) window: &'static str,
    pub(super) period: Span,
    pub(super) shadow: bool,
    pub(super) limit: Amount,
    pub(super) spent: Amount,
    pub(super) held: Amount,
}

/// An hour of a customer or workspace, and the same hour of the days before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HourSpend {
    pub(super) subject: super::Subject,
    pub(super) customer: Option<Box<str>>,
    pub(super) hour: UnixNanos,
    pub(super) pico: i128,
    /// Only of days since the subject's first call.
    pub(super) before: Vec<i128>,
}

/// A model with unpriced calls on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnpricedModel {
    pub(super) provider: Box<str>,
    pub(super) model: Box<str>,
    pub(super) day: Span,
    /// Without a known cost,
    pub(super) unpriced: u64,
    /// of so many.
    pub(super) calls: u64,
    /// Somebody has priced it: what has no cost has no usage either, or a meter that nobody priced.
    pub(super) has_price: bool,
}

/// A provider in use, and when its prices were last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PriceAge {
    pub(super) provider: Box<str>,
    pub(super) imported_at: UnixNanos,
}

/// An Envoy that has not been heard of for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SilentNode {
    pub(super) node: Box<str>,
    pub(super) seen_at: UnixNanos,
    /// Since when it could have been heard: the control plane may have been away itself.
    pub(super) listening_since: UnixNanos,
    pub(super) open_calls: u64,
    /// It was found lost before, and not heard of since.
    pub(super) lost: bool,
}
