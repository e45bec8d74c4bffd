//! What customers pay in a span of time: what they really paid in the periods for which that was reported, and the price
//! of their plan for the rest.

use super::{Range, money};
use crate::{
    policy::Policy,
    store::{StoreError, instant, unix, word_text},
};
use protocol::{UnixNanos, money::PicoUsd};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What one customer really paid in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// The period.
    pub period: Range,
    /// How much.
    pub amount: PicoUsd,
}

/// What customers really paid, by name, in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported(pub BTreeMap<Box<str>, Vec<Paid>>);

impl Reported {
    /// Reports of periods that touch a span.
    pub fn read(store: &Connection, range: Range) -> Result<Self, StoreError> {
        let mut find = store.prepare_cached(
            "SELECT customer, start_at, end_at, amount_pico FROM revenue WHERE end_at > ?1 AND start_at < ?2
             ORDER BY start_at",
        )?;
        let mut rows = find.query([instant(range.from), instant(range.to)])?;
        let mut reported: BTreeMap<Box<str>, Vec<Paid>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let Some(customer) = word_text(store, row.get(0)?)? else { continue };
            let period = Range { from: unix(row.get(1)?), to: unix(row.get(2)?) };
            let amount = PicoUsd::new(i128::from(row.get::<_, i64>(3)?));
            reported.entry(customer.into()).or_default().push(Paid { period, amount });
        }
        Ok(Self(reported))
    }

    /// Those of whom anything was reported.
    pub(super) fn customers(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }
}

/// Who pays how much.
#[derive(Clone, Copy, Debug)]
pub struct Payers<'a> {
    /// Plans, and who is on them.
    pub policy: &'a Policy,
    /// What was really paid.
    pub reported: &'a Reported,
}

impl Payers<'_> {
    /// Whether anybody said what a customer pays: the policy by its plan, or a report.
    pub fn is_known(&self, customer: &str) -> bool {
        self.policy.plan_of(customer).is_some() || self.reported.0.contains_key(customer)
    }

    /// What a customer pays in a span: of each period that touches it, the share that lies within. Zero without a plan and
    /// without a report. `None` where a sum does not fit.
    pub fn revenue(&self, customer: &str, range: Range) -> Option<PicoUsd> {
        if !self.is_known(customer) {
            return Some(PicoUsd::ZERO);
        }
        let paid = self.reported.0.get(customer).map(Vec::as_slice).unwrap_or_default();
        let mut total = PicoUsd::ZERO;
        let mut at = range.from;
        while at < range.to {
            let covering = paid.iter().find(|paid| paid.period.from <= at && at < paid.period.to);
            let next_report = paid.iter().map(|paid| paid.period.from).find(|from| *from > at);
            let (amount, period, until) = match covering {
                Some(Paid { period, amount }) => (*amount, *period, period.to),
                None => {
                    let (from, to) = self.policy.period_of(customer, at);
                    let price = self
                        .policy
                        .plan_of(customer)
                        .map_or(PicoUsd::ZERO, |(_, plan)| plan.price_usd.amount());
                    (price, Range { from, to }, next_report.map_or(to, |report| report.min(to)))
                }
            };
            if until <= at {
                return None;
            }
            total = total.checked_add(share(amount, period, at, until.min(range.to))?)?;
            at = until;
        }
        Some(total)
    }
}

fn share(amount: PicoUsd, period: Range, from: UnixNanos, to: UnixNanos) -> Option<PicoUsd> {
    let (part, whole) = (to.saturating_sub(from), period.to.saturating_sub(period.from));
    money::quotient(amount.pico(), i128::from(part), i128::from(whole)).map(PicoUsd::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;

    fn at(text: &str) -> UnixNanos {
        let instant: jiff::Timestamp = text.parse().unwrap();
        u64::try_from(instant.as_nanosecond()).unwrap()
    }

    fn usd(text: &str) -> PicoUsd {
        text.parse().unwrap()
    }

    fn span(from: &str, to: &str) -> Range {
        let midnight = |day: &str| at(&format!("{day}T00:00:00Z"));
        Range { from: midnight(from), to: midnight(to) }
    }

    fn policy() -> Policy {
        let text = r#"
version: 1
plans: {pro: {price_usd: "300"}}
customers:
  acme: {plan: pro, utm: {source: google, medium: cpc, campaign: q4}}
  globex: {plan: pro, utm: {source: google, medium: cpc, campaign: q4}}
  initech: {}
"#;
        policy::parse(text, "p.yaml").unwrap()
    }

    fn november(amount: &str) -> Reported {
        let paid = Paid { period: span("2026-11-01", "2026-12-01"), amount: usd(amount) };
        Reported([("acme".into(), vec![paid])].into())
    }

    #[test]
    fn what_was_paid_comes_before_the_plan_s_price_in_its_period_alone() {
        let (policy, reported) = (policy(), november("60"));
        let payers = Payers { policy: &policy, reported: &reported };
        assert_eq!(payers.revenue("acme", span("2026-11-16", "2026-11-23")), Some(usd("14")));
        assert_eq!(payers.revenue("acme", span("2026-11-01", "2026-12-01")), Some(usd("60")));
        // A whole October at the plan's price before it, and a day of December after it.
        let around = span("2026-10-01", "2026-12-02");
        assert_eq!(payers.revenue("acme", around), Some(usd("369.677419354839")));
        assert_eq!(payers.revenue("globex", around), Some(usd("609.677419354839")));
        assert_eq!(payers.revenue("initech", around), Some(PicoUsd::ZERO));
    }

    #[test]
    fn a_report_that_does_not_fit_the_periods_of_now_still_holds_for_its_time() {
        let policy = policy();
        let paid = Paid { period: span("2026-11-11", "2026-11-21"), amount: usd("50") };
        let reported = Reported([("acme".into(), vec![paid])].into());
        let payers = Payers { policy: &policy, reported: &reported };
        // 20 days of 30 at 300, and 50.
        assert_eq!(payers.revenue("acme", span("2026-11-01", "2026-12-01")), Some(usd("250")));
    }
}
