//! Figures in, what stands out: which thresholds of a policy are passed at an instant. Pure, in integers; what was
//! raised before, and who is told, is not its business. docs/ALERTS.md says the same in words.

mod margin;

use super::{
    Kind, Subject,
    observed::{CapCount, HourSpend, Observed, PriceAge, SilentNode, UnpricedModel},
    standing::{CapUse, Figures, Hour, Key, Standing},
};
use crate::{
    instant::Instant,
    policy::{Abnormal, Alerts},
};
use protocol::{
    UnixNanos,
    cap::{Amount, Unit},
    money::PicoUsd,
};

pub(super) use margin::passes;

const MINUTE_NS: u64 = 60_000_000_000;
const HOUR_NS: u64 = 3_600_000_000_000;
pub(super) const DAY_NS: u64 = 86_400_000_000_000;
/// Days of history without which nobody can say what is usual.
const DAYS_MIN: usize = 3;
/// So many calls of a model that has a price must be without a cost before somebody is told.
const UNPRICED_MIN: u64 = 10;
/// An Envoy of which nothing was heard for so long was taken away, not lost.
pub(super) const NODE_FORGOTTEN_NS: u64 = DAY_NS;
/// The end of what ends only when it is mended.
const OPEN_END: UnixNanos = crate::policy::LIFETIME.1;

/// What stands.
pub(super) fn evaluate(rules: &Alerts, observed: &Observed, now: UnixNanos) -> Vec<Standing> {
    let mut standing = Vec::new();
    let spends = [&observed.customers, &observed.workspaces, &observed.plans, &observed.features];
    for spend in spends.into_iter().flatten() {
        standing.extend(margin::of(spend, &rules.margin_percent, now));
    }
    standing.extend(observed.caps.iter().flat_map(|cap| caps(cap, &rules.cap_percent)));
    standing.extend(observed.hours.iter().filter_map(|hour| abnormal(hour, rules.abnormal)));
    standing.extend(observed.unpriced.iter().filter_map(unpriced));
    standing.extend(observed.prices.iter().filter_map(|age| stale(age, rules.stale_prices_days, now)));
    standing.extend(observed.nodes.iter().filter_map(|node| silent(node, rules.unreachable_minutes, now)));
    standing
}

fn caps<'a>(cap: &'a CapCount, percents: &'a [u8]) -> impl Iterator<Item = Standing> + 'a {
    let amount = |amount: Amount| match cap.unit {
        Unit::Usd => PicoUsd::new(i128::from(amount)).to_string().into(),
        Unit::Tokens | Unit::Calls => amount.into(),
    };
    let (spent, limit) = (i128::from(cap.spent), i128::from(cap.limit));
    let unit = unit_word(cap.unit);
    let figures = Figures::Cap(CapUse {
        spent: amount(cap.spent),
        held: amount(cap.held),
        limit: amount(cap.limit),
        used_percent: margin::percent(spent, limit),
        window: cap.window,
        mode: if cap.shadow { "shadow" } else { "enforce" },
    });
    // A cap of nothing is passed by design.
    let passed = percents.iter().filter(move |percent| {
        limit > 0 && spent.saturating_mul(100) >= limit.saturating_mul(i128::from(**percent))
    });
    passed.map(move |percent| {
        let subject = match &*cap.subject {
            "" => Subject::of([("cap", &cap.name), ("unit", unit)]),
            of => Subject::of([("cap", &cap.name), ("unit", unit), ("of", of)]),
        };
        let (period_start, period_end) = cap.period;
        Standing {
            key: Key { kind: Kind::Cap, subject, threshold: u32::from(*percent), period_start },
            period_end,
            customer: cap.customer.clone(),
            figures: figures.clone(),
        }
    })
}

pub(super) fn unit_word(unit: Unit) -> &'static str {
    match unit {
        Unit::Usd => "usd",
        Unit::Tokens => "tokens",
        Unit::Calls => "calls",
    }
}

