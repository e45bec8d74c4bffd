//! The attempts of a call as they are shown: each that an attempt instance saw, else the last one as the call instance
//! sees it.

use super::{Booked, milliseconds, money, names};
use crate::instant::Instant;
use protocol::{
    attempt::{self, RateLimit, Server},
    event::{CallEnd, CallHead},
    meters::Units,
    money::PicoUsd,
    rating::{self, Line},
};
use serde::Serialize;
use utoipa::ToSchema;

/// One try at one upstream.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the contract's, which explains them")]
pub struct Attempt {
    pub number: u32,
    /// Whether its answer, or that none came, is the call's own.
    pub decides: bool,
    /// Why it was made, where it is not the first: status_503, per_try_timeout, connect_failure, reset, hedged.
    pub reason: Option<Box<str>>,
    pub provider: Box<str>,
    pub model: Option<Box<str>>,
    pub cluster: Option<Box<str>>,
    pub upstream: Option<Box<str>>,
    pub status: u16,
    pub response_flags: Box<str>,
    /// When it began; null where no attempt instance saw it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Instant>,
    /// From its begin to the head of its answer.
    pub answered_ms: Option<u64>,
    pub latency_ms: Option<u64>,
    /// Of the one that decides, the call's outcome. Of the others: failed (the provider answered with an error),
    /// unsent (it never got the request), lost (no answer came), answered (nobody took the answer).
    pub outcome: &'static str,
    /// What the provider said is left of its limits.
    #[schema(value_type = Option<Object>)]
    pub rate_limit: Option<RateLimit>,
    /// Of one that does not decide, an estimate of what is billed all the same.
    #[schema(value_type = Object)]
    pub tokens: Units,
    #[schema(value_type = Option<String>)]
    pub cost_usd: Option<PicoUsd>,
}

pub(super) fn of(booked: &Booked) -> Vec<Attempt> {
    let Booked { head, end, lines, .. } = booked;
    let Some(end) = end.as_ref().filter(|end| end.refused.is_none()) else { return Vec::new() };
    let total = booked.cost_pico.map(money);
    if end.tried.is_empty() {
        return (end.attempts > 0).then(|| last(head, end, total)).into_iter().collect();
    }
    let own = |number: Option<u32>| {
        let lines: Vec<Line> = lines.iter().filter(|line| line.attempt == number).cloned().collect();
        // Without lines the cost is all the same zero, where it is known.
        total.and_then(|_| rating::cost(&lines))
    };
    let seen = |attempt: &attempt::Attempt| {
        let server = Server::of(head, Some(attempt));
        let (tokens, cost_usd) = match (attempt.decides, &attempt.usage) {
            (true, _) => (end.usage.units.clone(), own(None)),
            (false, Some(usage)) => (usage.units.clone(), own(Some(attempt.number))),
            (false, None) => (Units::new(), Some(PicoUsd::ZERO)),
        };
        Attempt {
            number: attempt.number,
            decides: attempt.decides,
            reason: attempt.reason.clone(),
            provider: server.provider.into(),
            model: server.model.map(Into::into),
            cluster: attempt.cluster.clone(),
            upstream: attempt.upstream.clone(),
            status: attempt.status,
            // Envoy tells flags of the whole call alone.
            response_flags: if attempt.decides { end.response_flags.clone() } else { "".into() },
            started_at: Some(Instant(attempt.started_at)),
            answered_ms: attempt.answered_at.map(|at| milliseconds(attempt.started_at, at)),
            latency_ms: Some(milliseconds(attempt.started_at, attempt.ended_at)),
            outcome: if attempt.decides { names::outcome(end.outcome) } else { attempt.fate.as_str() },
            rate_limit: attempt.rate_limit,
            tokens,
            cost_usd,
        }
    };
    end.tried.iter().map(seen).collect()
}

/// What the call instance can see of attempts: the last one.
fn last(head: &CallHead, end: &CallEnd, cost_usd: Option<PicoUsd>) -> Attempt {
    Attempt {
        number: end.attempts,
        decides: true,
        reason: None,
        provider: head.provider.clone(),
        model: head.model().map(Into::into),
        cluster: end.cluster.clone(),
        upstream: end.upstream.clone().or_else(|| end.cluster.clone()),
        status: end.status,
        response_flags: end.response_flags.clone(),
        started_at: None,
        answered_ms: None,
        latency_ms: Some(milliseconds(head.started_at, end.finished_at)),
        outcome: names::outcome(end.outcome),
        rate_limit: None,
        tokens: end.usage.units.clone(),
        cost_usd,
    }
}
