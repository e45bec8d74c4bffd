//! A call as it is shown: by the API, the console and the command line. Field names are the contract's.

mod attempts;

use super::{
    Pricing,
    calls::Booked,
    names::{self, State},
};
use crate::{
    instant::Instant,
    store::{StoreError, unix, word_text},
};
use protocol::{
    UnixNanos,
    attempt::{Fallback, Server},
    attribution::{Dimension, Source},
    event::{CallEnd, CapAnswer, CapDecision},
    ids::CallId,
    loop_guard::LoopVerdict,
    meters::{Meter, Units},
    money::PicoUsd,
    rating,
};
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub use attempts::Attempt;

/// A call. Money is decimal text in USD or null where it is not known; times are RFC 3339.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the contract's, which explains them")]
pub struct Call {
    #[schema(value_type = String, format = "uuid")]
    pub id: CallId,
    pub request_id: Option<Box<str>>,
    pub task: Option<String>,
    pub customer: Option<String>,
    pub workspace: Option<String>,
    pub user: Option<String>,
    pub feature: Option<String>,
    pub plan: Option<String>,
    #[schema(value_type = Object)]
    pub attribution: BTreeMap<&'static str, Source>,
    pub provider: Box<str>,
    pub dialect: Box<str>,
    pub operation: Box<str>,
    pub route: Option<Box<str>>,
    pub original_route: Option<Box<str>>,
    /// Whether it was served elsewhere than where it was first sent.
    pub fallback: bool,
    /// `application`, or why Envoy's next attempt went elsewhere: status_503, per_try_timeout, connect_failure, reset, hedged.
    pub fallback_reason: Option<String>,
    /// Where Envoy sent it first, where it was served elsewhere.
    pub original_provider: Option<Box<str>>,
    pub original_model: Option<Box<str>>,
    pub request_model: Option<Box<str>>,
    /// The model that the request was made to name instead, where a cap had no room for that one.
    pub downgraded_model: Option<Box<str>>,
    /// The model that the first target of its route was asked for instead of that one.
    pub routed_model: Option<Box<str>>,
    pub response_model: Option<Box<str>>,
    pub service_tier: Option<Box<str>>,
    /// Where it was served, else where it was sent.
    pub region: Option<Box<str>>,
    pub stream: bool,
    #[schema(value_type = Object)]
    pub tokens: Units,
    /// Tokens of the prompts of all its attempts, those that were lost too: what reports count.
    pub tokens_in: u64,
    /// Tokens that all of them generated.
    pub tokens_out: u64,
    pub usage_source: Option<String>,
    pub usage_complete: bool,
    #[schema(value_type = Option<String>)]
    pub cost_usd: Option<PicoUsd>,
    #[schema(value_type = Option<String>)]
    pub provider_cost_usd: Option<PicoUsd>,
    /// As it was booked, before any re-rating.
    #[schema(value_type = Option<String>)]
    pub original_cost_usd: Option<PicoUsd>,
    /// At list prices: what it would cost without contracts and discounts.
    #[schema(value_type = Option<String>)]
    pub list_cost_usd: Option<PicoUsd>,
    /// What the price table says, where the provider says something too.
    #[schema(value_type = Option<String>)]
    pub computed_cost_usd: Option<PicoUsd>,
    pub pricing: Option<&'static str>,
    /// Which rule found the prices when it was booked: served_model, served_alias, served_prefix, requested_model,
    /// requested_alias or requested_prefix.
    pub price_match: Option<&'static str>,
    pub unpriced_reason: Option<String>,
    pub lines: Vec<Line>,
    #[schema(value_type = Option<String>)]
    pub hold_usd: Option<PicoUsd>,
    #[schema(value_type = Option<String>)]
    pub settled_usd: Option<PicoUsd>,
    pub cap: Option<Cap>,
    pub caps: Vec<Cap>,
    /// What the loop guard said, where it said anything: the rule (identical_requests, identical_tool_calls,
    /// calls_per_minute, calls, cost, consecutive_failures) and the action (refuse, throttle, warn, shadow).
    #[schema(value_type = Option<Object>)]
    pub loop_guard: Option<LoopVerdict>,
    pub attempts: Vec<Attempt>,
    pub status: Option<u16>,
    pub response_flags: Option<Box<str>>,
    pub ending: Option<String>,
    pub outcome: Option<&'static str>,
    pub refused: Option<&'static str>,
    pub finish_reasons: Vec<Box<str>>,
    pub error_type: Option<Box<str>>,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Instant,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_token_at: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Instant>,
    pub latency_ms: Option<u64>,
    pub time_to_first_token_ms: Option<u64>,
    pub state: &'static str,
    /// What was booked otherwise than first; only where one call is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<Correction>,
}

