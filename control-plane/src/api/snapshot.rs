//! `GET /v1/snapshot`: what filters get of policy and prices.

use super::{Problem, body, params::Params};
use crate::{app::App, ledger::receive::Encoding};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// The snapshot in force; 304 to whoever has it.
#[utoipa::path(
    get, path = "/v1/snapshot", tag = "filters",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the snapshot at hand")),
    responses(
        (status = 200, description = "The snapshot; JSON where Accept asks for it",
         content((Object = "application/vnd.msgpack"), (Object = "application/json"))),
        (status = 304, description = "The snapshot at hand is in force"),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let issued = app.snapshot().map_err(Problem::internal)?;
    let tag = format!("\"{}\"", issued.snapshot.version);
    let has = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or("");
    let same = |known: &str| {
        let known = known.trim().trim_start_matches("W/");
        known == tag || known == &*issued.snapshot.version || known == "*"
    };
    let mut response = if has.split(',').any(same) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match body::answer_encoding(&headers, Encoding::MessagePack) {
            Encoding::MessagePack => body::message_pack(issued.bytes.clone()),
            Encoding::Json => body::answer(Encoding::Json, &issued.snapshot)?,
        }
    };
    let tag = HeaderValue::from_str(&tag).map_err(Problem::internal)?;
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}
