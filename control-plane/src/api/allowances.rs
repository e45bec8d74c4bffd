//! `POST /v1/allowances`: how much of each cap an Envoy may use.

use super::{
    Problem,
    body::{self, Body},
};
use crate::{allowances, app::App};
use axum::{extract::State, http::HeaderMap, response::Response};
use protocol::{
    allowance::{AllowanceRequest, Moment},
    codec::VERSION,
};

/// Counters a node may report at once; more come in another request.
const COUNTERS_MAX: usize = 10_000;

/// Takes a node's counters and answers with grants. All are decided one after the other, in the store's writer.
#[utoipa::path(
    post, path = "/v1/allowances", tag = "filters",
    request_body(content((Object = "application/vnd.msgpack"), (Object = "application/json")),
        description = "{version, node, boot, counters}"),
    responses(
        (status = 200, description = "{grants, unknown_caps}", body = Object),
        (status = 400, description = "Not a request", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ask(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let encoding = body::encoding(&headers)?;
    let request: AllowanceRequest = encoding.decode(&body.0).map_err(Problem::bad_request)?;
    if request.version != VERSION {
        let detail = format!(
            "the request has version {}, and this control plane reads version {VERSION}",
            request.version
        );
        return Err(Problem::bad_request(detail));
    }
    if request.counters.len() > COUNTERS_MAX {
        return Err(Problem::bad_request(format!("more than {COUNTERS_MAX} counters in one request")));
    }
    let moment = Moment { now: app.clock.now(), listening_since: app.listening_since };
    let rules = app.rules();
    app.alerts.heard(&request.node, moment.now);
    let reply = app
        .store
        .write(move |write| allowances::answer(write, rules.policy(), rules.caps(), &request, moment))
        .await?;
    body::answer(body::answer_encoding(&headers, encoding), &reply)
}
