//! The tries of one call at its upstreams, from what the attempt instance sees of each. Which of them decided what the
//! client got, what came of the others, and which of those are billed all the same.

mod plan;

pub use plan::{Plan, Rewrite};

use crate::head::Headers;
use protocol::{
    UnixNanos,
    attempt::{Attempt, BillsOnAbort, Fate, RateLimit, Server},
    event::CallHead,
    hold::OUTPUT_TOKENS_ASSUMED,
    meters::{Meter, Usage},
    snapshot::Snapshot,
};

/// So many attempts of a call are told one by one; more are counted.
const TOLD_MAX: usize = 16;

/// Envoy's timers count from the begin of a turn of its event loop, which may be so much before an attempt is seen.
const EARLY_MS: u64 = 20;

/// The attempts of one call.
#[derive(Debug, Default)]
pub struct Attempts {
    list: Vec<Open>,
    count: u32,
    /// The one whose answer came last: what the client gets, once it gets anything, is of this one.
    answered: Option<u32>,
    decided: Option<u32>,
    plan: Option<Plan>,
}

#[derive(Debug)]
struct Open {
    attempt: Attempt,
    over: bool,
    sent: bool,
    timeout_ms: Option<u64>,
}

/// Where an attempt goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Its name: what the upstream's endpoint calls itself, else Envoy's cluster.
    pub name: Option<Box<str>>,
    /// The provider there, where it is known.
    pub provider: Option<Box<str>>,
    /// Our account there.
    pub account: Option<Box<str>>,
    /// The region there.
    pub region: Option<Box<str>>,
    /// The model that it is asked for, where that is another than the call's.
    pub model: Option<Box<str>>,
}

/// What Envoy says of an attempt when it is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptEnd {
    /// The upstream's address.
    pub upstream: Option<Box<str>>,
    /// Whether there was a connection to it.
    pub connected: bool,
}

impl Attempts {
    /// The policy says where attempts go.
    pub fn plan(&mut self, plan: Plan) {
        self.plan = Some(plan);
    }

    /// Where an attempt goes by the policy's route, and what becomes of its request.
    pub fn planned(&self, name: &str) -> Option<(Target, Rewrite)> {
        self.plan.as_ref()?.at(name)
    }

    /// Why the client gets an answer from elsewhere than where the call was first sent.
    pub fn fallback(&self) -> Option<&str> {
        let decided = self.decided?;
        let (first, deciding) =
            (self.list.first()?, self.list.iter().find(|open| open.attempt.number == decided)?);
        let is_elsewhere = |open: &&Open| open.attempt.cluster != first.attempt.cluster;
        self.list
            .iter()
            .find(|open| is_elsewhere(open))
            .filter(|_| is_elsewhere(&deciding))?
            .attempt
            .reason
            .as_deref()
    }

    /// An attempt begins, and Envoy gives it so long. Gives its number.
    pub fn begin(&mut self, target: Target, timeout_ms: Option<u64>, now: UnixNanos) -> u32 {
        let reason = self.reason();
        self.count = self.count.saturating_add(1);
        if self.list.len() >= TOLD_MAX {
            // The last one may decide; one in the middle does not.
            self.list.remove(TOLD_MAX.saturating_sub(1));
        }
        let Target { name, provider, account, region, model } = target;
        let attempt = Attempt {
            number: self.count,
            decides: false,
            fate: Fate::Lost,
            reason,
            provider,
            account,
            region,
            model,
            cluster: name,
            upstream: None,
            started_at: now,
            answered_at: None,
            ended_at: now,
            status: 0,
            rate_limit: None,
            usage: None,
        };
        self.list.push(Open { attempt, over: false, sent: true, timeout_ms });
        self.count
    }

    /// The head of an attempt's answer came.
    pub fn answer(&mut self, number: u32, headers: &Headers<'_>, now: UnixNanos) {
        let Some(open) = self.open(number) else { return };
        open.attempt.status = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or(0);
        open.attempt.answered_at = Some(now);
        open.attempt.rate_limit = rate_limit(headers);
        self.answered = Some(number);
    }

    /// The client begins to get an answer: the one that came last.
    pub fn decide(&mut self) {
        self.decided = self.decided.or(self.answered);
    }

    /// An attempt is over.
    pub fn end(&mut self, number: u32, end: AttemptEnd, now: UnixNanos) {
        if self.decided.is_none() && self.answered == Some(number) {
            // Envoy did not pass it on: it tries again.
            self.answered = None;
        }
        let Some(open) = self.open(number) else { return };
        open.over = true;
        open.sent = end.connected;
        open.attempt.ended_at = now;
        open.attempt.upstream = end.upstream;
    }

