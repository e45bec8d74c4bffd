//! Lets requests through whose key or session may do what they ask.

use super::Problem;
use crate::{
    access::{self, AccessError, Denied, Key, Need, Role, Shown},
    app::App,
};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};
use std::sync::Arc;

/// The cookie of a session.
pub(crate) const COOKIE: &str = "bursar_session";

/// Whose key it was. `None`: nobody had to show one.
#[derive(Clone, Debug)]
pub(crate) struct Who(pub(crate) Option<Arc<Key>>);

impl Who {
    /// Whether it may what takes more than its route asks.
    pub(crate) fn may(&self, role: Role) -> bool {
        self.0.as_ref().is_none_or(|key| Need::Role(role).is_met_by(key.role))
    }
}

/// A route that asks that of whoever comes. `denied` words the answer to those who may not.
pub(crate) fn guarded(
    app: &App,
    need: Need,
    denied: fn(&Request, Denied) -> Response,
    route: MethodRouter<App>,
) -> MethodRouter<App> {
    let app = app.clone();
    route.route_layer(middleware::from_fn(move |mut request: Request, next: Next| {
        let app = app.clone();
        async move {
            match access::admit(&app, &shown(request.headers()), need).await {
                Ok(key) => {
                    told(&request, key.as_deref(), need);
                    request.extensions_mut().insert(Who(key));
                    next.run(request).await
                }
                Err(error) => denied(&request, error),
            }
        }
    }))
}

/// Who decided something stands in the log; by the route, since paths have names of customers and tasks in them.
fn told(request: &Request, key: Option<&Key>, need: Need) {
    let is_decision =
        matches!(need, Need::Role(Role::Operate | Role::Admin)) && request.method() != Method::GET;
    if let Some(key) = key.filter(|_| is_decision) {
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
        tracing::info!(key = %key.name, role = %key.role, method = %request.method(), route, "decided");
    }
}

/// What a request shows: `authorization: Bearer KEY`, or the cookie.
pub(crate) fn shown(headers: &HeaderMap) -> Shown {
    let key = headers.get(header::AUTHORIZATION).map(|value| bearer(value).unwrap_or_default().to_owned());
    Shown { key, session: session(headers) }
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The session that a browser's cookies name.
pub(crate) fn session(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies =
        lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

/// In the API's words.
pub(super) fn denied(_: &Request, error: Denied) -> Response {
    let detail = error.to_string();
    match error {
        Denied::Unknown => {
            let problem = Problem::new(
                StatusCode::UNAUTHORIZED,
                format!("{detail}; show one in `authorization: Bearer KEY`"),
            );
            ([(header::WWW_AUTHENTICATE, "Bearer realm=\"bursar\"")], problem).into_response()
        }
        Denied::Lacking { .. } => Problem::new(StatusCode::FORBIDDEN, detail).into_response(),
        Denied::Store(error) => Problem::from(error).into_response(),
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(error) => error.into(),
            AccessError::Random(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_among_other_cookies() {
        let cases: [(&[&str], Option<&str>); 6] = [
            (&[], None),
            (&["bursar_session=session_a"], Some("session_a")),
            (&["theme=dark; bursar_session=session_a; x=y"], Some("session_a")),
            (&["theme=dark", "bursar_session=session_a"], Some("session_a")),
            (&["not_bursar_session=session_a; bursar_session2=b"], None),
            (&["bursar_session"], None),
        ];
        for (lines, expected) in cases {
            let lines = lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line)));
            assert_eq!(session(&lines.collect()).as_deref(), expected);
        }
    }

    #[test]
    fn a_scheme_that_is_not_ours_is_no_key_and_no_session_takes_its_place() {
        for (value, expected) in [
            ("Bearer bursar_a", "bursar_a"),
            ("bearer  bursar_a", "bursar_a"),
            ("Basic YTpi", ""),
            ("Bearer", ""),
        ] {
            let headers = [
                (header::AUTHORIZATION, HeaderValue::from_static(value)),
                (header::COOKIE, HeaderValue::from_static("bursar_session=s")),
            ];
            assert_eq!(shown(&headers.into_iter().collect()).key.as_deref(), Some(expected), "{value}");
        }
    }
}
