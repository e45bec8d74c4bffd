//! `/v1/policy`: the policy in force, and another one in its place.

use super::{
    Problem,
    body::Body,
    params::Params,
    versions::{number, stored},
};
use crate::{
    app::App,
    instant::Instant,
    policy::{self, Fault, Policy},
    store::policies::StoredPolicy,
    watch::Refused,
};
use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A policy that is or was in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InForce {
    /// Counts up; 0: no policy was ever put in force.
    version: i64,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Instant>,
    /// What it says; its schema is what `bursar policy schema` prints. Addresses of destinations, and of catalogues where
    /// they hold a user or a query, end in a digest, and stand for what they were when they are put back so.
    #[schema(value_type = Object)]
    policy: Value,
    /// Why the last change of the file that `bursar serve --policy` watches was not taken; null where it was, or where
    /// none is watched, and of an older policy.
    refused: Option<Refused>,
    /// Set where nothing was put in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
}

fn in_force(app: &App, stored: &StoredPolicy, dry_run: bool) -> Result<Json<InForce>, Problem> {
    let policy = serde_json::to_value(stored.policy.masked()).map_err(Problem::internal)?;
    let since = (stored.version > 0).then_some(Instant(stored.at));
    let is_older = stored.version < app.rules().stored.version;
    let refused = app.last_change.refused().filter(|_| !is_older).map(|refused| (*refused).clone());
    Ok(Json(InForce { version: stored.version, since, policy, refused, dry_run: dry_run.then_some(true) }))
}

/// A policy that somebody sent, or every fault in it.
pub(super) fn parsed(body: &Body) -> Result<Policy, Problem> {
    // JSON is YAML, so one reader takes both.
    policy::parse(body.text()?, FILE).map_err(faulty)
}

fn faulty(faults: Vec<Fault>) -> Problem {
    let noun = if faults.len() == 1 { "fault" } else { "faults" };
    Problem::faulty(format!("the policy has {} {noun}", faults.len()), &faults)
}

/// What a policy is called that comes without a name.
const FILE: &str = "policy";

/// The policy in force, or the one of a version that was, with its version.
#[utoipa::path(
    get, path = "/v1/policy", tag = "policy",
    params(("version" = Option<i64>, Query, description = "An older one; 0 is the empty one before the first")),
    responses(
        (status = 200, description = "The policy", body = InForce),
        (status = 404, description = "No such version", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(app): State<App>, params: Params) -> Result<Json<InForce>, Problem> {
    params.only(&["version"])?;
    in_force(&app, &stored(&app, number(&params, "version")?).await?, false)
}

/// Puts a policy in force, in YAML or JSON. Every fault in it is reported at once, and then the old one stays.
#[utoipa::path(
    put, path = "/v1/policy", tag = "policy",
    params(
        ("dry_run" = Option<bool>, Query, description = "Checks and changes nothing"),
        ("if_version" = Option<i64>, Query,
         description = "The version that it is to replace: nothing is changed where another one is in force"),
    ),
    request_body(content((Object = "application/yaml"), (Object = "application/json")), description = "The policy"),
    responses(
        (status = 200, description = "In force, or what would be", body = InForce),
        (status = 409, description = "Another version than `if_version` is in force", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "Faulty; `errors` has each fault with line, column and path", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn replace(
    State(app): State<App>,
    params: Params,
    body: Body,
) -> Result<Json<InForce>, Problem> {
    params.only(&["dry_run", "if_version"])?;
    let (known, wanted) = (app.rules(), number(&params, "if_version")?);
    let overtaken = |wanted: i64| {
        let version = app.rules().stored.version;
        Problem::conflict(format!("version {version} of the policy is in force, and not {wanted}"))
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted != known.stored.version) {
        return Err(overtaken(wanted));
    }
    let policy = app.read_policy(body.text()?, FILE).await?.map_err(faulty)?;
    if params.flag("dry_run")? {
        let now = app.clock.now();
        let version = known.stored.version.saturating_add(1);
        return in_force(&app, &StoredPolicy { version, at: now, policy }, true);
    }
    let stored = match wanted {
        Some(wanted) => app.put_policy_over(policy, wanted).await?.ok_or_else(|| overtaken(wanted))?,
        None => app.put_policy(policy).await?,
    };
    in_force(&app, &stored, false)
}
