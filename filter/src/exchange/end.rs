//! The end of a call: what it used, what that cost, what it was worth, and the event that tells it.

use super::{Finished, Flow};
use crate::{
    admission::{self, Refused},
    counters::SharedData,
    ending::{StreamEnd, flag_names},
    estimate, refusal,
    response::{ResponseFacts, ResponseReader},
};
use protocol::{
    UnixNanos,
    event::{CallEnd, CallHead, Ending, Outcome, UsageEvent},
    meters::{Meter, Side, Usage, UsageSource},
    money::PicoUsd,
    rating,
    snapshot::{Snapshot, UnpricedRule},
};

/// The end of a call that Envoy answered by itself.
pub(super) fn of_refusal(head: CallHead, refused: &Refused, now: UnixNanos) -> Finished {
    let end = CallEnd {
        ending: Ending::LocalReply,
        outcome: refused.reason.outcome(),
        refused: Some(refused.reason),
        status: refusal::status(refused.reason),
        usage: Usage { complete: true, ..Usage::default() },
        settled: Some(PicoUsd::ZERO),
        ..blank_end(now)
    };
    Finished { event: UsageEvent::Finished { head, end: Box::new(end) }, usage_missing: false }
}

/// The end of a call that went to the provider.
pub(super) fn of_flow(
    head: CallHead,
    flow: Flow,
    snapshot: &Snapshot,
    shared: &impl SharedData,
    end: &StreamEnd,
    now: UnixNanos,
) -> Finished {
    let Flow { held, response, response_whole, first_token_at, .. } = flow;
    let ending = end.ending(response.is_some(), response_whole);
    let status = response.as_ref().map_or(0, ResponseReader::status);
    let readable = response.as_ref().is_some_and(ResponseReader::reads_body);
    let mut facts = response.map(ResponseReader::into_facts).unwrap_or_default();
    let usage_missing = facts.usage.is_none() && ending == Ending::Complete && (200..300).contains(&status);
    let usage = used(&head, &mut facts, ending, end.never_sent(), status, readable);
    let tier = facts.service_tier.as_deref().or(head.request_tier.as_deref());
    let requested = head.request_model.as_deref();
    let prices = snapshot.prices.find(&head.provider, facts.model.as_deref(), requested);
    let rated = rating::rate_usage(&usage, tier, prices.map(|(prices, _)| prices));
    let cost = rated.ok().and_then(|lines| rating::cost(&lines)).or_else(|| ceiling(snapshot, &usage));
    admission::settle(shared, &held, &usage.units, cost, now);
    let end = CallEnd {
        first_token_at,
        outcome: outcome(&facts, ending, status),
        response_model: facts.model.take(),
        service_tier: facts.service_tier.take(),
        usage,
        status,
        response_flags: flag_names(end.flags).into(),
        ending,
        finish_reasons: std::mem::take(&mut facts.finish_reasons),
        error_type: facts.error_type.take().or_else(|| error_of(end, ending, status)),
        cluster: end.cluster.as_deref().map(Into::into),
        upstream: end.upstream.as_deref().map(Into::into),
        attempts: end.attempts,
        settled: cost,
        ..blank_end(now)
    };
    Finished { event: UsageEvent::Finished { head, end: Box::new(end) }, usage_missing }
}

/// What the call used: what the provider said; nothing, where it is known that nothing was used; or an estimate
/// from what went over the wire.
fn used(
    head: &CallHead,
    facts: &mut ResponseFacts,
    ending: Ending,
    never_sent: bool,
    status: u16,
    readable: bool,
) -> Usage {
    if let Some(mut usage) = facts.usage.take() {
        usage.complete = ending == Ending::Complete || facts.terminal;
        return usage;
    }
    let nothing = Usage { complete: true, ..Usage::default() };
    match ending {
        Ending::LocalReply => nothing,
        _ if never_sent => nothing,
        // Providers do not bill errors that they answer with: 0 of 54 recorded ones had usage.
        Ending::Complete | Ending::UpstreamReset if status >= 400 => nothing,
        // Somebody's answer in an encoding or format that cannot be read: nothing is known.
        Ending::Complete if !readable || facts.text_bytes == 0 => Usage::default(),
        _ => {
            let output = estimate::tokens_of_bytes(facts.text_bytes);
            let units = [(Meter::Input, head.input_tokens_estimate), (Meter::Output, output)];
            let estimated = units.iter().map(|(meter, _)| *meter).collect();
            Usage { units: units.into(), estimated, complete: false }
        }
    }
}

/// An end with nothing in it but its time.
pub(super) fn blank_end(now: UnixNanos) -> CallEnd {
    CallEnd {
        finished_at: now,
        first_token_at: None,
        response_model: None,
        service_tier: None,
        usage: Usage::default(),
        provider_cost: None,
        region: None,
        text_bytes: 0,
        status: 0,
        response_flags: "".into(),
        ending: Ending::Complete,
        outcome: Outcome::Ok,
        refused: None,
        finish_reasons: Vec::new(),
        error_type: None,
        cluster: None,
        upstream: None,
        attempts: 0,
        settled: None,
    }
}

/// What a call without a price is settled with, where the policy names a ceiling.
fn ceiling(snapshot: &Snapshot, usage: &Usage) -> Option<PicoUsd> {
    let UnpricedRule::Ceiling(rate) = snapshot.unpriced else { return None };
    if usage.source() == UsageSource::None {
        return None;
    }
    rate.cost(usage.tokens(Side::Prompt).saturating_add(usage.tokens(Side::Generated)))
}

fn outcome(facts: &ResponseFacts, ending: Ending, status: u16) -> Outcome {
    let finished_with = |reason: &str| facts.finish_reasons.iter().any(|found| **found == *reason);
    match ending {
        Ending::ClientAbort => Outcome::ClientAborted,
        Ending::Timeout => Outcome::TimedOut,
        Ending::UpstreamReset | Ending::LocalReply | Ending::Orphaned => Outcome::Error,
        Ending::Complete if !(200..300).contains(&status) || facts.error_type.is_some() => Outcome::Error,
        Ending::Complete if finished_with("content_filter") => Outcome::ContentFiltered,
        Ending::Complete if facts.refused => Outcome::RefusedByModel,
        Ending::Complete if finished_with("length") => Outcome::Truncated,
        Ending::Complete => Outcome::Ok,
    }
}

/// Where the provider named no error: Envoy's response code details, without their braces' content.
fn error_of(end: &StreamEnd, ending: Ending, status: u16) -> Option<Box<str>> {
    if ending == Ending::Complete {
        return (status >= 400).then(|| format!("http_{status}").into());
    }
    let details = end.details.as_deref()?;
    details.split('{').next().filter(|details| !details.is_empty()).map(Into::into)
}
