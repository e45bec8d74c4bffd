//! `/v1/policy/versions`: the policies that were in force, and how an older one is asked for.

use super::{Problem, list, params::Params, tables::VERSIONS};
use crate::{
    app::App,
    policy_diff::{Version, history},
    store::policies::{self, StoredPolicy},
};
use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Versions of the policy, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Versions {
    /// Some of them.
    items: Vec<Version>,
    /// The cursor of those before; null where there are none.
    next: Option<String>,
}

/// The policies that were in force, the newest first.
#[utoipa::path(
    get, path = "/v1/policy/versions", tag = "policy",
    params(
        ("limit" = Option<u32>, Query, description = "At most so many; default 100, at most 1000"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("format" = Option<String>, Query, description = "json (default) or csv"),
    ),
    responses(
        (status = 200, description = "The versions", body = Versions),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn page(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    params.only(&["limit", "cursor", "format"])?;
    let (before, limit) = (number(&params, "cursor")?, params.limit()?);
    let (items, next) = app.store.read(move |store| history(store, before, limit)).await?;
    let page = Versions { items, next: next.map(|next| next.to_string()) };
    list::answer(&params, &VERSIONS, &page, page.next.as_deref())
}

/// A version that a parameter names.
pub(super) fn number(params: &Params, name: &str) -> Result<Option<i64>, Problem> {
    let parse = |text: &str| {
        let version = text.parse().ok().filter(|version| *version >= 0);
        version.ok_or_else(|| Problem::bad_request(format!("parameter `{name}` is no version of a policy")))
    };
    params.text(name).map(parse).transpose()
}

/// The policy of a version, or the one in force.
pub(super) async fn stored(app: &App, version: Option<i64>) -> Result<StoredPolicy, Problem> {
    let in_force = app.rules();
    let Some(version) = version.filter(|version| *version != in_force.stored.version) else {
        return Ok(in_force.stored.clone());
    };
    let found = app.store.read(move |store| policies::of_version(store, version)).await?;
    let missing = "was never in force, or cannot be read any more by this version of Bursar";
    found.ok_or_else(|| Problem::not_found(format!("version {version} of the policy {missing}")))
}