/// The price arithmetic of one meter.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the contract's, which explains them")]
pub struct Line {
    #[schema(value_type = String)]
    pub meter: Meter,
    pub units: u64,
    /// What one of them is: token, search, second, character, image, page, request.
    pub unit: &'static str,
    /// Per million units, whatever the unit is.
    pub rate_usd_per_mtok: String,
    /// Per unit.
    pub rate_usd: String,
    #[schema(value_type = String)]
    pub cost_usd: PicoUsd,
    /// The price row, as `/v1/prices` shows it; null where the provider's own word bills.
    pub price: Option<u64>,
    /// What the provider lists, per unit.
    pub list_rate_usd: String,
    #[schema(value_type = String)]
    pub list_cost_usd: PicoUsd,
    /// The policy's discount that was taken off the list rate.
    pub discount: Option<Box<str>>,
    /// The wasted attempt that it is of; null for what the call itself used.
    pub attempt: Option<u32>,
}

/// What a cap said of a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Cap {
    /// The cap's name in the policy.
    pub name: Box<str>,
    /// Name and unit.
    pub id: Box<str>,
    /// The key of the count.
    pub subject: Box<str>,
    /// held, refused, shadow_refused, downgraded, stopped or allowed_unreachable.
    #[schema(value_type = String)]
    pub decision: CapAnswer,
}

/// Something that was booked otherwise than first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Correction {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Instant,
    /// late_end: the call ended after it had been closed as orphaned. rerate: it was rated anew.
    pub cause: String,
    /// The cost before; null where it was not known.
    #[schema(value_type = Option<String>)]
    pub before_usd: Option<PicoUsd>,
    /// The cost since.
    #[schema(value_type = Option<String>)]
    pub after_usd: Option<PicoUsd>,
}

impl Call {
    #[expect(clippy::too_many_lines, reason = "a field a line")]
    pub(super) fn of(connection: &Connection, booked: Booked) -> Result<Self, StoreError> {
        let word = |id| word_text(connection, id);
        let Booked { state, head, end, lines, plan, ending, usage_source, unpriced, .. } = &booked;
        let name = |dimension| head.attribution.name(dimension).map(ToString::to_string);
        let slots = Dimension::ALL.into_iter().filter_map(|dimension| {
            Some((dimension.as_str(), head.attribution.slot(dimension).as_ref()?.from))
        });
        let cost_usd = booked.cost_pico.map(money);
        let end_ref = end.as_ref();
        let stopped_by = end_ref.and_then(|end| end.stopped_by.as_deref());
        let caps: Vec<Cap> = head.caps.iter().map(|decision| cap(decision, stopped_by)).collect();
        let first_token_at = end_ref.and_then(|end| end.first_token_at);
        let server = Server::of(head, end_ref.and_then(CallEnd::deciding));
        let fallback = Fallback::of(head, end_ref);
        let original = fallback.and_then(|fallback| fallback.original);
        Ok(Self {
            id: head.id,
            request_id: head.request_id.clone(),
            task: name(Dimension::Task),
            customer: name(Dimension::Customer),
            workspace: name(Dimension::Workspace),
            user: name(Dimension::User),
            feature: name(Dimension::Feature),
            plan: word(*plan)?,
            attribution: slots.collect(),
            provider: server.provider.into(),
            dialect: head.dialect.clone(),
            operation: head.operation.clone(),
            route: head.route.clone(),
            original_route: head.original_route.clone(),
            fallback: fallback.is_some(),
            fallback_reason: fallback.map(|fallback| fallback.reason.into()),
            original_provider: original.map(|original| original.provider.into()),
            original_model: original.and_then(|original| original.model).map(Into::into),
            request_model: head.request_model.clone(),
            downgraded_model: head.downgraded_to.clone(),
            routed_model: head.routed_to.clone(),
            response_model: end_ref.and_then(|end| end.response_model.clone()),
            service_tier: end_ref
                .and_then(|end| end.service_tier.clone())
                .or_else(|| head.request_tier.clone()),
            region: end_ref.and_then(|end| end.region.clone()).or(server.region.map(Into::into)),
            stream: head.stream,
            tokens: tokens(&booked),
            tokens_in: unix(booked.tokens_in),
            tokens_out: unix(booked.tokens_out),
            usage_source: word(*usage_source)?,
            usage_complete: end_ref.is_some_and(|end| end.usage.complete),
            cost_usd,
            provider_cost_usd: end_ref.and_then(|end| end.provider_cost),
            original_cost_usd: booked.original_pico.map(money),
            list_cost_usd: cost_usd.and_then(|cost| match &**lines {
                [] => Some(cost),
                lines => rating::list_cost(lines),
            }),
            computed_cost_usd: booked.computed_pico.map(money),
            pricing: booked.pricing.map(Pricing::name_of),
            price_match: booked.matched.and_then(names::matched),
            unpriced_reason: word(*unpriced)?,
            lines: lines.iter().map(line).collect(),
            hold_usd: head.hold,
            settled_usd: booked.settled_pico.map(money),
            cap: tightest(&caps).cloned(),
            caps,
            loop_guard: head.loop_guard,
            attempts: attempts::of(&booked),
            status: end_ref.map(|end| end.status),
            response_flags: end_ref.map(|end| end.response_flags.clone()),
            ending: word(*ending)?,
            outcome: end_ref.map(|end| names::outcome(end.outcome)),
            refused: end_ref.and_then(|end| end.refused).map(protocol::event::Refusal::as_str),
            finish_reasons: end_ref.map(|end| end.finish_reasons.clone()).unwrap_or_default(),
            error_type: end_ref.and_then(|end| end.error_type.clone()),
            started_at: Instant(head.started_at),
            first_token_at: first_token_at.map(Instant),
            finished_at: booked.finished_at.map(Instant),
            // How long an orphan took is not known: it was closed when somebody looked.
            latency_ms: end_ref.map(|end| milliseconds(head.started_at, end.finished_at)),
            time_to_first_token_ms: first_token_at.map(|at| milliseconds(head.started_at, at)),
            state: state.as_str(),
            corrections: Vec::new(),
        })
    }
}

