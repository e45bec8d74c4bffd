//! The parts of an address: read once, by name, every unknown, doubled or unreadable one reported.

use super::Problem;
use crate::{instant::Instant, percent::encoded};
use axum::{
    extract::{self, FromRequestParts, Query},
    http::request::Parts,
};
use protocol::UnixNanos;
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    str::FromStr,
};

/// Items of a list where the request does not say how many.
const LIMIT: u32 = 100;
/// The most items of a list.
const LIMIT_MAX: u32 = 1_000;

/// The names in a request's path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(named)) => Ok(Self(named)),
            Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
        }
    }
}

/// The parameters of a request, and its path.
#[derive(Debug)]
pub(super) struct Params {
    path: String,
    said: BTreeMap<String, String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read: Result<Query<Vec<(String, String)>>, _> = Query::from_request_parts(parts, state).await;
        let Query(pairs) = read.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        let mut said = BTreeMap::new();
        for (name, text) in pairs {
            match said.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(text);
                }
                Entry::Occupied(place) => {
                    let detail = format!("parameter `{}` is said twice", place.key());
                    return Err(Problem::bad_request(detail));
                }
            }
        }
        Ok(Self { path: parts.uri.path().to_owned(), said })
    }
}

impl Params {
    /// Refuses parameters of other names: a filter that is misspelt would otherwise show everything.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.said.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) if known.is_empty() => {
                Err(Problem::bad_request(format!("there is no parameter `{name}` here, nor any other")))
            }
            Some(name) => Err(Problem::bad_request(format!(
                "there is no parameter `{name}` here; there are: {}",
                known.join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// The same request with one parameter otherwise.
    pub(super) fn with(&self, name: &str, text: &str) -> String {
        let others = self.said.iter().filter(|(known, _)| *known != name);
        let all = others.map(|(name, text)| (name.as_str(), text.as_str())).chain([(name, text)]);
        let all: Vec<String> = all.map(|(name, text)| format!("{name}={}", encoded(text))).collect();
        format!("{}?{}", self.path, all.join("&"))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.said.get(name).map(String::as_str)
    }

    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        let parse = |text: &str| {
            text.parse().map_err(|error| Problem::bad_request(format!("parameter `{name}` {error}")))
        };
        self.text(name).map(parse).transpose()
    }

    pub(super) fn instant(&self, name: &str) -> Result<Option<UnixNanos>, Problem> {
        Ok(self.parsed::<Instant>(name)?.map(|Instant(at)| at))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true" | "") => Ok(true),
            Some(_) => Err(Problem::bad_request(format!("parameter `{name}` is neither true nor false"))),
        }
    }

    pub(super) fn limit(&self) -> Result<u32, Problem> {
        match self.text("limit") {
            None => Ok(LIMIT),
            Some(text) => {
                text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit)).ok_or_else(|| {
                    Problem::bad_request(format!("parameter `limit` is no number from 1 to {LIMIT_MAX}"))
                })
            }
        }
    }
}
