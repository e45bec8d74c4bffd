//! `/v1/policy`: the policy in force, and another one in its place.

use super::{Problem, body::Body, params::Params};
use crate::{
    app::App,
    instant::Instant,
    policy::{self, Policy},
    store::policies::StoredPolicy,
    watch::Refused,
};
use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The policy in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InForce {
    /// Counts up; 0: no policy was ever put in force.
    version: i64,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Instant>,
    /// What it says; its schema is what `bursar policy schema` prints. Addresses of destinations end in a digest, and
    /// stand for what they were when they are put back so.
    #[schema(value_type = Object)]
    policy: Value,
    /// Why the last change of the file that `bursar serve --policy` watches was not taken; null where it was, or where
    /// none is watched.
    refused: Option<Refused>,
    /// Set where nothing was put in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
}

fn in_force(app: &App, stored: &StoredPolicy, dry_run: bool) -> Result<Json<InForce>, Problem> {
    let policy = serde_json::to_value(stored.policy.masked()).map_err(Problem::internal)?;
    let since = (stored.version > 0).then_some(Instant(stored.at));
    let refused = app.last_change.refused().map(|refused| (*refused).clone());
    Ok(Json(InForce { version: stored.version, since, policy, refused, dry_run: dry_run.then_some(true) }))
}

/// A policy that somebody sent, or every fault in it.
pub(super) fn parsed(body: &Body) -> Result<Policy, Problem> {
    // JSON is YAML, so one reader takes both.
    policy::parse(body.text()?, "policy").map_err(|faults| {
        let count = faults.len();
        let noun = if count == 1 { "fault" } else { "faults" };
        Problem::faulty(format!("the policy has {count} {noun}"), &faults)
    })
}

/// The policy in force, with its version.
#[utoipa::path(
    get, path = "/v1/policy", tag = "policy",
    responses((status = 200, description = "The policy", body = InForce))
)]
pub(super) async fn show(State(app): State<App>) -> Result<Json<InForce>, Problem> {
    in_force(&app, &app.rules().stored, false)
}

/// Puts a policy in force, in YAML or JSON. Every fault in it is reported at once, and then the old one stays.
#[utoipa::path(
    put, path = "/v1/policy", tag = "policy",
    params(("dry_run" = Option<bool>, Query, description = "Checks and changes nothing")),
    request_body(content((Object = "application/yaml"), (Object = "application/json")), description = "The policy"),
    responses(
        (status = 200, description = "In force, or what would be", body = InForce),
        (status = 422, description = "Faulty; `errors` has each fault with line, column and path", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn replace(
    State(app): State<App>,
    params: Params,
    body: Body,
) -> Result<Json<InForce>, Problem> {
    params.only(&["dry_run"])?;
    let policy = parsed(&body)?;
    let known = app.rules();
    let policy = policy.unmasked(known.policy()).map_err(|name| {
        let detail = format!("nobody knows the address that `destinations.{name}.url` stands for");
        Problem::faulty::<()>(detail, &[])
    })?;
    if params.flag("dry_run")? {
        let now = app.clock.now();
        let version = app.rules().stored.version.saturating_add(1);
        return in_force(&app, &StoredPolicy { version, at: now, policy }, true);
    }
    let stored = app.put_policy(policy).await?;
    in_force(&app, &stored, false)
}
