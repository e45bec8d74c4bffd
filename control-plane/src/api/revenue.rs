//! `/v1/revenue`: what customers really paid in a period, in the place of their plan's price.

use super::{Problem, body::Body, params::Path};
use crate::{
    app::App,
    instant::Instant,
    ledger::revenue::{self, Putting, Revenue},
    policy::{Period, Policy, plain_usd},
};
use axum::{Json, extract::State, http::StatusCode};
use jiff::{civil::Date, tz::TimeZone};
use protocol::{UnixNanos, money::PicoUsd};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

/// What was paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Amount {
    /// In USD; negative where more was paid back.
    #[serde(deserialize_with = "plain_amount")]
    #[schema(value_type = String)]
    amount_usd: PicoUsd,
}

fn plain_amount<'a, D: Deserializer<'a>>(deserializer: D) -> Result<PicoUsd, D::Error> {
    let text = String::deserialize(deserializer)?;
    plain_usd(&text).map_err(|error| D::Error::custom(format!("`{text}` {error}")))
}

/// What was paid, and the time that it is for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Taken {
    customer: String,
    period: String,
    #[schema(value_type = String, format = DateTime)]
    from: Instant,
    #[schema(value_type = String, format = DateTime)]
    to: Instant,
    #[schema(value_type = String)]
    amount_usd: PicoUsd,
}

/// Says what a customer really paid in a billing period. It holds in the place of the plan's price; the last word stands.
#[utoipa::path(
    put, path = "/v1/revenue/{customer}/{period}", tag = "ledger",
    params(
        ("customer" = String, Path, description = "As the policy names it"),
        ("period" = String, Path,
         description = "By the day on which it begins: 2026-11-16; 2026-11 for monthly plans, 2026 for yearly ones"),
    ),
    request_body = Amount,
    responses(
        (status = 200, description = "It stands", body = Taken),
        (status = 404, description = "No such customer on a plan", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Overlaps another period", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not a period of the customer's plan, or not an amount", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    State(app): State<App>,
    Path((customer, period)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Taken>, Problem> {
    let Amount { amount_usd: amount } = body.object("the revenue, such as {\"amount_usd\": \"49.00\"}")?;
    let (period, span) = span(app.rules().policy(), &customer, &period)?;
    let revenue = Revenue { customer, period, span, amount };
    let (said, now) = (revenue.clone(), app.clock.now());
    match app.store.write(move |write| revenue::put(write, &said, now)).await? {
        Putting::Taken => {
            let Revenue { customer, period, span: (from, to), amount: amount_usd } = revenue;
            Ok(Json(Taken { customer, period, from: Instant(from), to: Instant(to), amount_usd }))
        }
        Putting::Overlaps(other) => Err(Problem::conflict(format!(
            "the period overlaps `{other}`, for which something was said; take that back first"
        ))),
        Putting::TooLarge => Err(Problem::faulty::<()>("amount_usd is too large", &[])),
    }
}

/// Takes back what was said of a period; the plan's price holds again.
#[utoipa::path(
    delete, path = "/v1/revenue/{customer}/{period}", tag = "ledger",
    params(("customer" = String, Path), ("period" = String, Path)),
    responses(
        (status = 204, description = "Taken back"),
        (status = 404, description = "Nothing was said of it", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    State(app): State<App>,
    Path((customer, period)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let named = format!("nothing was said of {customer} in {period}");
    let known = span(app.rules().policy(), &customer, &period).map(|(period, _)| period);
    let period = known.unwrap_or(period);
    let removed = app.store.write(move |write| revenue::remove(write, &customer, &period)).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found(named)) }
}

/// The billing period that begins on a day, or in a month or year: that day, and its instants.
fn span(policy: &Policy, customer: &str, text: &str) -> Result<(String, (UnixNanos, UnixNanos)), Problem> {
    let Some((_, plan)) = policy.plan_of(customer) else {
        return Err(Problem::not_found(format!("the policy has no customer `{customer}` on a plan")));
    };
    let is_named_by = match (text.len(), plan.period) {
        (4, Period::Year) => "year",
        (7, Period::Month) => "month",
        (10, _) => "day",
        _ => "",
    };
    let first = match is_named_by {
        "year" => format!("{text}-01-01"),
        "month" => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let wrong = || {
        let hint =
            "write the day on which it begins, or 2026-11 for a monthly plan, or 2026 for a yearly one";
        Problem::faulty::<()>(format!("`{text}` is no billing period of {customer}: {hint}"), &[])
    };
    let day: Date = first.parse().ok().filter(|_| !is_named_by.is_empty()).ok_or_else(wrong)?;
    let noon = TimeZone::UTC.to_timestamp(day.at(12, 0, 0, 0)).map_err(|_| wrong())?;
    let mut at = u64::try_from(noon.as_nanosecond()).map_err(|_| wrong())?;
    // The period that is under way then, or the one after it.
    for _ in 0..2 {
        let (from, to) = policy.period_of(customer, at);
        let begins = policy.local_day(customer, from).to_string();
        if begins.starts_with(text) {
            return Ok((begins, (from, to)));
        }
        at = to;
    }
    Err(wrong())
}
