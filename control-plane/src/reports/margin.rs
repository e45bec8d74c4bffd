//! Gross margin: what customers pay for a span of time, less what their calls cost in it.

use super::{Filter, Group, Payers, Range, Totals, money};
use crate::policy::Policy;
use protocol::{ids::Name, money::PicoUsd};
use std::collections::{BTreeMap, BTreeSet};

/// One customer's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerMargin<'a> {
    /// Who; `None`: calls of nobody.
    pub customer: Option<&'a str>,
    /// On which plan, as the policy says today.
    pub plan: Option<&'a Name>,
    /// What was paid for the span, else the plan's price.
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

impl<'a> Payers<'a> {
    /// What a customer pays in a span, beside what its calls came to.
    pub fn margin(self, customer: Option<&'a str>, totals: Totals, range: Range) -> CustomerMargin<'a> {
        let on = customer.and_then(|customer| self.policy.plan_of(customer));
        CustomerMargin {
            customer,
            plan: on.map(|(plan, _)| plan),
            revenue: customer.and_then(|customer| self.revenue(customer, range)).unwrap_or_default(),
            totals,
            expected_percent: on.and_then(|(_, terms)| terms.expected_margin_percent),
        }
    }
}

/// The margin of every customer of the policy, those without a call too, for they pay; of those that have left it and paid
/// or called in the span; and of calls of nobody. Only those that the filter of the costs is about: a customer counts
/// with its plan of today, and one that called under another one counts for its calls.
pub fn customer_margins<'a>(
    payers: Payers<'a>,
    costs: &'a [Group],
    range: Range,
    filter: &Filter,
) -> Vec<CustomerMargin<'a>> {
    let called: BTreeMap<Option<&str>, Totals> =
        costs.iter().map(|group| (group.name.as_deref(), group.totals)).collect();
    let known = payers.policy.customers.keys().map(Name::as_str).chain(payers.reported.customers());
    let all: BTreeSet<Option<&str>> = known.map(Some).chain(called.keys().copied()).collect();
    let of = |customer: Option<&'a str>| {
        let totals = called.get(&customer).copied();
        let margin = payers.margin(customer, totals.unwrap_or_default(), range);
        let plan = margin.plan.map_or("", |plan| plan.as_str());
        filter.is_about_payer(customer, plan, totals.is_some()).then_some(margin)
    };
    all.into_iter().filter_map(of).collect()
}

/// The margin of every plan that a margin is of, and of every other one of the policy; last what belongs to none.
pub fn plan_margins<'a>(policy: &'a Policy, margins: &[CustomerMargin<'a>]) -> Vec<PlanMargin<'a>> {
    let plans = policy.plans.iter();
    let mut sums: BTreeMap<&Name, PlanMargin<'a>> = plans
        .map(|(name, terms)| (name, PlanMargin::empty(Some(name), terms.expected_margin_percent)))
        .collect();
    let mut none = PlanMargin::empty(None, None);
    for margin in margins {
        let sum = margin.plan.and_then(|plan| sums.get_mut(plan)).unwrap_or(&mut none);
        sum.customers = sum.customers.saturating_add(u64::from(margin.customer.is_some()));
        sum.below = sum.below.saturating_add(u64::from(margin.is_below()));
        sum.revenue = sum.revenue.checked_add(margin.revenue).unwrap_or(sum.revenue);
        sum.totals = sum.totals.plus(margin.totals);
    }
    let rest = (!none.is_empty()).then_some(none);
    sums.into_values().chain(rest).collect()
}

impl<'a> PlanMargin<'a> {
    fn empty(plan: Option<&'a Name>, expected_percent: Option<u8>) -> Self {
        let (revenue, totals) = (PicoUsd::ZERO, Totals::default());
        Self { plan, customers: 0, below: 0, revenue, totals, expected_percent }
    }

    /// Whether nobody is on it, and nothing is counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::empty(self.plan, self.expected_percent)
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
