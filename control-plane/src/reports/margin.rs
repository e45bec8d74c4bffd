//! Gross margin: what customers pay for a span of time, less what their calls cost in it.

use super::{Group, Payers, Range, Totals, money};
use crate::policy::Customer;
use protocol::{ids::Name, money::PicoUsd};
use std::collections::BTreeMap;

/// One customer's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerMargin<'a> {
    /// Who.
    pub customer: &'a Name,
    /// On which plan.
    pub plan: &'a Name,
    /// The plan's price for the span.
    pub revenue: PicoUsd,
    /// Sums over the customer's calls.
    pub totals: Totals,
    /// What the plan shall leave, in percent.
    pub expected_percent: Option<u8>,
}

impl CustomerMargin<'_> {
    /// Revenue less cost.
    pub fn margin(&self) -> Option<PicoUsd> {
        self.revenue.checked_sub(self.totals.cost)
    }

    /// In tenths of a percent of the revenue; `None` without revenue.
    pub fn per_mille(&self) -> Option<i64> {
        money::per_mille(self.margin()?.pico(), self.revenue.pico())
    }

    /// Whether less is left than the plan shall leave.
    pub fn is_below(&self) -> bool {
        is_below(self.revenue, self.totals.cost, self.expected_percent)
    }
}

/// One plan's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanMargin<'a> {
    /// The plan; `None`: customers without one, and calls without a customer.
    pub plan: Option<&'a Name>,
    /// How many customers are on it.
    pub customers: u64,
    /// How many of them are below the expected margin.
    pub below: u64,
    /// What they pay for the span.
    pub revenue: PicoUsd,
    /// Sums over their calls.
    pub totals: Totals,
    /// What the plan shall leave, in percent.
    pub expected_percent: Option<u8>,
}

/// `(revenue − cost) × 100 < revenue × expected`, without a division.
fn is_below(revenue: PicoUsd, cost: PicoUsd, expected_percent: Option<u8>) -> bool {
    let sides = || {
        let left = revenue.checked_sub(cost)?.pico().checked_mul(100)?;
        Some((left, revenue.pico().checked_mul(i128::from(expected_percent?))?))
    };
    sides().is_some_and(|(left, expected)| left < expected)
}

/// The margin of every customer that has a plan, those without a call too: they pay.
pub fn customer_margins<'a>(payers: Payers<'a>, costs: &[Group], range: Range) -> Vec<CustomerMargin<'a>> {
    let policy = payers.policy;
    let costs: BTreeMap<&str, Totals> =
        costs.iter().filter_map(|group| Some((group.name.as_deref()?, group.totals))).collect();
    let on_plan = |(name, _): (&'a Name, &'a Customer)| {
        let (plan, terms) = policy.plan_of(name.as_str())?;
        Some(CustomerMargin {
            customer: name,
            plan,
            revenue: payers.revenue(name.as_str(), range)?,
            totals: costs.get(name.as_str()).copied().unwrap_or_default(),
            expected_percent: terms.expected_margin_percent,
        })
    };
    policy.customers.iter().filter_map(on_plan).collect()
}

/// The margin of every plan, and last what belongs to none.
pub fn plan_margins<'a>(payers: Payers<'a>, costs: &[Group], range: Range) -> Vec<PlanMargin<'a>> {
    let policy = payers.policy;
    let mut plans: BTreeMap<&Name, PlanMargin<'a>> = BTreeMap::new();
    for (name, terms) in &policy.plans {
        plans.insert(name, PlanMargin::empty(Some(name), terms.expected_margin_percent));
    }
    for margin in customer_margins(payers, costs, range) {
        if let Some(plan) = plans.get_mut(margin.plan) {
            plan.customers = plan.customers.saturating_add(1);
            plan.below = plan.below.saturating_add(u64::from(margin.is_below()));
            plan.revenue = plan.revenue.checked_add(margin.revenue).unwrap_or(plan.revenue);
            plan.totals = plan.totals.plus(margin.totals);
        }
    }
    let mut none = PlanMargin::empty(None, None);
    for group in costs {
        if group.name.as_deref().and_then(|name| policy.plan_of(name)).is_none() {
            none.customers = none.customers.saturating_add(u64::from(group.name.is_some()));
            none.totals = none.totals.plus(group.totals);
        }
    }
    let rest = (none.totals != Totals::default()).then_some(none);
    plans.into_values().chain(rest).collect()
}

impl<'a> PlanMargin<'a> {
    fn empty(plan: Option<&'a Name>, expected_percent: Option<u8>) -> Self {
        let (revenue, totals) = (PicoUsd::ZERO, Totals::default());
        Self { plan, customers: 0, below: 0, revenue, totals, expected_percent }
    }

    /// Revenue less cost.
    pub fn margin(&self) -> Option<PicoUsd> {
        self.revenue.checked_sub(self.totals.cost)
    }

    /// In tenths of a percent of the revenue; `None` without revenue.
    pub fn per_mille(&self) -> Option<i64> {
        money::per_mille(self.margin()?.pico(), self.revenue.pico())
    }

    /// Whether less is left than the plan shall leave.
    pub fn is_below(&self) -> bool {
        is_below(self.revenue, self.totals.cost, self.expected_percent)
    }
}

impl PlanMargin<'_> {
    /// Both together, of no plan's expectation.
    pub fn plus(mut self, other: &Self) -> Self {
        self.plan = None;
        self.expected_percent = None;
        self.customers = self.customers.saturating_add(other.customers);
        self.below = self.below.saturating_add(other.below);
        self.revenue = self.revenue.checked_add(other.revenue).unwrap_or(self.revenue);
        self.totals = self.totals.plus(other.totals);
        self
    }
}
