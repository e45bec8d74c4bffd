//! A policy run over the calls that the ledger has: what it would have refused, and what that had cost. Reads the ledger
//! page by page, in the order in which calls started; what is kept is one count per cap and subject, and the calls that
//! are under way at the instant it has come to. Changes nothing.

mod counts;
mod ledger;
mod report;

use crate::{
    hold::Most,
    policy::Policy,
    prices::PriceTable,
    reports::{Range, Report},
    rules::Rules,
    store::{Store, StoreError, policies::StoredPolicy},
};
use counts::{Counts, Tried};
use ledger::{Cursor, Recorded};
use protocol::{
    UnixNanos,
    attribution::Dimension,
    cap::{Amount, Facet, Facets, Unit, Window, counted},
    event::Refusal,
    money::PicoUsd,
    snapshot::{Allow, UnpricedRule},
};
use std::collections::BTreeMap;

/// Calls read in one go: a reader's transaction is never long.
const PAGE: u32 = 20_000;
const DAY_NS: u64 = 86_400_000_000_000;

/// Why a policy cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More counts, or more calls at once, than are kept.
    #[error(
        "there are more than {} subjects of caps, or calls under way at once; take a shorter time",
        counts::KEPT_MAX
    )]
    TooMuch,
}

/// Calls, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    calls: u64,
    /// Of them: without a known cost, so not in `cost`.
    unpriced: u64,
    cost: PicoUsd,
}

impl Sum {
    fn add(&mut self, cost: Option<Amount>) {
        self.calls = self.calls.saturating_add(1);
        match cost.map(|cost| self.cost.checked_add(PicoUsd::new(i128::from(cost)))) {
            // A call costs 10,000 USD at most: 128 bits hold more of them than there are.
            Some(sum) => self.cost = sum.unwrap_or(self.cost),
            None => self.unpriced = self.unpriced.saturating_add(1),
        }
    }
}

/// A replay, as far as it has come.
#[derive(Debug)]
struct Replay {
    rules: Rules,
    range: Range,
    counts: Counts,
    /// What was let through then.
    all: Sum,
    /// Of that: what the policy would refuse.
    refused: Sum,
    /// The same, where a rule refuses and no cap does.
    by_rule: BTreeMap<&'static str, Sum>,
    /// Of what was let through then: not ended, or not yet.
    open: u64,
    /// What was refused then.
    refused_then: u64,
    /// Of that: what the policy would let through.
    let_through: u64,
}

/// Runs a policy over the calls that started in a time.
pub async fn replay(store: &Store, policy: Policy, range: Range) -> Result<Report, ReplayError> {
    let stored = StoredPolicy { version: 0, at: 0, policy };
    let mut replay = Replay::new(Rules::new(stored, PriceTable::default()), range);
    let mut cursor = Cursor::at(replay.warm_from());
    loop {
        let read = store.read(move |connection| {
            let needs_units = replay.rules.caps().iter().any(|cap| cap.unit == Unit::Tokens);
            let page = ledger::page(connection, cursor, (range.to, PAGE), needs_units)?;
            let next = page.last().map(Recorded::cursor);
            let outcome = page.iter().try_for_each(|call| replay.call(call));
            Ok((replay, next, outcome))
        });
        let (run, next, outcome) = read.await?;
        outcome?;
        replay = run;
        match next {
            Some(next) => cursor = next,
            None => return Ok(replay.report()),
        }
    }
}

impl Replay {
    fn new(rules: Rules, range: Range) -> Self {
        Self {
            rules,
            range,
            counts: Counts::default(),
            all: Sum::default(),
            refused: Sum::default(),
            by_rule: BTreeMap::new(),
            open: 0,
            refused_then: 0,
            let_through: 0,
        }
    }

    /// Windows that have begun before count from their beginning: calls are read from there on, as they were.
    fn warm_from(&self) -> UnixNanos {
        let yearly =
            self.rules.policy().plans.values().any(|plan| plan.period == crate::policy::Period::Year);
        let days = |cap: &protocol::cap::CapSpec| match cap.window {
            Window::Minute | Window::Hour => 1,
            // In whatever zone.
            Window::Day => 2,
            Window::Week => 8,
            Window::Month => 32,
            Window::BillingPeriod if yearly => 367,
            Window::BillingPeriod => 32,
            // Nobody's tasks take longer, and there are too many of them.
            Window::Lifetime if cap.subject.contains_key(&Facet::Task) => 2,
            Window::Lifetime => u64::MAX / DAY_NS,
        };
        let days = self.rules.caps().iter().map(days).max().unwrap_or(0);
        self.range.from.saturating_sub(days.saturating_mul(DAY_NS))
    }

    /// The next call.
    fn call(&mut self, call: &Recorded) -> Result<(), ReplayError> {
        self.counts.settle_until(call.started_at);
        let is_before = call.started_at < self.range.from;
        if is_before && call.refused.is_some() {
            return Ok(());
        }
        let verdict = if is_before { Verdict::LetThrough } else { self.verdict(call) };
        let admitted = match verdict {
            Verdict::LetThrough => self.admit(call, is_before)?,
            Verdict::Refused(_) => false,
        };
        if !is_before {
            self.count(call, verdict, admitted);
        }
        Ok(())
    }

