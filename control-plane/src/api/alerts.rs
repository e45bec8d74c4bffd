//! `/v1/alerts`: what was raised and whether it arrived; and a test of a destination.

use super::{
    Problem, list,
    params::{Params, Path},
    tables::{ALERTS, DELIVERIES},
};
use crate::{
    alerts::{self, Alert, Filter, Kind, Resent, Sent, SentPosition, State as AlertState, Tested},
    app::App,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A page of alerts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alerts {
    items: Vec<Alert>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// Alerts, newest first, each with its deliveries.
#[utoipa::path(
    get, path = "/v1/alerts", tag = "alerts",
    params(
        ("from" = Option<String>, Query, description = "Raised then or later: RFC 3339, or a day"),
        ("to" = Option<String>, Query, description = "Raised before then"),
        ("kind" = Option<String>, Query, description = "margin_reached, margin_projected, cap, abnormal_spend, \
            unpriced, stale_prices or unreachable_node"),
        ("customer" = Option<String>, Query, description = "Only those of that customer"),
        ("state" = Option<String>, Query, description = "standing, resolved or seeded"),
        ("format" = Option<String>, Query, description = "json (default) or csv"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of alerts", body = Alerts),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn page(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    params.only(&["from", "to", "kind", "customer", "state", "limit", "cursor", "format"])?;
    let kind = |word: &str| {
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        let unknown = format!("parameter `kind` is none of: {kinds}");
        Kind::parse(word).ok_or_else(|| Problem::bad_request(unknown))
    };
    let state = |word: &str| {
        let unknown = "parameter `state` is none of: standing, resolved, seeded";
        AlertState::parse(word).ok_or_else(|| Problem::bad_request(unknown))
    };
    let filter = Filter {
        from: params.instant("from")?,
        to: params.instant("to")?,
        kind: params.text("kind").map(kind).transpose()?,
        customer: params.text("customer").map(str::to_owned),
        state: params.text("state").map(state).transpose()?,
        before: params.parsed("cursor")?,
    };
    let limit = params.limit()?;
    let (items, next) = app.store.read(move |store| alerts::list(store, &filter, limit)).await?;
    let page = Alerts { items, next: next.map(|next| next.to_string()) };
    list::answer(&params, &ALERTS, &page, page.next.as_deref())
}

/// A page of messages on their way, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Deliveries {
    items: Vec<Sent>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// What was sent or waits to be, of alerts and reports: a message and a destination each, the newest message first.
#[utoipa::path(
    get, path = "/v1/deliveries", tag = "alerts",
    params(
        ("format" = Option<String>, Query, description = "json (default) or csv"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of deliveries", body = Deliveries),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn deliveries(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    params.only(&["limit", "cursor", "format"])?;
    let (after, limit) = (params.parsed::<SentPosition>("cursor")?, params.limit()?);
    let (items, next) = app.store.read(move |store| alerts::sent(store, after.as_ref(), limit)).await?;
    let page = Deliveries { items, next: next.map(|next| next.to_string()) };
    list::answer(&params, &DELIVERIES, &page, page.next.as_deref())
}

/// Where a message is on its way again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Again {
    /// Destinations, by their names in the policy.
    queued: Vec<String>,
}

/// Sends the message of an alert again: where it is dead, or to destinations that were not named then; where there
/// are none, everywhere. Its `webhook-id` stays.
#[utoipa::path(
    post, path = "/v1/alerts/{id}/resend", tag = "alerts",
    params(("id" = i64, Path, description = "The alert's id")),
    responses(
        (status = 202, description = "On its way", body = Again),
        (status = 404, description = "No such alert", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is nothing to send, or nowhere to send it", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn resend(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Again>), Problem> {
    let id: i64 = id.parse().map_err(|error| Problem::bad_request(format!("the alert's id: {error}")))?;
    match alerts::resend(&app, id).await? {
        Resent::Queued(queued) => Ok((StatusCode::ACCEPTED, Json(Again { queued }))),
        Resent::NoSuchAlert => Err(Problem::not_found(format!("there is no alert {id}"))),
        Resent::NeverSent => Err(Problem::conflict("the alert was seeded: there is no message of it")),
        Resent::Nowhere => Err(Problem::conflict("the policy names no destination in `alerts.to`")),
    }
}

/// What a destination answered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer {
    /// Whether it took the message.
    delivered: bool,
    /// Its HTTP status; null where it did not answer.
    status: Option<u16>,
    /// What went wrong.
    error: Option<String>,
    /// Whether the message was signed.
    signed: bool,
}

/// Sends a test message to a destination, once and now.
#[utoipa::path(
    post, path = "/v1/destinations/{name}/test", tag = "alerts",
    params(("name" = String, Path, description = "Its name in the policy")),
    responses(
        (status = 200, description = "What it answered, if it did", body = Answer),
        (status = 404, description = "The policy has no such destination", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn test(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Answer>, Problem> {
    let tested = alerts::test(&app, &name).await;
    let missing = || Problem::not_found(format!("the policy has no destination `{name}`"));
    let Tested { status, error, signed } = tested.ok_or_else(missing)?;
    Ok(Json(Answer { delivered: error.is_none(), status, error, signed }))
}

#[cfg(test)]
mod tests;
