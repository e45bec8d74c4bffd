//! Errors as RFC 9457 problem documents. The only map from a room's error to a status.

use crate::{console, store::StoreError};
use axum::{
    Json,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the title says all that the status does not.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request.
    detail: String,
    /// Each fault on its own, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    errors: Vec<serde_json::Value>,
}

impl Problem {
    /// A problem with that status.
    pub fn new(status: StatusCode, detail: impl ToString) -> Self {
        let title = status.canonical_reason().unwrap_or("error");
        let detail = detail.to_string();
        Self { kind: "about:blank", title, status: status.as_u16(), detail, errors: Vec::new() }
    }

    /// 400.
    pub fn bad_request(detail: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404.
    pub fn not_found(detail: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409.
    pub fn conflict(detail: impl ToString) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 422, with every fault.
    pub fn faulty<F: Serialize>(detail: impl ToString, faults: &[F]) -> Self {
        let errors = faults.iter().filter_map(|fault| serde_json::to_value(fault).ok()).collect();
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// 500; what happened goes to the log and not to the client.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request was not answered");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the request was not answered; the log says why")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the store is closed; try another replica")
            }
            error @ (StoreError::Sqlite(_)
            | StoreError::Directory { .. }
            | StoreError::InUse { .. }
            | StoreError::Newer { .. }
            | StoreError::Older { .. }
            | StoreError::Corrupt { .. }) => Self::internal(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// Where nothing is: a page for people who are lost in the console, a problem for programs.
pub(super) async fn no_route(uri: Uri) -> Response {
    if uri.path().starts_with("/console") {
        return console::nowhere().into_response();
    }
    Problem::not_found(format!("there is nothing at {}", uri.path())).into_response()
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