    fn count(&mut self, call: &Recorded, verdict: Verdict, admitted: bool) {
        if call.refused.is_some() {
            self.refused_then = self.refused_then.saturating_add(1);
            self.let_through = self.let_through.saturating_add(u64::from(admitted));
            return;
        }
        self.all.add(call.cost);
        self.open = self.open.saturating_add(u64::from(call.ended_at.is_none()));
        if !admitted {
            self.refused.add(call.cost);
        }
        if let Verdict::Refused(rule) = verdict {
            self.by_rule.entry(rule.as_str()).or_default().add(call.cost);
        }
    }

    /// What the policy says without looking at a count.
    fn verdict(&self, call: &Recorded) -> Verdict {
        let policy = self.rules.policy();
        let then = |reason: Refusal| call.refused.as_deref() == Some(reason.as_str());
        if then(Refusal::Unreachable) && policy.when_unreachable == Allow::Refuse {
            return Verdict::Refused(Refusal::Unreachable);
        }
        if then(Refusal::LoopGuard) && policy.loop_guard.is_some() {
            return Verdict::Refused(Refusal::LoopGuard);
        }
        if !call.is_priced() && policy.unpriced_rule() == UnpricedRule::Refuse {
            let caps = self.rules.caps_of(&self.facets(call));
            if caps.iter().any(|(cap, _)| cap.unit == Unit::Usd && !cap.shadow) {
                return Verdict::Refused(Refusal::Unpriced);
            }
        }
        let nobodys = call.head.attribution.name(Dimension::Customer).is_none();
        match policy.unattributed.rule {
            Allow::Refuse if nobodys => Verdict::Refused(Refusal::Unattributed),
            _ => Verdict::LetThrough,
        }
    }

    fn facets<'a>(&'a self, call: &'a Recorded) -> Facets<'a> {
        Facets {
            attribution: &call.head.attribution,
            plan: self.rules.plan_of(call.head.attribution.name(Dimension::Customer)),
            provider: &call.head.provider,
            model: call.head.model(),
            route: call.head.route.as_deref(),
        }
    }

    /// Holds what the call needs of each cap, the most restrictive window first. `as_it_was`: whatever the caps say.
    fn admit(&mut self, call: &Recorded, as_it_was: bool) -> Result<bool, ReplayError> {
        let most = self.most(call);
        let mut held = Vec::new();
        for (index, subject) in self.rules.numbered_caps_of(&self.facets(call)) {
            let Some(cap) = self.rules.caps().get(index) else { continue };
            let limit = cap.limit_at(&subject, call.started_at);
            let settled = match (cap.unit, call.refused.is_some()) {
                (Unit::Calls, _) => 1,
                // What it would have cost, nobody knows.
                (Unit::Usd | Unit::Tokens, true) => 0,
                (Unit::Usd, false) => self.settled(call),
                (Unit::Tokens, false) => counted(&cap.meters, &call.units),
            };
            let amount =
                if call.refused.is_some() && cap.unit != Unit::Calls { 0 } else { most.of_cap(cap, limit) };
            let window = |count: &counts::Count| {
                if count.is_in_window(call.started_at) {
                    return count.window;
                }
                self.rules.policy().window_of(cap, &count.subject, call.started_at)
            };
            let count = self.counts.of(index, subject, window)?;
            if as_it_was || count.has_room(most.of_cap(cap, limit), limit) {
                held.push(count.hold(amount, settled));
                continue;
            }
            let way = cap.downgrade.as_deref();
            let tried = match way {
                _ if cap.shadow => Tried::Shadow,
                Some(model) if call.head.model() == Some(model) => Tried::Cheapest,
                Some(_) => Tried::Downgraded,
                None => Tried::Refused,
            };
            if call.refused.is_none() {
                count.reached(tried, call.cost, call.started_at);
            }
            if tried == Tried::Refused {
                self.counts.give_back(&held);
                return Ok(false);
            }
            held.push(count.hold(amount, settled));
        }
        self.counts.under_way(call.ended_at, call.refused.is_some().then_some(call.started_at), held)?;
        Ok(true)
    }

    /// The most that the call could come to, by what the filter recorded.
    fn most(&self, call: &Recorded) -> Most {
        let most = call.head.most();
        if call.is_priced() { most } else { most.unpriced(self.rules.policy().unpriced_rule()) }
    }

    /// What money caps are charged.
    fn settled(&self, call: &Recorded) -> Amount {
        match self.rules.policy().unpriced_rule() {
            UnpricedRule::Ceiling(rate) if !call.is_priced() => {
                let cost = rate.cost(call.tokens).map_or(i128::MAX, PicoUsd::pico);
                Amount::try_from(cost).unwrap_or(Amount::MAX)
            }
            _ if call.is_priced() => call.settled,
            UnpricedRule::Allow | UnpricedRule::Refuse | UnpricedRule::Ceiling(_) => 0,
        }
    }
}

/// What a policy says of a call before it looks at a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    LetThrough,
    Refused(Refusal),
}

#[cfg(test)]
mod tests;
