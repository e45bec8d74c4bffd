//! Whether a call may happen: what it would hold of each cap that is about it, and what the caps say. Holding,
//! settling and voiding go through [`counters`](crate::counters); refusing is decided here and worded in
//! [`refusal`](crate::refusal).

mod held;
mod rates;
mod refused;

use crate::{
    counters::{self, CounterFault, SharedData},
    request::RequestFacts,
};
use held::void;
pub use held::{Held, Pace, settle};
use protocol::{
    UnixNanos,
    allowance::{Counter, CounterReport, HoldAnswer},
    attribution::Dimension,
    cap::{Amount, CapSpec, Facets, Unit, counts},
    event::{CallHead, CapAnswer, CapDecision, Refusal},
    hold::{ASSUMED_HOLD_PART, HOLD_PICO_MAX, OUTPUT_TOKENS_ASSUMED},
    meters::{Meter, Side},
    money::PicoUsd,
    price::Terms,
    snapshot::{Allow, Snapshot, UnpricedRule},
};
use rates::{service_pico, worst_rates};
pub use refused::{Looped, Refused, RefusingCap};
use std::sync::Arc;

/// What a call wants of the caps that are about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The most the call can cost, where its model has a price.
    pub hold: Option<PicoUsd>,
    /// The input's part of it.
    pub hold_input: Option<PicoUsd>,
    needs: Vec<Need>,
    refused: Option<Refusal>,
    /// What is asked for.
    model: Option<Box<str>>,
    /// Caps that had no room, for which another model was asked for already.
    gave_way: Vec<Arc<CapSpec>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Need {
    cap: Arc<CapSpec>,
    subject: Box<str>,
    /// Of that subject, when the call began.
    limit: Amount,
    amount: Amount,
    pace: Option<Pace>,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may happen.
    Admitted(Admitted),
    /// It may not.
    Refused(Refused),
    /// Nobody here can say; the control plane must be asked for more allowance.
    Ask(Vec<CounterReport>),
    /// It may not, but one of another model may: that of this cap.
    GiveWay(Arc<CapSpec>),
}

/// A call that may happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// What it holds.
    pub held: Vec<Held>,
    /// What the caps said.
    pub decisions: Vec<CapDecision>,
    /// How full the tightest cap is, in hundredths.
    pub fullness_percent: Option<Amount>,
    /// Counters that could not be kept.
    pub faults: Vec<CounterFault>,
}

/// What may be done about a counter that does not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recourse {
    /// Ask the control plane, and wait.
    Ask,
    /// It was asked; what does not fit now is refused.
    Asked,
    /// It cannot be asked; the policy decides.
    Unreachable,
    /// The call cannot wait (its body is too large to be held back): go by what is known.
    CannotWait,
}

/// The model whose prices hold: that of the route's first target, else the one asked for.
fn priced_model<'a>(head: &'a CallHead, facts: &'a RequestFacts) -> Option<&'a str> {
    head.routed_to.as_deref().or(facts.model.as_deref())
}

