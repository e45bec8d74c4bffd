//! The end of a call: what it used, what that cost, what it was worth, and the event that tells it.

mod background;
mod bill;
mod outcome;
mod usage;

use super::{Finished, Flow};
use crate::{
    admission::{self, Refused},
    attempts,
    counters::SharedData,
    dialect::Dialect,
    ending::{StreamEnd, flag_names},
    loop_guard, refusal,
    request::RequestFacts,
    response::{ResponseFacts, ResponseReader},
};
use bill::Served;
use protocol::{
    UnixNanos,
    attempt::{Server, usage_with_waste},
    attribution::Dimension,
    cap::Amount,
    event::{CallEnd, CallHead, Ending, Outcome},
    meters::Usage,
    money::PicoUsd,
    snapshot::Snapshot,
};
use std::rc::Rc;

/// The end of a call that Envoy answered by itself.
pub(super) fn of_refusal(
    head: Rc<CallHead>,
    dialect: Dialect,
    refused: &Refused,
    now: UnixNanos,
) -> Finished {
    let end = CallEnd {
        ending: Ending::LocalReply,
        outcome: refused.reason.outcome(),
        refused: Some(refused.reason),
        status: refusal::status(dialect, refused),
        usage: Usage { complete: true, ..Usage::default() },
        settled: Some(PicoUsd::ZERO),
        ..blank_end(now)
    };
    Finished { head, end, usage_missing: false }
}

/// The end of a call that went to the provider.
pub(super) fn of_flow(
    head: Rc<CallHead>,
    asked: &RequestFacts,
    flow: Flow,
    snapshot: &Snapshot,
    shared: &impl SharedData,
    end: &StreamEnd,
    now: UnixNanos,
) -> Option<Finished> {
    let Flow { held, response, response_whole, first_token_at, mut tried, stopped, .. } = flow;
    let torn = end.ending(response.is_some(), response_whole);
    // Envoy wrote its end, whoever closed the connection behind that.
    let ending = if stopped.is_some() { Ending::LocalReply } else { torn };
    let status = response.as_ref().map_or(0, ResponseReader::status);
    let readable = response.as_ref().is_some_and(ResponseReader::reads_body);
    let mut facts = response.map(ResponseReader::into_facts).unwrap_or_default();
    if let Some(id) = &facts.background
        && facts.usage.is_some()
        && !background::is_first_told(shared, &head.provider, id)
    {
        (facts.usage, facts.free) = (None, true);
    }
    if facts.background.is_some() && facts.usage.is_none() && ending != Ending::LocalReply {
        // It runs on, and whoever fetches it is told.
        facts.free = true;
    }
    if asked.retrieves && (facts.background.is_none() || facts.usage.is_none()) {
        // Whoever looks at an answer again makes no call.
        return None;
    }
    // The provider was broken off, and bills what it had made.
    let cut_by = if stopped.is_some() { Ending::UpstreamReset } else { torn };
    let cut = Cut { ending: cut_by, status, never_sent: end.never_sent(), readable };
    let known = facts.usage.is_some() || facts.free || asked.free || asked.usage().is_some();
    let usage_missing = !known && ending == Ending::Complete && (200..300).contains(&status);
    let lost = attempts::usage_of_lost(&tried, &head, snapshot);
    let usage = lost.unwrap_or_else(|| usage::of(&head, asked, &mut facts, &snapshot.ratios, &cut));
    attempts::estimate_wasted(&mut tried, &head, snapshot);
    let server = Server::of(&head, tried.iter().find(|attempt| attempt.decides));
    let served = Served {
        server,
        model: facts.model.as_deref(),
        tier: facts.service_tier.as_deref().or(head.request_tier.as_deref()),
        region: facts.region.as_deref().or(server.region),
    };
    let computed = bill::cost(snapshot, &served, &usage, head.started_at);
    let reported = facts.provider_cost.filter(|cost| *cost >= PicoUsd::ZERO);
    let bills = snapshot.provider_cost_bills.contains(server.provider);
    let cost = reported.filter(|_| bills).or(computed);
    let cost = bill::with_waste(snapshot, &head, &tried, cost);
    admission::settle(shared, &held, &usage_with_waste(&usage, &tried).units, cost, now);
    let outcome = match &stopped {
        Some(stopped) => stopped.tell(&mut facts),
        None => outcome::of(&facts, ending, status),
    };
    tell_guard(snapshot, shared, &head, cost, outcome, (&facts, now));
    let end = CallEnd {
        first_token_at,
        outcome,
        response_model: facts.model.take(),
        service_tier: facts.service_tier.take(),
        region: facts.region.take(),
        usage,
        text_bytes: facts.text.bytes,
        provider_cost: reported,
        status,
        response_flags: flag_names(end.flags).into(),
        ending,
        finish_reasons: std::mem::take(&mut facts.finish_reasons),
        error_type: facts.error_type.take().or_else(|| error_of(end, ending, status)),
        cluster: end.cluster.as_deref().map(Into::into),
        upstream: end.upstream.as_deref().map(Into::into),
        attempts: end.attempts.max(u32::try_from(tried.len()).unwrap_or(0)),
        tried,
        settled: cost,
        stopped_by: stopped.map(|stopped| stopped.cap),
        ..blank_end(now)
    };
    Some(Finished { head, end, usage_missing })
}

/// Lets the loop guard count the end of a task's call.
fn tell_guard(
    snapshot: &Snapshot,
    shared: &impl SharedData,
    head: &CallHead,
    cost: Option<PicoUsd>,
    outcome: Outcome,
    (facts, now): (&ResponseFacts, UnixNanos),
) {
    if let (Some(spec), Some(task)) = (&snapshot.loop_guard, head.attribution.name(Dimension::Task)) {
        let cost_pico = cost.map_or(0, |cost| Amount::try_from(cost.pico()).unwrap_or(Amount::MAX));
        let failed = matches!(outcome, Outcome::Error | Outcome::InvalidJson | Outcome::TimedOut);
        let ended = loop_guard::Ended { cost_pico, failed, tool_calls: facts.text.tool_calls() };
        // A guard that cannot count must not stop a call.
        loop_guard::end(shared, spec, task.as_str(), &ended, now).unwrap_or_default();
    }
}

/// How far the answer came.
struct Cut {
    ending: Ending,
    status: u16,
    never_sent: bool,
    readable: bool,
}

/// An end with nothing in it but its time.
pub(crate) fn blank_end(now: UnixNanos) -> CallEnd {
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
        tried: Vec::new(),
        settled: None,
        stopped_by: None,
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
