//! What can be known of an event before the store is asked: whether it makes sense, its fingerprints, its cost, its
//! caps. Done on the request's thread, so that the one writer has only to write.

pub(super) mod texts;

use super::{
    State,
    charge::{self, Charge},
    hash::fingerprint,
    lines::WastedAt,
    names,
    rating::{self, Verdict},
    requests::Requests,
    text::Told,
    unpriced,
    waste::{Cause, Waste},
};
use crate::rules::Rules;
use protocol::{
    UnixNanos,
    attempt::{Attempt, Server},
    codec,
    event::{CallEnd, CallHead, UsageEvent},
    ids::CallId,
    meters::{Side, Units, UsageSource},
    money::PicoUsd,
    outcome::TaskReport,
};

/// An event, ready to be booked.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Of a call.
    Call(Box<Booking>),
    /// What a task was worth.
    Outcome(TaskReport),
}

/// A call, ready to be booked.
#[derive(Clone, Debug)]
pub struct Booking {
    /// The call.
    pub head: CallHead,
    /// The head as the store keeps it.
    pub head_bytes: Vec<u8>,
    /// By which a repeat is known.
    pub head_hash: i64,
    /// The customer's plan.
    pub plan: Option<Box<str>>,
    /// What it does to caps; nothing where it was refused.
    pub charges: Vec<Charge>,
    /// The end, when the event tells it.
    pub end: Option<Ended>,
}

impl Booking {
    /// The call's id.
    pub fn id(&self) -> CallId {
        self.head.id
    }
}

/// The end of a call as it is booked.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Finished, orphaned or refused.
    pub state: State,
    /// When.
    pub finished_at: UnixNanos,
    /// When the first generated token arrived.
    pub first_token_at: Option<UnixNanos>,
    /// The end as the store keeps it; none where nobody told it.
    pub bytes: Option<Vec<u8>>,
    /// By which a repeat is known.
    pub hash: Option<i64>,
    /// Who served it, where that is another than its head says.
    pub provider: Option<Box<str>>,
    /// The model that answered, else the one asked for.
    pub model: Option<Box<str>>,
    /// How often Envoy tried.
    pub attempts: i64,
    /// Where the wasted attempts went.
    pub wasted: Vec<WastedAt>,
    /// What the client saw.
    pub status: Option<u16>,
    /// How it ended.
    pub ending: &'static str,
    /// What it was worth; none where nobody knows.
    pub outcome: Option<&'static str>,
    /// Whether that counts among the errors.
    pub is_error: bool,
    /// Why it was refused.
    pub refused: Option<&'static str>,
    /// Where the units come from.
    pub usage_source: UsageSource,
    /// All prompt tokens.
    pub tokens_in: i64,
    /// All generated tokens.
    pub tokens_out: i64,
    /// What it used, for caps in tokens.
    pub units: Units,
    /// Of these, beside tokens of prompt and answer, where the cost is not known.
    pub others: Units,
    /// What its requests used, each by itself.
    pub requests: Requests,
    /// The service tier and the region by which it was rated.
    pub tier: Option<Box<str>>,
    /// See `tier`.
    pub region: Option<Box<str>>,
    /// The cost.
    pub verdict: Verdict,
    /// What it tells of the model's text.
    pub told: Told,
}

impl Ended {
    /// Whether some units are estimates.
    pub fn is_estimated(&self) -> bool {
        matches!(self.usage_source, UsageSource::Estimated | UsageSource::Mixed)
    }

    /// What of its cost was for nothing.
    pub(super) fn waste(&self) -> Waste {
        let Verdict { wasted, fallback, premium, .. } = self.verdict;
        Waste {
            wasted_pico: wasted,
            cause: Cause::of(self.outcome),
            fallback,
            premium_pico: premium,
            retries: self.attempts.saturating_sub(1).max(0),
        }
    }

    /// The word for where the units come from.
    pub fn usage_source(&self) -> &'static str {
        names::usage_source(self.usage_source)
    }
}

/// A trillion. No call counts more of anything, bytes included, and sums of such counts stay far from the end of i64.
const UNITS_MAX: u64 = 1 << 40;
/// More than a filter tells.
const ATTEMPTS_MAX: usize = 64;
/// A clock may run ahead by an hour; more would put calls into windows and reports of another day.
const AHEAD_MAX_NS: u64 = 3_600_000_000_000;

/// Prepares an event, or says what is wrong with it.
pub fn prepare(event: UsageEvent, rules: &Rules, now: UnixNanos) -> Result<Entry, String> {
    let (mut head, mut end) = match event {
        UsageEvent::Started { head } => (head, None),
        UsageEvent::Finished { head, end } => (head, Some(end)),
        UsageEvent::Outcome { mut report } => {
            check_instant("outcome.at", report.at, now)?;
            texts::of_reason(report.reason.as_mut())?;
            return Ok(Entry::Outcome(report));
        }
    };
    texts::of_head(&mut head)?;
    end.as_deref_mut().map_or(Ok(()), texts::of_end)?;
    prepare_call(head, end, rules, now).map(Box::new).map(Entry::Call)
}

fn prepare_call(
    head: CallHead,
    end: Option<Box<CallEnd>>,
    rules: &Rules,
    now: UnixNanos,
) -> Result<Booking, String> {
    check_head(&head, now)?;
    let head_bytes = codec::encode(&head).map_err(|error| error.to_string())?;
    let refused = end.as_ref().is_some_and(|end| end.refused.is_some());
    let ended = end.map(|end| prepare_end(&head, &end, rules, now)).transpose()?;
    Ok(Booking {
        head_hash: fingerprint(&head_bytes),
        head_bytes,
        plan: rules
            .plan_of(head.attribution.customer.as_ref().map(|customer| &customer.value))
            .map(Into::into),
        charges: if refused { Vec::new() } else { charge::charges(&head, rules) },
        end: ended,
        head,
    })
}

