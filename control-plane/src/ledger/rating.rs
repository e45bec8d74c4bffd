//! What a call cost: the prices in force when it started, and what is said where there are none.

use crate::{
    prices::{Query, Quote},
    rules::Rules,
};
use protocol::{
    attempt::{self, Fallback, Server},
    event::{CallEnd, CallHead},
    meters::{Meter, Units, Usage},
    money::{PicoUsd, PicoUsdPerUnit},
    price::{MatchedBy, Terms},
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
    /// What the price table says, where the provider said something too.
    pub computed: Option<i64>,
    /// What the provider said.
    pub reported: Option<i64>,
    /// Which rule found the prices.
    pub matched: Option<MatchedBy>,
    /// What money caps are charged, in pico-dollars.
    pub settled: i64,
    /// Why it is not known.
    pub unpriced: Option<Unpriced>,
    /// The arithmetic.
    pub lines: Vec<Line>,
    /// What of the cost its wasted attempts made.
    pub wasted: i64,
    /// Whether it was served elsewhere than where it was first sent,
    pub fallback: bool,
    /// and what it cost more there; `None` where nobody knows.
    pub premium: Option<i64>,
}

/// 10,000 USD. No call costs more; a count or rate that says so is broken, and must not break sums too.
const COST_PICO_MAX: i128 = 10_000_000_000_000_000;

impl Verdict {
    pub(super) fn free() -> Self {
        Self {
            pricing: Pricing::Priced,
            cost: Some(0),
            computed: None,
            reported: None,
            matched: None,
            settled: 0,
            unpriced: None,
            lines: Vec::new(),
            wasted: 0,
            fallback: false,
            premium: None,
        }
    }

    fn priced(lines: Vec<Line>) -> Result<Self, Unpriced> {
        let largest = lines.iter().max_by_key(|line| line.cost).map_or(Meter::Input, |line| line.meter);
        let cost = rating::cost(&lines).filter(|cost| cost.pico() <= COST_PICO_MAX);
        let cost =
            cost.and_then(|cost| i64::try_from(cost.pico()).ok()).ok_or(Unpriced::TooLarge(largest))?;
        Ok(Self { cost: Some(cost), settled: cost, lines, ..Self::free() })
    }

    /// The cost is not known; `settled` is what the filter charged its caps meanwhile.
    fn unpriced(reason: Unpriced, units: &Units, settled: Option<PicoUsd>, rules: &Rules) -> Self {
        let ceiling = match rules.policy().unpriced_rule() {
            UnpricedRule::Ceiling(rate) => units
                .iter()
                // The ceiling is a token's: what a search or an image may cost, nobody said.
                .filter(|(meter, _)| meter.is_tokens())
                .try_fold(0_u64, |total, (_, units)| total.checked_add(*units))
                .and_then(|units| rate.cost(units)),
            UnpricedRule::Allow | UnpricedRule::Refuse => None,
        };
        let bounded = |cost: PicoUsd| i64::try_from(cost.pico().clamp(0, COST_PICO_MAX)).unwrap_or(0);
        let pricing = if ceiling.is_some() { Pricing::Ceiling } else { Pricing::Unpriced };
        let settled = ceiling.or(settled).map_or(0, bounded);
        Self { pricing, cost: None, settled, unpriced: Some(reason), ..Self::free() }
    }
}

/// Rates a call that ended, with the attempts that came to nothing.
pub(super) fn rate_end(head: &CallHead, end: &CallEnd, rules: &Rules) -> Verdict {
    if end.refused.is_some() {
        return Verdict::free();
    }
    let server = Server::of(head, end.deciding());
    let served = Served {
        server,
        model: end.response_model.as_deref(),
        tier: end.service_tier.as_deref().or(head.request_tier.as_deref()),
        region: end.region.as_deref().or(server.region),
    };
    let unpriced = |reason| {
        let units = &end.usage_with_waste().units;
        Verdict::unpriced(reason, units, end.settled, rules)
    };
    let computed = rate(head, &served, &end.usage, rules).unwrap_or_else(unpriced);
    let verdict = match end.provider_cost.and_then(|cost| i64::try_from(cost.pico()).ok()) {
        Some(reported) => computed.beside(reported, server.provider, rules),
        None => computed,
    };
    let fallback = Fallback::of(head, Some(end));
    let premium = fallback.and_then(|fallback| premium(head, end, &fallback, verdict.cost?, rules));
    let verdict = verdict.with_waste(head, end, rules);
    Verdict { fallback: fallback.is_some(), premium: premium.filter(|_| verdict.cost.is_some()), ..verdict }
}

/// Who serves a route of the policy first, where that is one model.
fn of_route<'a>(name: &str, rules: &'a Rules) -> Option<Server<'a>> {
    let route = rules.policy().routes.iter().find(|route| route.name.as_str() == name)?;
    let first = route.targets.first()?;
    let model = match (&first.model, &*route.models) {
        (Some(model), _) => model,
        (None, [only]) => only,
        (None, _) => return None,
    };
    Some(Server {
        provider: first.provider.as_str(),
        account: first.account.as_ref().map(protocol::ids::Name::as_str),
        model: Some(&**model).filter(|model| !model.contains('*')),
        region: None,
    })
    .filter(|server| server.model.is_some())
}