impl Needs {
    /// Works out what a call needs under a snapshot.
    pub fn of(snapshot: &Snapshot, head: &CallHead, facts: &RequestFacts) -> Self {
        let CallHead { provider, account, attribution, region, started_at, .. } = head;
        let prices = snapshot.prices.find(provider, account.as_deref(), None, priced_model(head, facts));
        let output_max = prices.and_then(|prices| prices.output_tokens_max);
        let output = match (facts.output_tokens_max, output_max) {
            (Some(asked), Some(max)) => asked.min(max),
            (Some(asked), None) => asked,
            (None, max) => max.unwrap_or(OUTPUT_TOKENS_ASSUMED),
        };
        let input_tokens = facts.input_tokens_estimate(provider, &snapshot.ratios);
        let (tier, region) = (facts.tier.as_deref(), region.as_deref());
        let terms = Terms { tier, region, at: *started_at, input_tokens };
        let rates = worst_rates(snapshot, prices, facts, &terms);
        let money = |tokens: u64, rate: Option<u64>| {
            Some(i128::from(tokens).saturating_mul(i128::from(rate?)).min(HOLD_PICO_MAX))
        };
        let service = service_pico(prices, facts, &terms);
        let input_pico = money(input_tokens, rates.map(|(input, _)| input));
        let input_pico = input_pico.map(|input| input.saturating_add(service).min(HOLD_PICO_MAX));
        let output_pico = money(output, rates.map(|(_, output)| output));
        let hold_pico = input_pico.zip(output_pico).map(|(input, output)| input.saturating_add(output));
        let mut needs = Self {
            hold: hold_pico.map(PicoUsd::new),
            hold_input: input_pico.map(PicoUsd::new),
            model: facts.model.clone(),
            ..Self::default()
        };
        let customer = attribution.name(Dimension::Customer);
        if customer.is_none() && snapshot.unattributed == Allow::Refuse {
            needs.refused = Some(Refusal::Unattributed);
        }
        let amount = |pico: Option<i128>| pico.map(|pico| Amount::try_from(pico).unwrap_or(Amount::MAX));
        let call = Facets {
            attribution,
            plan: customer.and_then(|customer| snapshot.plans.get(customer.as_str())).map(AsRef::as_ref),
            provider,
            model: facts.model.as_deref(),
            route: head.route.as_deref(),
        };
        for cap in &snapshot.caps {
            let Some(subject) = cap.subject_of(&call) else { continue };
            let (wanted, at_least) = match cap.unit {
                Unit::Calls => (1, 1),
                Unit::Tokens => {
                    let count = |tokens: u64| Amount::try_from(tokens).unwrap_or(Amount::MAX);
                    let side =
                        |side| Meter::ALL.iter().any(|it| it.side() == side && counts(&cap.meters, *it));
                    let input = if side(Side::Prompt) { input_tokens } else { 0 };
                    let output = if side(Side::Generated) { output } else { 0 };
                    (count(input.saturating_add(output)), count(input))
                }
                Unit::Usd => match (amount(hold_pico), amount(input_pico)) {
                    (Some(hold), Some(input)) => (hold, input),
                    // A model that has not been read yet is not one that nobody priced.
                    _ if snapshot.unpriced == UnpricedRule::Refuse
                        && !cap.shadow
                        && (facts.model.is_some() || facts.whole) =>
                    {
                        needs.refused = Some(Refusal::Unpriced);
                        (0, 0)
                    }
                    _ => (0, 0),
                },
            };
            let assumed = facts.output_tokens_max.is_none() && cap.unit != Unit::Calls;
            let limit = cap.limit_at(&subject, *started_at);
            let part = limit.checked_div(ASSUMED_HOLD_PART).unwrap_or(0);
            let amount = if assumed { wanted.min(part.max(at_least)) } else { wanted };
            let pace = Pace::of(cap, at_least, rates.map(|(_, output)| output));
            needs.needs.push(Need { cap: Arc::clone(cap), subject, limit, amount, pace });
        }
        needs
    }

    /// Follows what it cannot hold any more: an answer that was made in the background is billed when it is fetched.
    /// Its cost goes to the caps all the same.
    pub fn follow(self) -> Admitted {
        let mut admitted = Admitted::default();
        for need in self.needs {
            admitted.decisions.push(need.decision(CapAnswer::Held, 0));
            admitted.held.push(Held {
                cap: need.cap,
                subject: need.subject,
                amount: 0,
                held_at: None,
                pace: None,
            });
        }
        admitted
    }

    /// Of another model, since these caps had no room for the one that was asked for.
    pub fn giving_way(self, caps: Vec<Arc<CapSpec>>) -> Self {
        Self { gave_way: caps, ..self }
    }

    /// The caps for which another model is asked for already.
    pub fn gave_way(&self) -> &[Arc<CapSpec>] {
        &self.gave_way
    }

    /// Drops what is wanted of caps that the policy in force no longer has.
    pub fn forget(&mut self, caps: &[Box<str>]) {
        self.needs.retain(|need| !caps.contains(&need.cap.id));
    }

    /// Holds all of it, or nothing. A call that no cap is about always may happen. A cap can be given way to only where
    /// the request can be altered.
    pub fn admit(
        &self,
        shared: &impl SharedData,
        alterable: bool,
        fast: bool,
        recourse: Recourse,
        when_unreachable: Allow,
        now: UnixNanos,
    ) -> Answer {
        if let Some(reason) = self.refused {
            return Answer::Refused(Refused::because(reason));
        }
        let mut admitted = Admitted::default();
        let mut short = Vec::new();
        for need in &self.needs {
            let initial = if fast { need.cap.initial } else { 0 };
            let way = self.way(&need.cap, alterable);
            let tried = counters::update(shared, &need.cap.id, &need.subject, now, |counter| {
                let tried = match (way, need.try_hold(counter, initial, recourse, when_unreachable, now)) {
                    (Way::Given, Tried::Held(_)) => Tried::Held(CapAnswer::Downgraded),
                    (Way::Given, _) | (Way::Taken, Tried::Refused(Refusal::Cap)) => {
                        counter.force_hold(need.amount);
                        Tried::Held(CapAnswer::Downgraded)
                    }
                    (_, tried) => tried,
                };
                (tried, *counter)
            });
            match tried {
                Ok((Tried::Held(decision), counter)) => admitted.hold(need, decision, &counter),
                Ok((Tried::Short, counter)) => {
                    short.push(counter.report(&need.cap.id, &need.subject, need.amount))
                }
                Ok((Tried::Refused(Refusal::Cap), _)) if way == Way::Open => {
                    void(shared, &admitted.held, now);
                    return Answer::GiveWay(Arc::clone(&need.cap));
                }
                Ok((Tried::Refused(reason), counter)) => {
                    void(shared, &admitted.held, now);
                    return Answer::Refused(need.refused(reason, &counter, admitted.decisions));
                }
                // A counter that cannot be kept must not stop a call; it is counted, and the ledger knows.
                Err(fault) => admitted.faults.push(fault),
            }
        }
        if short.is_empty() {
            return Answer::Admitted(admitted);
        }
        void(shared, &admitted.held, now);
        Answer::Ask(short)
    }
}

