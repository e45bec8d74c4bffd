//! `POST /v1/policy/replays`: a policy over the calls that the ledger has.

use super::{
    Problem,
    body::{Body, rendered},
    params::Params,
    policy::parsed,
};
use crate::{
    app::App,
    instant::Ago,
    replay::{ReplayError, replay},
    reports::{Format, Range},
};
use axum::{extract::State, response::Response};
use protocol::UnixNanos;

/// What a policy would have refused of the calls that the ledger has, and what they had cost. Changes nothing.
#[utoipa::path(
    post, path = "/v1/policy/replays", tag = "policy",
    params(
        ("since" = Option<String>, Query,
         description = "Calls that started then or later: `7d` (also h and w) before now, RFC 3339, or a day; default 7d"),
        ("until" = Option<String>, Query, description = "Calls that started before then; default now"),
        ("format" = Option<String>, Query, description = "json (default), csv, md or table"),
    ),
    request_body(content((Object = "application/yaml"), (Object = "application/json")), description = "The policy"),
    responses(
        (status = 200, description = "What it would have refused: in all, by cap, by subject",
         content((Object = "application/json"), (String = "text/csv"), (String = "text/markdown"))),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Faulty, or about more subjects than are counted", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(State(app): State<App>, params: Params, body: Body) -> Result<Response, Problem> {
    params.only(&["since", "until", "format"])?;
    let format = params.parsed::<Format>("format")?.unwrap_or(Format::Json);
    let now = app.clock.now();
    let instant =
        |name, default| Ok::<UnixNanos, Problem>(params.parsed::<Ago>(name)?.unwrap_or(default).before(now));
    let range = Range { from: instant("since", Ago::WEEK)?, to: instant("until", Ago::NOW)? };
    if range.from >= range.to {
        return Err(Problem::bad_request("parameter `since` does not lie before `until`"));
    }
    let report = replay(&app.store, parsed(&body)?, range).await.map_err(|error| match error {
        ReplayError::Store(error) => error.into(),
        ReplayError::TooMuch => Problem::faulty::<()>(error, &[]),
    })?;
    Ok(rendered(&report, format, "policy-replay"))
}