pub(super) fn corrections(connection: &Connection, id: CallId) -> Result<Vec<Correction>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, cause, before_pico, after_pico FROM corrections WHERE call = ?1 ORDER BY id",
    )?;
    let rows = statement.query_map([id.as_bytes()], |row| {
        Ok(Correction {
            at: Instant(unix(row.get(0)?)),
            cause: row.get(1)?,
            before_usd: row.get::<_, Option<i64>>(2)?.map(money),
            after_usd: row.get::<_, Option<i64>>(3)?.map(money),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn money(pico: i64) -> PicoUsd {
    PicoUsd::new(i128::from(pico))
}

fn milliseconds(from: UnixNanos, to: UnixNanos) -> u64 {
    to.saturating_sub(from) / 1_000_000
}

fn tokens(booked: &Booked) -> Units {
    match &booked.end {
        Some(end) => end.usage.units.clone(),
        None if booked.state == State::Orphaned && booked.tokens_in > 0 => {
            Units::from([(Meter::Input, unix(booked.tokens_in))])
        }
        None => Units::new(),
    }
}

fn line(line: &rating::Line) -> Line {
    let rating::Line { meter, units, rate, cost, price, list, discount, attempt } = line;
    let list_cost = line.list_cost().unwrap_or(*cost);
    Line {
        meter: *meter,
        units: *units,
        unit: meter.unit(),
        rate_usd_per_mtok: rate.usd_per_mtok(),
        rate_usd: rate.usd_per_unit(),
        cost_usd: *cost,
        // The provider's own word has no row.
        price: (*price != 0).then_some(*price),
        list_rate_usd: list.map_or(*rate, |list| list.rate).usd_per_unit(),
        list_cost_usd: list_cost,
        discount: discount.clone(),
        attempt: *attempt,
    }
}

fn cap(decision: &CapDecision, stopped_by: Option<&str>) -> Cap {
    let name = decision.cap.rsplit_once('/').map_or(&*decision.cap, |(name, _)| name);
    Cap {
        name: name.into(),
        id: decision.cap.clone(),
        subject: decision.subject.clone(),
        decision: if stopped_by == Some(&*decision.cap) { CapAnswer::Stopped } else { decision.decision },
    }
}

/// The decision that says most: a refusal, then what would have been one, then what nobody could say.
fn tightest(caps: &[Cap]) -> Option<&Cap> {
    let weight = |cap: &&Cap| match cap.decision {
        CapAnswer::Refused | CapAnswer::Stopped => 0,
        CapAnswer::ShadowRefused => 1,
        CapAnswer::Downgraded => 2,
        CapAnswer::AllowedUnreachable => 3,
        CapAnswer::Held => 4,
    };
    caps.iter().min_by_key(weight)
}
