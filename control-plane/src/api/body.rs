//! Bodies: how they are read, and how what filters exchange is written: MessagePack, or JSON for people.

use super::{Problem, attached};
use crate::{
    ledger::receive::Encoding,
    reports::{Format, Report},
};
use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::codec::{self, CONTENT_TYPE};
use serde::Serialize;

/// A report in the form that was asked for; a table for a spreadsheet is a file of that name.
pub(super) fn rendered(report: &Report, format: Format, name: &str) -> Response {
    let text = report.render(format);
    match format {
        Format::Csv => attached(name, text),
        format => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
    }
}

/// A body within the route's limit.
pub(super) struct Body(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than this route takes"))
            }
            Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
        }
    }
}

impl Body {
    /// As text.
    pub(super) fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.0).map_err(|_| Problem::bad_request("the body is not UTF-8"))
    }
}

/// How a request's body is written: JSON where its content type says so, else MessagePack, which filters send.
pub(super) fn encoding(headers: &HeaderMap) -> Encoding {
    if names_json(headers, header::CONTENT_TYPE) { Encoding::Json } else { Encoding::MessagePack }
}

/// How the answer is to be written: as asked for, else like the request.
pub(super) fn answer_encoding(headers: &HeaderMap, request: Encoding) -> Encoding {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
    if accept.contains("json") {
        Encoding::Json
    } else if accept.contains("msgpack") {
        Encoding::MessagePack
    } else {
        request
    }
}

fn names_json(headers: &HeaderMap, name: header::HeaderName) -> bool {
    headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("json"))
}

/// Writes an answer.
pub(super) fn answer<T: Serialize>(encoding: Encoding, value: &T) -> Result<Response, Problem> {
    match encoding {
        Encoding::Json => Ok(Json(value).into_response()),
        Encoding::MessagePack => Ok(message_pack(codec::encode(value).map_err(Problem::internal)?)),
    }
}

/// An answer that is MessagePack already.
pub(super) fn message_pack(bytes: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], bytes.into()).into_response()
}
