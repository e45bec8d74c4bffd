//! Customers on a plan with an expected margin, each with its budget and its current billing period. Remembered,
//! because a look into the time zone database for each of ten thousand customers is most of an evaluation.

use crate::{
    alerts::{
        evaluate::DAY_NS,
        observed::{Budget, Span},
    },
    policy::{Period, Policy, span_of_period},
    store::{StoreError, word_id},
};
use protocol::{UnixNanos, ids::Name};
use rusqlite::Connection;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: Name,
    /// `None`: no call has named it yet.
    pub(super) id: Option<i64>,
    pub(super) plan: Name,
    pub(super) every: Period,
    pub(super) period: Span,
    pub(super) budget: Budget,
}

impl Account {
    /// The first day, in UTC, that lies in the period as a whole.
    pub(super) fn first_day(&self) -> u64 {
        self.period.0.div_ceil(DAY_NS)
    }

    /// A calendar month's part of the budget.
    pub(super) fn a_month(&self, month: Span) -> Budget {
        match self.every {
            Period::Month => self.budget,
            Period::Week | Period::Year => {
                let length = |(start, end): Span| end.saturating_sub(start);
                self.budget.share(length(month), length(self.period))
            }
        }
    }
}

/// All of them, under one policy.
#[derive(Debug, Default)]
pub(in super::super) struct Accounts {
    policy: Option<i64>,
    accounts: Vec<Account>,
}

impl Accounts {
    pub(super) fn refresh(
        &mut self,
        store: &Connection,
        policy: &Policy,
        version: i64,
        now: UnixNanos,
    ) -> Result<&[Account], StoreError> {
        if self.policy != Some(version) {
            let accounts = policy.customers.iter().filter_map(|(name, customer)| {
                let (plan, terms) = policy.plans.get_key_value(customer.plan.as_ref()?)?;
                let budget = Budget::of_plan(terms)?;
                let every = terms.period;
                Some(Account {
                    name: name.clone(),
                    id: None,
                    plan: plan.clone(),
                    every,
                    period: (0, 0),
                    budget,
                })
            });
            (self.accounts, self.policy) = (accounts.collect(), Some(version));
        }
        for account in &mut self.accounts {
            if !(account.period.0..account.period.1).contains(&now)
                && let Some(customer) = policy.customers.get(&account.name)
            {
                account.period = span_of_period(customer, account.every, now);
            }
            if account.id.is_none() {
                account.id = word_id(store, account.name.as_str())?;
            }
        }
        Ok(&self.accounts)
    }
}