/// What a call cost more than the same units would have where it was first sent.
fn premium(head: &CallHead, end: &CallEnd, fallback: &Fallback<'_>, cost: i64, rules: &Rules) -> Option<i64> {
    let server = fallback.original.or_else(|| of_route(head.original_route.as_deref()?, rules))?;
    let served = Served { server, model: None, tier: head.request_tier.as_deref(), region: server.region };
    cost.checked_sub(rate(head, &served, &end.usage, rules).ok()?.cost?)
}

impl Verdict {
    /// Adds what the wasted attempts cost. Where one part is not known, nor is the whole; caps are charged what is.
    fn with_waste(mut self, head: &CallHead, end: &CallEnd, rules: &Rules) -> Self {
        if self.cost.is_none() {
            return self;
        }
        let (own, mut unknown) = (self.settled, None);
        for (attempt, usage) in attempt::wasted(&end.tried) {
            let server = Server::of(head, Some(attempt));
            let served =
                Served { server, model: None, tier: head.request_tier.as_deref(), region: server.region };
            match rate(head, &served, usage, rules) {
                Ok(Self { settled, lines, .. }) => {
                    self.settled = self.settled.saturating_add(settled);
                    let of_attempt = |line| Line { attempt: Some(attempt.number), ..line };
                    self.lines.extend(lines.into_iter().map(of_attempt));
                }
                Err(reason) => {
                    let part = Self::unpriced(reason, &usage.units, None, rules);
                    self.settled = self.settled.saturating_add(part.settled);
                    unknown = unknown.or(Some(part));
                }
            }
        }
        let settled = self.settled;
        if let Some(part) = unknown {
            // What the provider said of the attempt that decided stands.
            return Self { settled, reported: self.reported, computed: self.computed, ..part };
        }
        match Self::priced(std::mem::take(&mut self.lines)) {
            Ok(Self { cost, lines, .. }) => Self { cost, lines, wasted: settled.saturating_sub(own), ..self },
            Err(reason) => Self {
                settled,
                unpriced: Some(reason),
                pricing: Pricing::Unpriced,
                cost: None,
                reported: self.reported,
                computed: self.computed,
                ..Self::free()
            },
        }
    }

    /// The provider said what the call costs. Where the policy says that its word bills, it does.
    fn beside(self, reported: i64, provider: &str, rules: &Rules) -> Self {
        let word_bills = &rules.policy().prices.provider_cost_bills;
        let bills = word_bills.iter().any(|name| name.as_str() == provider);
        let (computed, told) = (self.cost, Self::told(reported).filter(|_| bills));
        Self { computed, reported: Some(reported), ..told.unwrap_or(self) }
    }

    /// A cost that comes as money and not as units.
    fn told(pico: i64) -> Option<Self> {
        let (rate, units) = (PicoUsdPerUnit::new(1), u64::try_from(pico).ok()?);
        let (meter, cost) = (Meter::ReportedCost, rate.cost(units)?);
        Self::priced(vec![Line {
            meter,
            units,
            rate,
            cost,
            price: 0,
            list: None,
            discount: None,
            attempt: None,
        }])
        .ok()
    }
}

/// Rates a call of which nobody ever said how it ended: at its input, which the provider has seen.
pub(super) fn rate_orphan(head: &CallHead, rules: &Rules) -> Verdict {
    let usage = orphan_usage(head);
    let server = Server::of(head, None);
    let served = Served { server, tier: head.request_tier.as_deref(), region: server.region, model: None };
    let rated = rate(head, &served, &usage, rules);
    let held = head.hold_input.and_then(|held| i64::try_from(held.pico()).ok());
    match (rated, held.filter(|held| *held > 0)) {
        // The filter rated with the prices of its last snapshot. Its hold is what the cap was charged.
        (Ok(verdict), Some(held)) if verdict.cost != Some(held) => Verdict::told(held).unwrap_or(verdict),
        (Ok(verdict), _) => verdict,
        (Err(reason), held) => held
            .and_then(Verdict::told)
            .unwrap_or_else(|| Verdict::unpriced(reason, &usage.units, None, rules)),
    }
}

/// What an orphaned call is taken to have used.
pub fn orphan_usage(head: &CallHead) -> Usage {
    let units = match head.input_tokens_estimate {
        0 => Units::new(),
        tokens => Units::from([(Meter::Input, tokens)]),
    };
    Usage { estimated: units.keys().copied().collect(), units, complete: false }
}

/// Who served a call, as far as the price depends on it.
struct Served<'a> {
    server: Server<'a>,
    model: Option<&'a str>,
    tier: Option<&'a str>,
    region: Option<&'a str>,
}

fn rate(head: &CallHead, served: &Served<'_>, usage: &Usage, rules: &Rules) -> Result<Verdict, Unpriced> {
    let query = Query {
        provider: served.server.provider,
        account: served.server.account,
        served: served.model,
        requested: served.server.model,
        at: head.started_at,
    };
    let terms = Terms { tier: served.tier, region: served.region, ..Terms::default() };
    let Quote { matched, lines } = rules.prices.quote(usage, &query, &terms)?;
    Ok(Verdict { matched, ..Verdict::priced(lines)? })
}
