//! `GET /v1/calls`: the ledger's calls.

use super::{
    Problem, list,
    params::{Params, Path},
    tables::{ATTEMPTS, CALL_CAPS, CALLS, CORRECTIONS, LINES},
};
use crate::{
    app::App,
    ledger::{
        calls::{self, Filter},
        view::Call,
    },
};
use axum::{extract::State, response::Response};
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
        ("route" = Option<String>, Query),
        ("outcome" = Option<String>, Query, description = "Here and in the following, several with commas between them"),
        ("refused" = Option<String>, Query, description = "Why it was refused"),
        ("state" = Option<String>, Query,
         description = "open, finished, orphaned or refused; what reports count as calls is finished,orphaned"),
        ("usage_source" = Option<String>, Query, description = "reported, estimated, mixed or none"),
        ("pricing" = Option<String>, Query,
         description = "priced, unpriced or ceiling, as it stands; without a known cost are unpriced,ceiling"),
        ("unpriced_reason" = Option<String>, Query, description = "no_model, no_rate:output, … One only"),
        ("is_retried" = Option<bool>, Query, description = "Whether Envoy tried more than once"),
        ("fallback" = Option<bool>, Query, description = "Whether it was served elsewhere than where it was first sent"),
        ("plan_now" = Option<String>, Query,
         description = "Of customers that the policy in force has on that plan; empty: on none, and calls of nobody"),
        ("utm_source" = Option<String>, Query,
         description = "Of customers that came from there, by the policy in force; empty: from nowhere, and calls of nobody"),
        ("utm_medium" = Option<String>, Query), ("utm_campaign" = Option<String>, Query),
        ("provider_cost" = Option<bool>, Query, description = "Whether the provider said what it costs"),
        ("computed_cost" = Option<bool>, Query, description = "Whether the price table prices it beside the provider's word"),
        ("format" = Option<String>, Query, description = "json (default) or csv"),
        ("request_id" = Option<String>, Query, description = "The client's or Envoy's own request id"),
    ),
    responses(
        (status = 200, description = "A page of calls", body = Calls),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn page(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    let known: Vec<&str> = Filter::parameters().chain(["limit", "format"]).collect();
    params.only(&known)?;
    let filter = Filter::parse(|name| params.text(name), app.rules().policy())
        .map_err(|wrong| Problem::bad_request(wrong.to_string()))?;
    let limit = params.limit()?;
    let (items, next) = app.store.read(move |connection| calls::list(connection, &filter, limit)).await?;
    let page = Calls { items, next: next.map(|next| next.to_string()) };
    list::answer(&params, &CALLS, &page, page.next.as_deref())
}

/// One call with its attempts, rated lines and corrections.
#[utoipa::path(
    get, path = "/v1/calls/{id}", tag = "ledger",
    params(
        ("id" = String, Path, description = "The value of x-bursar-call"),
        ("format" = Option<String>, Query, description = "json (default), or csv: its row in the list of calls"),
    ),
    responses(
        (status = 200, description = "The call", content((Call = "application/json"), (String = "text/csv"))),
        (status = 404, description = "No such call", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["format"])?;
    list::one(&params, &CALLS, &found(&app, &id).await?)
}

/// One of the lists of a call.
#[utoipa::path(
    get, path = "/v1/calls/{id}/{list}", tag = "ledger",
    params(
        ("id" = String, Path, description = "The value of x-bursar-call"),
        ("list" = String, Path, description = "lines, attempts, caps or corrections"),
        ("format" = Option<String>, Query, description = "json (default) or csv"),
    ),
    responses(
        (status = 200, description = "{items, next}: what the call has under that name; next is always null",
         content((Object = "application/json"), (String = "text/csv"))),
        (status = 404, description = "No such call or list", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn within(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["format"])?;
    let call = found(&app, &id).await?;
    match name.as_str() {
        "lines" => list::whole(&params, &LINES, &call.lines),
        "attempts" => list::whole(&params, &ATTEMPTS, &call.attempts),
        "caps" => list::whole(&params, &CALL_CAPS, &call.caps),
        "corrections" => list::whole(&params, &CORRECTIONS, &call.corrections),
        _ => Err(Problem::not_found("the lists of a call are: lines, attempts, caps, corrections")),
    }
}

async fn found(app: &App, id: &str) -> Result<Call, Problem> {
    let id: CallId = id.parse().map_err(|error| Problem::bad_request(format!("the call's id {error}")))?;
    let found = app.store.read(move |connection| calls::find(connection, id)).await?;
    found.ok_or_else(|| Problem::not_found(format!("there is no call {id}")))
}
