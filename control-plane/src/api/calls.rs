//! `GET /v1/calls`: the ledger's calls.

use super::{Problem, params::Params};
use crate::{
    app::App,
    ledger::{
        State as CallState,
        calls::{self, Filter, WordColumn},
        view::Call,
    },
};
use axum::{
    Json,
    extract::{Path, State},
};
use protocol::ids::CallId;
use serde::Serialize;
use utoipa::ToSchema;

/// A page of calls, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Calls {
    items: Vec<Call>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// Calls, newest first.
#[utoipa::path(
    get, path = "/v1/calls", tag = "ledger",
    params(
        ("from" = Option<String>, Query, description = "Started then or later: RFC 3339, or a day"),
        ("to" = Option<String>, Query, description = "Started before then"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("customer" = Option<String>, Query, description = "Empty: unattributed. So for all dimensions"),
        ("workspace" = Option<String>, Query), ("user" = Option<String>, Query),
        ("feature" = Option<String>, Query), ("task" = Option<String>, Query),
        ("plan" = Option<String>, Query), ("provider" = Option<String>, Query),
        ("model" = Option<String>, Query, description = "The model that answered, else the one asked for"),
        ("route" = Option<String>, Query), ("outcome" = Option<String>, Query),
        ("refused" = Option<String>, Query, description = "Why it was refused"),
        ("state" = Option<String>, Query, description = "open, finished, orphaned or refused"),
        ("request_id" = Option<String>, Query, description = "The client's or Envoy's own request id"),
    ),
    responses(
        (status = 200, description = "A page of calls", body = Calls),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(State(app): State<App>, params: Params) -> Result<Json<Calls>, Problem> {
    let own = ["from", "to", "limit", "cursor", "state", "request_id"];
    let known: Vec<&str> = own.into_iter().chain(WordColumn::ALL.map(WordColumn::as_str)).collect();
    params.only(&known)?;
    let words = WordColumn::ALL.into_iter();
    let filter = Filter {
        from: params.instant("from")?,
        to: params.instant("to")?,
        words: words.filter_map(|column| Some((column, params.text(column.as_str())?.to_owned()))).collect(),
        state: params.text("state").map(state).transpose()?,
        request_id: params.text("request_id").map(str::to_owned),
        before: params.parsed("cursor")?,
    };
    let limit = params.limit()?;
    let (items, next) = app.store.read(move |connection| calls::list(connection, &filter, limit)).await?;
    Ok(Json(Calls { items, next: next.map(|next| next.to_string()) }))
}

fn state(word: &str) -> Result<CallState, Problem> {
    let states = [CallState::Open, CallState::Finished, CallState::Orphaned, CallState::Refused];
    let found = states.into_iter().find(|state| state.as_str() == word);
    found.ok_or_else(|| {
        Problem::bad_request("parameter `state` is none of: open, finished, orphaned, refused")
    })
}

/// One call with its attempts, rated lines and corrections.
#[utoipa::path(
    get, path = "/v1/calls/{id}", tag = "ledger",
    params(("id" = String, Path, description = "The value of x-bursar-call")),
    responses(
        (status = 200, description = "The call", body = Call),
        (status = 404, description = "No such call", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Call>, Problem> {
    let id: CallId = id.parse().map_err(|error| Problem::bad_request(format!("the call's id {error}")))?;
    let found = app.store.read(move |connection| calls::find(connection, id)).await?;
    found.map(Json).ok_or_else(|| Problem::not_found(format!("there is no call {id}")))
}
