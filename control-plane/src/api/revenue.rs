//! `/v1/revenue`: what customers really paid in a period, in the place of their plan's price.

use super::{Problem, body::Body, params::Path};
use crate::{
    app::App,
    instant::Instant,
    ledger::revenue::{self, Putting, Revenue},
    policy::{Period, Policy, plain_usd, span_from},
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
/// Of a customer that the policy does not know any more, a period is a month or a year in UTC from the day on that is said.
#[utoipa::path(
    put, path = "/v1/revenue/{customer}/{period}", tag = "ledger",
    params(
        ("customer" = String, Path, description = "As the policy or a call names it"),
        ("period" = String, Path,
         description = "By the day on which it begins: 2026-11-16; 2026-11 for monthly plans, 2026 for yearly ones"),
    ),
    request_body = Amount,
    responses(
        (status = 200, description = "It stands", body = Taken),
        (status = 404, description = "Neither the policy nor a call names the customer", body = Problem, content_type = "application/problem+json"),
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
    let (period, span) = find(&app, customer.clone(), period).await?;
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
    let known = find(&app, customer.clone(), period.clone()).await.map(|(period, _)| period);
    let period = known.unwrap_or(period);
    let removed = app.store.write(move |write| revenue::remove(write, &customer, &period)).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found(named)) }
}

/// A billing period by the day on which it begins, and its instants.
type Named = (String, (UnixNanos, UnixNanos));

/// The billing period that begins on a day, or in a month or year: of the customer's plan, a month without one.
async fn find(app: &App, customer: String, text: String) -> Result<Named, Problem> {
    let rules = app.rules();
    if rules.policy().customer(&customer).is_some() {
        return of_policy(rules.policy(), &customer, &text);
    }
    let nobody = format!("neither the policy nor a call names the customer `{customer}`");
    let begun = first_day(&text, None).map(|day| day.to_string());
    let read = move |store: &rusqlite::Connection| {
        let is_known = revenue::is_known(store, &customer)?;
        let said = begun.map(|day| revenue::span(store, &customer, &day)).transpose()?.flatten();
        Ok((is_known, said, customer, text))
    };
    match app.store.read(read).await? {
        (false, ..) => Err(Problem::not_found(nobody)),
        (true, said, customer, text) => of_nobody_s_plan(said, &customer, &text),
    }
}

/// Of a customer that has left the policy: what was said stays about its time, else the time is what the text says.
fn of_nobody_s_plan(
    said: Option<(UnixNanos, UnixNanos)>,
    customer: &str,
    text: &str,
) -> Result<Named, Problem> {
    let day = first_day(text, None).ok_or_else(|| wrong(customer, text))?;
    let length = if text.len() == 4 { Period::Year } else { Period::Month };
    let (from, to) = said.unwrap_or_else(|| span_from(day, length));
    if from < to { Ok((day.to_string(), (from, to))) } else { Err(wrong(customer, text)) }
}

fn of_policy(policy: &Policy, customer: &str, text: &str) -> Result<Named, Problem> {
    let period = policy.plan_of(customer).map_or(Period::Month, |(_, plan)| plan.period);
    let wrong = || wrong(customer, text);
    let day = first_day(text, Some(period)).ok_or_else(wrong)?;
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

/// The day that is written, or the first of the month or year, where a period is one.
fn first_day(text: &str, period: Option<Period>) -> Option<Date> {
    let is = |wanted| period.is_none_or(|period| period == wanted);
    let day = match text.len() {
        4 if is(Period::Year) => format!("{text}-01-01"),
        7 if is(Period::Month) => format!("{text}-01"),
        10 => text.to_owned(),
        _ => return None,
    };
    day.parse().ok()
}

fn wrong(customer: &str, text: &str) -> Problem {
    let hint = "write the day on which it begins, or 2026-11 for a monthly plan, or 2026 for a yearly one";
    Problem::faulty::<()>(format!("`{text}` is no billing period of {customer}: {hint}"), &[])
}