/// Whether a cap without room lets a call pass on a cheaper model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It refuses.
    None,
    /// It does.
    Open,
    /// The client asks for that model by itself.
    Taken,
    /// It had no room, and that model is asked for instead.
    Given,
}

impl Needs {
    fn way(&self, cap: &Arc<CapSpec>, alterable: bool) -> Way {
        match &cap.downgrade {
            Some(_) if self.gave_way.iter().any(|given| given.id == cap.id) => Way::Given,
            Some(model) if self.model.as_ref() == Some(model) => Way::Taken,
            Some(_) if alterable => Way::Open,
            _ => Way::None,
        }
    }
}

enum Tried {
    Held(CapAnswer),
    Short,
    Refused(Refusal),
}

impl Need {
    fn try_hold(
        &self,
        counter: &mut Counter,
        initial: Amount,
        recourse: Recourse,
        when_unreachable: Allow,
        now: UnixNanos,
    ) -> Tried {
        let answer = counter.hold(self.amount, now, initial);
        if answer == HoldAnswer::Held {
            return Tried::Held(CapAnswer::Held);
        }
        let over = used(counter).saturating_add(self.amount) > self.limit;
        let mut force = |decision| {
            counter.force_hold(self.amount);
            Tried::Held(decision)
        };
        match (answer, recourse) {
            _ if self.cap.shadow => force(if over { CapAnswer::ShadowRefused } else { CapAnswer::Held }),
            _ if self.amount > self.limit => Tried::Refused(Refusal::Cap),
            (HoldAnswer::Denied, _) | (_, Recourse::Asked) => Tried::Refused(Refusal::Cap),
            (_, Recourse::CannotWait) if over => Tried::Refused(Refusal::Cap),
            (_, Recourse::CannotWait) => force(CapAnswer::Held),
            (_, Recourse::Unreachable) if when_unreachable == Allow::Allow => {
                force(CapAnswer::AllowedUnreachable)
            }
            (_, Recourse::Unreachable) => Tried::Refused(Refusal::Unreachable),
            (_, Recourse::Ask) => Tried::Short,
        }
    }

    fn refused(&self, reason: Refusal, counter: &Counter, mut decisions: Vec<CapDecision>) -> Refused {
        decisions.push(self.decision(CapAnswer::Refused, 0));
        let settled = counter.others.saturating_add(counter.spent);
        let cap = RefusingCap {
            name: self.cap.name.clone(),
            unit: self.cap.unit,
            limit: self.limit,
            window: self.cap.window,
            resets_at: Some(counter.window_end).filter(|end| *end > 0 && *end < FAR_AWAY),
            larger_than_cap: self.amount > self.limit,
            waiting_helps: settled.saturating_add(self.amount) <= self.limit,
            fullness_percent: fullness_percent(counter, self.limit),
        };
        Refused { reason, cap: Some(cap), looped: None, missing: None, decisions }
    }

    fn decision(&self, decision: CapAnswer, held: Amount) -> CapDecision {
        CapDecision { cap: self.cap.id.clone(), subject: self.subject.clone(), held, decision }
    }
}

/// Year 2200: a window that ends later never ends.
const FAR_AWAY: UnixNanos = 7_258_118_400_000_000_000;

impl Admitted {
    fn hold(&mut self, need: &Need, decision: CapAnswer, counter: &Counter) {
        let fullness = fullness_percent(counter, need.limit);
        self.fullness_percent = self.fullness_percent.max(Some(fullness));
        self.decisions.push(need.decision(decision, need.amount));
        self.held.push(Held {
            cap: Arc::clone(&need.cap),
            subject: need.subject.clone(),
            amount: need.amount,
            held_at: Some(counter.revision),
            // A cap that gave way stops nothing more.
            pace: need.pace.filter(|_| decision != CapAnswer::Downgraded),
        });
    }
}

fn used(counter: &Counter) -> Amount {
    counter.others.saturating_add(counter.spent).saturating_add(counter.held)
}

fn fullness_percent(counter: &Counter, limit: Amount) -> Amount {
    let percent = i128::from(used(counter)).saturating_mul(100).checked_div(i128::from(limit)).unwrap_or(100);
    Amount::try_from(percent).unwrap_or(Amount::MAX)
}

#[cfg(test)]
mod tests;
