//! `POST /v1/loops/release`: a task that the loop guard stopped may go on.

use super::{Problem, body::Body};
use crate::{app::App, instant::Instant, store::loops};
use axum::{Json, extract::State};
use protocol::ids::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which task.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    /// As the application names it.
    #[schema(value_type = String)]
    task: Name,
}

/// What was released, and when.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Released {
    #[schema(value_type = String)]
    task: Name,
    #[schema(value_type = String, format = DateTime)]
    released_at: Instant,
}

/// Lets a task that the loop guard stopped begin anew, in every Envoy, within a second or two.
#[utoipa::path(
    post, path = "/v1/loops/release", tag = "caps",
    request_body = Release,
    responses(
        (status = 200, description = "It is released", body = Released),
        (status = 422, description = "No task", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn release(State(app): State<App>, body: Body) -> Result<Json<Released>, Problem> {
    let Release { task } = body.object("the release")?;
    let (now, name) = (app.clock.now(), task.clone());
    app.change(move |write| loops::release(write, name.as_str(), now)).await?;
    Ok(Json(Released { task, released_at: Instant(now) }))
}
