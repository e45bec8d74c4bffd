//! What a call cost: the prices in force when it started, and what is said where there are none.

use crate::rules::Rules;
use protocol::{
    event::{CallEnd, CallHead},
    meters::{Meter, Units, Usage},
    money::PicoUsd,
    rating::{self, Line, Unpriced},
    snapshot::UnpricedRule,
};

/// Whether a cost is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pricing {
    /// It is.
    Priced,
    /// It is not, and caps are charged nothing, or what the filter settled.
    Unpriced,
    /// It is not, and caps are charged the policy's ceiling.
    Ceiling,
}

impl Pricing {
    /// The number in the store.
    pub fn code(self) -> i64 {
        match self {
            Self::Priced => 0,
            Self::Unpriced => 1,
            Self::Ceiling => 2,
        }
    }

    /// The word in JSON, from the number in the store.
    pub fn name_of(code: i64) -> &'static str {
        match code {
            0 => "priced",
            2 => "ceiling",
            _ => "unpriced",
        }
    }
}

/// A call's cost and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is known.
    pub pricing: Pricing,
    /// In pico-dollars; `None` where it is not known.
    pub cost: Option<i64>,
    /// What money caps are charged, in pico-dollars.
    pub settled: i64,
    /// Why it is not known.
    pub unpriced: Option<Unpriced>,
    /// The arithmetic.
    pub lines: Vec<Line>,
}

/// 10,000 USD. No call costs more; a count or rate that says so is broken, and must not break sums too.
const COST_PICO_MAX: i128 = 10_000_000_000_000_000;

impl Verdict {
    pub(super) fn free() -> Self {
        Self { pricing: Pricing::Priced, cost: Some(0), settled: 0, unpriced: None, lines: Vec::new() }
    }

    fn priced(lines: Vec<Line>) -> Result<Self, Unpriced> {
        let largest = lines.iter().max_by_key(|line| line.cost).map_or(Meter::Input, |line| line.meter);
        let cost = rating::cost(&lines).filter(|cost| cost.pico() <= COST_PICO_MAX);
        let cost =
            cost.and_then(|cost| i64::try_from(cost.pico()).ok()).ok_or(Unpriced::TooLarge(largest))?;
        Ok(Self { pricing: Pricing::Priced, cost: Some(cost), settled: cost, unpriced: None, lines })
    }

    /// The cost is not known; `settled` is what the filter charged its caps meanwhile.
    fn unpriced(reason: Unpriced, units: &Units, settled: Option<PicoUsd>, rules: &Rules) -> Self {
        let ceiling = match rules.policy().unpriced_rule() {
            UnpricedRule::Ceiling(rate) => units
                .values()
                .try_fold(0_u64, |total, units| total.checked_add(*units))
                .and_then(|units| rate.cost(units)),
            UnpricedRule::Allow | UnpricedRule::Refuse => None,
        };
        let bounded = |cost: PicoUsd| i64::try_from(cost.pico().clamp(0, COST_PICO_MAX)).unwrap_or(0);
        let pricing = if ceiling.is_some() { Pricing::Ceiling } else { Pricing::Unpriced };
        let settled = ceiling.or(settled).map_or(0, bounded);
        Self { pricing, cost: None, settled, unpriced: Some(reason), lines: Vec::new() }
    }
}

/// Rates a call that ended.
pub(super) fn rate_end(head: &CallHead, end: &CallEnd, rules: &Rules) -> Verdict {
    if end.refused.is_some() {
        return Verdict::free();
    }
    let tier = end.service_tier.as_deref().or(head.request_tier.as_deref());
    rate(head, end.response_model.as_deref(), tier, &end.usage, rules)
        .unwrap_or_else(|reason| Verdict::unpriced(reason, &end.usage.units, end.settled, rules))
}

/// Rates a call of which nobody ever said how it ended: at its input, which the provider has seen.
pub(super) fn rate_orphan(head: &CallHead, rules: &Rules) -> Verdict {
    let usage = orphan_usage(head);
    let rated = rate(head, None, head.request_tier.as_deref(), &usage, rules);
    let held = head.hold_input.and_then(|held| i64::try_from(held.pico()).ok());
    match (rated, held.filter(|held| *held > 0)) {
        (Ok(verdict), Some(held)) if verdict.cost != Some(held) => {
            // The filter rated with the prices of its last snapshot. Its hold is what the cap was charged.
            Verdict { cost: Some(held), settled: held, lines: Vec::new(), ..verdict }
        }
        (Ok(verdict), _) => verdict,
        (Err(_), Some(held)) => Verdict { cost: Some(held), settled: held, ..Verdict::free() },
        (Err(reason), None) => Verdict::unpriced(reason, &usage.units, None, rules),
    }
}

/// What an orphaned call is taken to have used.
pub(super) fn orphan_usage(head: &CallHead) -> Usage {
    let units = match head.input_tokens_estimate {
        0 => Units::new(),
        tokens => Units::from([(Meter::Input, tokens)]),
    };
    Usage { estimated: units.keys().copied().collect(), units, complete: false }
}

fn rate(
    head: &CallHead,
    served: Option<&str>,
    tier: Option<&str>,
    usage: &Usage,
    rules: &Rules,
) -> Result<Verdict, Unpriced> {
    let requested = head.request_model.as_deref();
    let found = rules.prices.find(&head.provider, served, requested, head.started_at);
    let prices = found.as_ref().map(|(prices, _)| prices);
    Verdict::priced(rating::rate_usage(usage, tier, prices)?)
}