fn prepare_end(head: &CallHead, end: &CallEnd, rules: &Rules, now: UnixNanos) -> Result<Ended, String> {
    check_end(end, now)?;
    let bytes = codec::encode(end).map_err(|error| error.to_string())?;
    let server = Server::of(head, end.deciding());
    let model = end.response_model.clone().or_else(|| server.model.map(Into::into));
    let usage = end.usage_with_waste();
    let state = if end.refused.is_some() { State::Refused } else { State::Finished };
    Ok(Ended {
        state,
        finished_at: end.finished_at,
        first_token_at: end.first_token_at,
        hash: Some(fingerprint(&bytes)),
        bytes: Some(bytes),
        provider: (*server.provider != *head.provider).then(|| server.provider.into()),
        model,
        attempts: i64::from(end.attempts),
        wasted: WastedAt::all(head, end),
        status: Some(end.status),
        ending: names::ending(end.ending),
        outcome: Some(names::outcome(end.outcome)),
        is_error: names::is_error(end.outcome),
        refused: end.refused.map(protocol::event::Refusal::as_str),
        usage_source: usage.source(),
        tokens_in: count(usage.tokens(Side::Prompt)),
        tokens_out: count(usage.tokens(Side::Generated)),
        units: usage.units.clone(),
        others: unpriced::others(end),
        requests: Requests::of_end(end),
        tier: end.service_tier.clone().or_else(|| head.request_tier.clone()),
        region: end.region.clone().or_else(|| server.region.map(Into::into)),
        verdict: rating::rate_end(head, end, rules),
        told: Told::by(end),
    })
}

/// The end that the control plane gives to a call of which nobody ever said how it ended.
pub(super) fn orphaned(head: &CallHead, rules: &Rules, now: UnixNanos) -> Ended {
    let usage = rating::orphan_usage(head);
    let verdict = rating::rate_orphan(head, rules);
    Ended {
        state: State::Orphaned,
        finished_at: now,
        first_token_at: None,
        bytes: None,
        hash: None,
        provider: None,
        model: head.model().map(Into::into),
        attempts: 0,
        wasted: Vec::new(),
        status: None,
        ending: names::ending(protocol::event::Ending::Orphaned),
        outcome: None,
        is_error: false,
        refused: None,
        // Also where not even the input is known: what is booked is an estimate then too, of nothing.
        usage_source: UsageSource::Estimated,
        tokens_in: count(usage.tokens(Side::Prompt)),
        tokens_out: 0,
        units: usage.units,
        others: Units::new(),
        requests: Requests::of_orphan(head),
        tier: head.request_tier.clone(),
        region: head.region.clone(),
        verdict,
        told: Told::default(),
    }
}

fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

fn check_head(head: &CallHead, now: UnixNanos) -> Result<(), String> {
    check_instant("started_at", head.started_at, now)?;
    check_money("hold", head.hold)?;
    check_money("hold_input", head.hold_input)?;
    let counts = [head.input_tokens_estimate, head.output_tokens_max.unwrap_or(0)];
    if counts.iter().any(|count| *count > UNITS_MAX) {
        return Err(format!("a token estimate or limit is above {UNITS_MAX}"));
    }
    check_bytes("request_text_bytes", head.request_text_bytes.unwrap_or(0))
}

fn check_end(end: &CallEnd, now: UnixNanos) -> Result<(), String> {
    check_instant("end.finished_at", end.finished_at, now)?;
    if let Some(at) = end.first_token_at {
        check_instant("end.first_token_at", at, now)?;
    }
    check_money("end.settled", end.settled)?;
    check_money("end.provider_cost", end.provider_cost)?;
    check_bytes("end.text_bytes", end.text_bytes)?;
    match end.usage.units.iter().find(|(_, units)| **units > UNITS_MAX) {
        Some((meter, _)) => Err(format!("end.usage.units.{meter} is above {UNITS_MAX}")),
        None => check_tried(&end.tried),
    }
}

fn check_tried(tried: &[Attempt]) -> Result<(), String> {
    if tried.len() > ATTEMPTS_MAX {
        return Err(format!("end.tried has more than {ATTEMPTS_MAX} attempts"));
    }
    for attempt in tried {
        let units = attempt.usage.iter().flat_map(|usage| &usage.units);
        if let Some((meter, _)) = units.into_iter().find(|(_, units)| **units > UNITS_MAX) {
            return Err(format!("end.tried.usage.units.{meter} is above {UNITS_MAX}"));
        }
    }
    Ok(())
}

fn check_bytes(field: &str, bytes: u64) -> Result<(), String> {
    if bytes > UNITS_MAX { Err(format!("{field} is above {UNITS_MAX}")) } else { Ok(()) }
}

fn check_instant(field: &str, at: UnixNanos, now: UnixNanos) -> Result<(), String> {
    match at {
        0 => Err(format!("{field} is absent or 0")),
        at if at > now.saturating_add(AHEAD_MAX_NS) => Err(format!("{field} is more than an hour ahead")),
        _ => Ok(()),
    }
}

fn check_money(field: &str, amount: Option<PicoUsd>) -> Result<(), String> {
    match amount {
        Some(amount) if amount < PicoUsd::ZERO => Err(format!("{field} is negative")),
        Some(amount) if i64::try_from(amount.pico()).is_err() => Err(format!("{field} is too large")),
        _ => Ok(()),
    }
}
