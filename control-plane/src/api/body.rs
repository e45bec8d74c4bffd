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
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

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
    /// As a JSON object; `what` names it in messages. Nothing else is taken for one: a list would fill its fields in order.
    pub(super) fn object<T: DeserializeOwned>(&self, what: &str) -> Result<T, Problem> {
        let faulty = |fault: &str| Problem::faulty::<()>(format!("{what}: {fault}"), &[]);
        let not_json = |error| Problem::bad_request(format!("{what} is no JSON: {error}"));
        if self.0.trim_ascii_start().first() != Some(&b'{') {
            serde_json::from_slice::<IgnoredAny>(&self.0).map_err(not_json)?;
            return Err(faulty("is no JSON object"));
        }
        serde_json::from_slice::<T>(&self.0).map_err(|error| {
            // Where a word is expected, serde calls another value no JSON.
            match serde_json::from_slice::<IgnoredAny>(&self.0) {
                Ok(_) => faulty(&plain(&error.to_string())),
                Err(error) => not_json(error),
            }
        })
    }

    /// As text.
    pub(super) fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.0).map_err(|_| Problem::bad_request("the body is not UTF-8"))
    }
}

/// What was read, in words for people who do not know what it is read into.
fn plain(fault: &str) -> String {
    let Some((before, expected)) = fault.split_once("expected ") else { return fault.to_owned() };
    let (first, rest) = expected.split_once(' ').unwrap_or((expected, ""));
    let (what, rest) = match first {
        "struct" => ("an object", rest.split_once(' ').map_or("", |(_, rest)| rest)),
        "u8" | "u16" | "u32" | "u64" | "usize" => ("a whole number from 0 on", rest),
        "i8" | "i16" | "i32" | "i64" | "isize" => ("a whole number", rest),
        "f32" | "f64" => ("a number", rest),
        _ => return fault.to_owned(),
    };
    format!("{before}expected {what} {rest}").trim_end().to_owned()
}

/// How a request's body is written: as its content type says, else as MessagePack, which filters send.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(Encoding::MessagePack) };
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    if kind.contains("json") {
        Ok(Encoding::Json)
    } else if kind.contains("msgpack") || kind.starts_with("application/octet-stream") {
        Ok(Encoding::MessagePack)
    } else {
        let detail = format!("this takes {CONTENT_TYPE} or application/json, and not `{kind}`");
        Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_said_without_the_names_of_types() {
        for (fault, expected) in [
            (
                "invalid type: sequence, expected struct Wish at line 1 column 3",
                "invalid type: sequence, expected an object at line 1 column 3",
            ),
            (
                "invalid value: integer `-1`, expected u64",
                "invalid value: integer `-1`, expected a whole number from 0 on",
            ),
            ("missing field `name` at line 1 column 2", "missing field `name` at line 1 column 2"),
            ("invalid type: null, expected a string", "invalid type: null, expected a string"),
        ] {
            assert_eq!(plain(fault), expected);
        }
    }
}