/// Abnormal from `max(min, factor × median, median + factor × 1.5 × spread)` on. The spread is the median of the
/// distances from the median, which a single wild day does not move; times 1.5 it is about a standard deviation.
fn abnormal(hour: &HourSpend, rule: Abnormal) -> Option<Standing> {
    if rule.factor == 0 || hour.before.len() < DAYS_MIN {
        return None;
    }
    let factor = i128::from(rule.factor);
    let usual = median(hour.before.clone());
    let spread = median(hour.before.iter().map(|pico| pico.saturating_sub(usual).saturating_abs()).collect());
    let by_spread = usual.saturating_add(spread.saturating_mul(factor).saturating_mul(3) / 2);
    let limit = rule.min_usd.amount().pico().max(usual.saturating_mul(factor)).max(by_spread).max(1);
    if hour.pico < limit {
        return None;
    }
    let day = hour.hour.saturating_sub(hour.hour % DAY_NS);
    let figures = Hour {
        hour: Instant(hour.hour).to_string(),
        spent_usd: PicoUsd::new(hour.pico),
        usual_usd: PicoUsd::new(usual),
        limit_usd: PicoUsd::new(limit),
        days: u64::try_from(hour.before.len()).unwrap_or(u64::MAX),
    };
    Some(Standing {
        key: Key {
            kind: Kind::AbnormalSpend,
            subject: hour.subject.clone(),
            threshold: rule.factor,
            period_start: day,
        },
        period_end: day.saturating_add(DAY_NS),
        customer: hour.customer.clone(),
        figures: Figures::Hour(figures),
    })
}

/// The lower of the two in the middle, where there are two.
fn median(mut values: Vec<i128>) -> i128 {
    values.sort_unstable();
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or(0)
}

/// A model that nobody has priced, from its first call on. One that somebody has, once half of its calls have no cost:
/// then a meter has no price, or its usage is not read any more. Calls that broke off before they used anything that
/// is known of have no cost either, now and then.
fn unpriced(model: &UnpricedModel) -> Option<Standing> {
    let is_half = model.unpriced >= UNPRICED_MIN && model.unpriced.saturating_mul(2) >= model.calls;
    if model.has_price && !is_half {
        return None;
    }
    let subject = Subject::of([("provider", &model.provider), ("model", &model.model)]);
    let (period_start, period_end) = model.day;
    Some(Standing {
        key: Key { kind: Kind::Unpriced, subject, threshold: 0, period_start },
        period_end,
        customer: None,
        figures: Figures::Unpriced {
            unpriced_calls: model.unpriced,
            calls: model.calls,
            has_price: model.has_price,
        },
    })
}

fn stale(age: &PriceAge, days: u32, now: UnixNanos) -> Option<Standing> {
    let age_days = now.saturating_sub(age.imported_at) / DAY_NS;
    let is_stale = days > 0 && age_days >= u64::from(days);
    is_stale.then(|| Standing {
        key: Key {
            kind: Kind::StalePrices,
            subject: Subject::of([("provider", &age.provider)]),
            threshold: days,
            period_start: age.imported_at,
        },
        period_end: OPEN_END,
        customer: None,
        figures: Figures::Prices { age_days },
    })
}

fn silent(node: &SilentNode, minutes: u32, now: UnixNanos) -> Option<Standing> {
    let heard = node.seen_at.max(node.listening_since);
    let quiet = minutes > 0 && now.saturating_sub(heard) >= u64::from(minutes).saturating_mul(MINUTE_NS);
    let missed = quiet && (node.open_calls > 0 || node.lost);
    let period_end = node.seen_at.saturating_add(NODE_FORGOTTEN_NS);
    (missed && now < period_end).then(|| Standing {
        key: Key {
            kind: Kind::UnreachableNode,
            subject: Subject::of([("node", &node.node)]),
            threshold: minutes,
            period_start: node.seen_at,
        },
        period_end,
        customer: None,
        figures: Figures::Node {
            silent_minutes: now.saturating_sub(node.seen_at) / MINUTE_NS,
            open_calls: node.open_calls,
        },
    })
}

/// The hour that an instant is in.
pub(super) fn hour_of(at: UnixNanos) -> u64 {
    at / HOUR_NS
}

#[cfg(test)]
mod tests;
