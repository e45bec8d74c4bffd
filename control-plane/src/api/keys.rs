//! `/v1/keys`: who may ask.

use super::{
    Problem,
    body::Body,
    list,
    params::{Params, Path},
    tables::KEYS,
};
use crate::{
    access::{self, Key, Making, Revoking, Role},
    app::App,
    instant::Instant,
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use protocol::ids::Name;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

/// A key that is wished for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// Who or what is to have it.
    #[schema(value_type = String)]
    name: Name,
    /// ingest, read, operate or admin.
    #[serde(deserialize_with = "role")]
    #[schema(value_type = String)]
    role: Role,
}

fn role<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Role, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| D::Error::custom(format!("`{text}` {error}")))
}

/// A key that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Made {
    name: String,
    role: &'static str,
    /// The key itself. Bursar keeps its digest alone, and cannot show it again.
    key: String,
}

/// What is known of a key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Known {
    name: String,
    role: &'static str,
    #[schema(value_type = String, format = DateTime)]
    made_at: Instant,
}

/// All keys, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Keys {
    items: Vec<Known>,
    /// Always null: there are few.
    next: Option<String>,
}

/// The keys there are, without what they are.
#[utoipa::path(
    get, path = "/v1/keys", tag = "access",
    params(("format" = Option<String>, Query, description = "json (default) or csv")),
    responses((status = 200, description = "The keys", body = Keys))
)]
pub(super) async fn list(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    params.only(&["format"])?;
    let known =
        |key: &Key| Known { name: key.name.clone(), role: key.role.as_str(), made_at: Instant(key.made_at) };
    let items = app.access.list().iter().map(|key| known(key)).collect();
    list::answer(&params, &KEYS, &Keys { items, next: None }, None)
}

/// Makes a key. The first one closes the API and the console to all who have none.
#[utoipa::path(
    post, path = "/v1/keys", tag = "access", request_body = Wish,
    responses(
        (status = 201, description = "There it is, once", body = Made),
        (status = 409, description = "The name is taken, or it is the first and not of role admin", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "No name or no role", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn make(State(app): State<App>, body: Body) -> Result<(StatusCode, Json<Made>), Problem> {
    let Wish { name, role } = body.object("the key")?;
    match access::make(&app, &name, role).await? {
        Making::Made(key) => {
            Ok((StatusCode::CREATED, Json(Made { name: name.to_string(), role: role.as_str(), key })))
        }
        Making::NameTaken => Err(Problem::conflict(format!("there is a key `{name}` already"))),
        Making::FirstMustBeAdmin => {
            Err(Problem::conflict("the first key must have the role admin, or nobody could make another"))
        }
    }
}

/// Revokes a key, and ends all sessions that were begun with it. The last one stays: without any, everything would be
/// open to everybody.
#[utoipa::path(
    delete, path = "/v1/keys/{name}", tag = "access",
    params(("name" = String, Path, description = "Whose")),
    responses(
        (status = 204, description = "It holds no longer"),
        (status = 404, description = "No such key", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The last one, or the last one of role admin", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn revoke(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    match access::revoke(&app, &name).await? {
        Revoking::Done => Ok(StatusCode::NO_CONTENT),
        Revoking::NoSuchKey => Err(Problem::not_found(format!("there is no key `{name}`"))),
        Revoking::LastKey => Err(Problem::conflict(
            "the last key stays: without any, whoever reaches this address may do everything; make another one of role \
             admin first, or stop the service and run `bursar keys revoke` with --data-dir",
        )),
        Revoking::LastAdmin => Err(Problem::conflict(
            "the last key of role admin stays while there are others, or nobody could revoke those",
        )),
    }
}
