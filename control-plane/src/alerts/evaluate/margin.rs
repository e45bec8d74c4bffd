//! Margin: how far what a plan's expected margin leaves room for is spent, and will be.

use super::{DAY_NS, Standing};
use crate::alerts::{
    Kind,
    observed::{Budget, Span, Spend},
    standing::{Figures, Key, Margin},
};
use protocol::{UnixNanos, money::PicoUsd};

/// Before a tenth of the period and a day have passed, a line through two points says nothing: a customer who spends
/// a dollar in the first hour would be told that it will be 720 by the end of the month.
const PART_MIN: u64 = 10;

/// The thresholds that a budget has passed, and those that it will have.
pub(super) fn of<'a>(
    spend: &'a Spend,
    percents: &'a [u8],
    now: UnixNanos,
) -> impl Iterator<Item = Standing> + 'a {
    // Workspaces are looked at once their customer has passed a threshold: too late to foretell theirs.
    let foretold = spend.subject.name("workspace").is_none();
    let projected = projection(spend.sum.pico, spend.period, now).filter(|_| foretold);
    percents.iter().filter_map(move |percent| {
        let kind = if passes(spend.sum.pico, spend.budget, *percent) {
            Kind::MarginReached
        } else if projected.is_some_and(|projected| passes(projected, spend.budget, *percent)) {
            Kind::MarginProjected
        } else {
            return None;
        };
        let subject = spend.subject.clone();
        let (period_start, period_end) = spend.period;
        Some(Standing {
            key: Key { kind, subject, threshold: u32::from(*percent), period_start },
            period_end,
            customer: spend.customer.clone(),
            figures: Figures::Margin(figures(spend, projected)),
        })
    })
}

/// `spent ≥ budget × percent / 100`, without a division: the budget is in hundredths already.
pub(crate) fn passes(pico: i128, budget: Budget, percent: u8) -> bool {
    budget.0 > 0 && pico.saturating_mul(10_000) >= budget.0.saturating_mul(i128::from(percent))
}

/// `spent × length / elapsed`, rounded down; `None` while too little of the period has passed.
fn projection(pico: i128, (start, end): Span, now: UnixNanos) -> Option<i128> {
    let (length, elapsed) = (end.saturating_sub(start), now.checked_sub(start)?);
    if now >= end || elapsed < (length / PART_MIN).max(DAY_NS) {
        return None;
    }
    let (length, elapsed) = (i128::from(length / 1_000_000_000), i128::from(elapsed / 1_000_000_000));
    pico.checked_mul(length)?.checked_div(elapsed)
}

fn figures(spend: &Spend, projected: Option<i128>) -> Margin {
    let budget = spend.budget.0 / 100;
    Margin {
        spent_usd: PicoUsd::new(spend.sum.pico),
        budget_usd: PicoUsd::new(budget),
        used_percent: percent(spend.sum.pico, budget),
        projected_usd: projected.map(PicoUsd::new),
        projected_percent: projected.map(|projected| percent(projected, budget)),
        unpriced_calls: spend.sum.unpriced,
        plan: spend.plan.clone(),
    }
}

/// In whole percent, rounded down.
pub(super) fn percent(part: i128, whole: i128) -> u64 {
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    u64::try_from(percent).unwrap_or(0)
}