    /// The call is over. Gives its attempts, each with what came of it; those without an end end with it.
    pub fn close(&mut self, head: &CallHead, now: UnixNanos) -> Vec<Attempt> {
        let decides = self.decided.unwrap_or(self.count);
        let list = std::mem::take(&mut self.list);
        let close = |Open { mut attempt, over, sent, .. }: Open| {
            attempt.decides = attempt.number == decides;
            if !over {
                attempt.ended_at = now;
            }
            attempt.fate = match attempt.status {
                0 if !sent => Fate::Unsent,
                0 => Fate::Lost,
                400.. => Fate::Failed,
                _ => Fate::Answered,
            };
            if attempt.provider.as_deref() == Some(&*head.provider) && attempt.account == head.account {
                // What the head says is not said again.
                (attempt.provider, attempt.account) = (None, None);
                attempt.region = attempt.region.filter(|region| head.region.as_deref() != Some(region));
            }
            attempt
        };
        list.into_iter().map(close).collect()
    }

    /// Whether the policy says where attempts go.
    pub fn is_planned(&self) -> bool {
        self.plan.is_some()
    }

    /// Whether an attempt has not ended.
    pub fn has_open(&self) -> bool {
        self.list.iter().any(|open| !open.over)
    }

    fn open(&mut self, number: u32) -> Option<&mut Open> {
        self.list.iter_mut().rev().find(|open| open.attempt.number == number)
    }

    /// Why one more is made: what came of the one before.
    fn reason(&self) -> Option<Box<str>> {
        let Open { attempt, over, sent, timeout_ms } = self.list.last()?;
        let took_ms = attempt.ended_at.saturating_sub(attempt.started_at) / 1_000_000;
        Some(match attempt.status {
            0 if !over => "hedged".into(),
            0 if !sent => "connect_failure".into(),
            // Envoy does not tell an attempt's own flags; whatever else breaks it, breaks it earlier.
            0 if timeout_ms
                .is_some_and(|timeout| timeout > 0 && took_ms.saturating_add(EARLY_MS) >= timeout) =>
            {
                "per_try_timeout".into()
            }
            0 => "reset".into(),
            status => format!("status_{status}").into(),
        })
    }
}

/// Estimates what the attempts that came to nothing are billed for, by what the policy says of their providers.
pub fn estimate_wasted(attempts: &mut [Attempt], head: &CallHead, snapshot: &Snapshot) {
    for attempt in attempts.iter_mut().filter(|attempt| !attempt.decides) {
        let is_wasted = matches!(attempt.fate, Fate::Lost | Fate::Answered);
        attempt.usage = is_wasted.then(|| billed(attempt, head, snapshot)).flatten();
    }
}

/// What the call itself used, where its attempt is known to be lost without an answer.
pub fn usage_of_lost(attempts: &[Attempt], head: &CallHead, snapshot: &Snapshot) -> Option<Usage> {
    let lost = attempts.iter().find(|attempt| attempt.decides && attempt.fate == Fate::Lost)?;
    let nothing = Usage { complete: true, ..Usage::default() };
    Some(billed(lost, head, snapshot).unwrap_or(nothing))
}

fn billed(attempt: &Attempt, head: &CallHead, snapshot: &Snapshot) -> Option<Usage> {
    let Server { provider, account, model, .. } = Server::of(head, Some(attempt));
    match snapshot.bills_on_abort.get(provider).copied().unwrap_or_default() {
        BillsOnAbort::None => None,
        BillsOnAbort::Input => Some(estimated(head.input_tokens_estimate, None)),
        BillsOnAbort::Full => {
            // No model makes more than it can, whatever the request allows.
            let prices = snapshot.prices.find(provider, account, None, model);
            let most = prices.and_then(|prices| prices.output_tokens_max).unwrap_or(OUTPUT_TOKENS_ASSUMED);
            let output = head.output_tokens_max.map_or(most, |asked| asked.min(most));
            Some(estimated(head.input_tokens_estimate, Some(output)))
        }
    }
}

fn estimated(input: u64, output: Option<u64>) -> Usage {
    let mut usage = Usage::default();
    let units = [(Meter::Input, Some(input)), (Meter::Output, output)];
    for (meter, units) in units.into_iter().filter_map(|(meter, units)| Some((meter, units?))) {
        usage.units.insert(meter, units);
        usage.estimated.insert(meter);
    }
    usage
}

/// `x-ratelimit-…` as OpenAI and those like it write it, `anthropic-ratelimit-…`, and `retry-after`.
fn rate_limit(headers: &Headers<'_>) -> Option<RateLimit> {
    let number = |names: [&str; 2]| names.iter().find_map(|name| headers.text(name)?.trim().parse().ok());
    let limit = RateLimit {
        requests_left: number(["x-ratelimit-remaining-requests", "anthropic-ratelimit-requests-remaining"]),
        tokens_left: number(["x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-remaining"]),
        retry_after_s: number(["retry-after", "x-retry-after"]),
    };
    (limit != RateLimit::default()).then_some(limit)
}

#[cfg(test)]
mod tests;
