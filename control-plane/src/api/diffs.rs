//! `POST /v1/policy/diffs`: a policy beside one that is or was in force.

use super::{
    Problem,
    body::{Body, rendered},
    params::Params,
    policy::parsed,
    versions::{number, stored},
};
use crate::{app::App, policy_diff, reports::Format};
use axum::{extract::State, response::Response};

/// What a policy says otherwise than the one in force, value by value. Changes nothing. Addresses of destinations end in
/// a digest, in which another address shows.
#[utoipa::path(
    post, path = "/v1/policy/diffs", tag = "policy",
    params(
        ("against" = Option<i64>, Query, description = "The version to compare with; default the one in force"),
        ("format" = Option<String>, Query, description = "json (default), csv, md or table"),
    ),
    request_body(content((Object = "application/yaml"), (Object = "application/json")), description = "The policy"),
    responses(
        (status = 200, description = "A row per value: path, added, changed or removed, before, after",
         content((Object = "application/json"), (String = "text/csv"), (String = "text/markdown"))),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such version", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The policy is faulty", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(State(app): State<App>, params: Params, body: Body) -> Result<Response, Problem> {
    params.only(&["against", "format"])?;
    let format = params.parsed::<Format>("format")?.unwrap_or(Format::Json);
    let old = stored(&app, number(&params, "against")?).await?;
    let report = policy_diff::report(&old.policy, &parsed(&body)?);
    Ok(rendered(&report, format, "policy-diff"))
}
