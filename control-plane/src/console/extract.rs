//! What a request says, read so that a page answers what cannot be read. Axum's own extractors answer in plain text,
//! which has no way back and no policy of what it may load.

use super::page::{Page, problem};
use axum::{
    extract::{self, FromRequest, FromRequestParts, Request},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

/// The names in an address.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Page;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Page> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(named)) => Ok(Self(named)),
            Err(_) => {
                let hint = "The address names nothing: a part of it is no number, or no text.";
                Err(problem(StatusCode::BAD_REQUEST, "That address cannot be read", hint))
            }
        }
    }
}

/// The parameters of an address.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Page;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Page> {
        let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
        let mut names: Vec<String> = parts.uri.query().unwrap_or_default().split('&').map(name).collect();
        names.sort();
        let doubled =
            names.windows(2).find(|pair| matches!(pair, [one, other] if one == other && !one.is_empty()));
        if let Some([name, ..]) = doubled {
            let hint = format!("`{name}` is said twice, and only one of the two could count.");
            return Err(problem(StatusCode::BAD_REQUEST, "That address cannot be read", &hint));
        }
        match extract::Query::from_request_parts(parts, state).await {
            Ok(extract::Query(said)) => Ok(Self(said)),
            Err(rejection) => {
                let text = rejection.body_text();
                let fault = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                Err(problem(StatusCode::BAD_REQUEST, "That address cannot be read", &format!("{fault}.")))
            }
        }
    }
}

/// What a form sends.
pub(super) struct Form<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Page;

    async fn from_request(request: Request, state: &S) -> Result<Self, Page> {
        match axum::Form::from_request(request, state).await {
            Ok(axum::Form(sent)) => Ok(Self(sent)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(problem(StatusCode::PAYLOAD_TOO_LARGE, "That is too long for a page", TOO_LONG))
            }
            Err(rejection) => Err(problem(rejection.status(), "That cannot be read", &rejection.body_text())),
        }
    }
}

const TOO_LONG: &str =
    "Nothing was done. What is longer lies in files: the command line and the API take 32 MB.";
