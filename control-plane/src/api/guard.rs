//! Lets requests through whose key or session may do what they ask.

use super::Problem;
use crate::{
    access::{self, AccessError, Denied, Key, Need, Role, Shown},
    app::App,
};
use axum::{
    extract::Request,
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
            let shown = shown(request.headers());
            let admitted = access::admit(&app, &shown, need).await;
            if need == Need::Filter {
                app.metrics.filter_request(shows(&shown, &admitted));
            }
            match admitted {
                Ok(key) => {
                    let decision = key.clone().and_then(|key| Decision::of(&request, key, need));
                    request.extensions_mut().insert(Who(key));
                    let response = next.run(request).await;
                    if let Some(decision) = decision {
                        decision.told(response.status());
                    }
                    response
                }
                Err(error) => denied(&request, error),
            }
        }
    }))
}

/// What a filter shows, in the words of the metric: so that it is seen whether all have a key before they need one.
fn shows(shown: &Shown, admitted: &Result<Option<Arc<Key>>, Denied>) -> &'static str {
    match admitted {
        Ok(Some(key)) if !Need::Filter.is_met_by(key.role) => "lacking",
        Ok(Some(_)) => "good",
        Err(Denied::Lacking { .. }) => "lacking",
        Ok(None) | Err(Denied::Unknown | Denied::Store(_)) if shown.key.is_some() => "unknown",
        Ok(None) | Err(Denied::Unknown | Denied::Store(_)) => "none",
    }
}

/// What somebody with a key is about to change. It stands in the log with what came of it: an audit is of little use
/// that has the wish and not the thing.
struct Decision {
    key: Arc<Key>,
    method: Method,
    path: String,
}

impl Decision {
    fn of(request: &Request, key: Arc<Key>, need: Need) -> Option<Self> {
        let changes =
            matches!(need, Need::Role(Role::Operate | Role::Admin)) && request.method() != Method::GET;
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        changes.then_some(Self { key, method, path })
    }

    fn told(self, status: StatusCode) {
        let Self { key, method, path } = self;
        let status = status.as_u16();
        tracing::info!(key = %key.name, role = %key.role, %method, path, status, "decided");
    }
}

/// What a request shows: `authorization: Bearer KEY`, or the cookie.
pub(crate) fn shown(headers: &HeaderMap) -> Shown {
    let key = headers.get_all(header::AUTHORIZATION).iter().find_map(bearer).map(str::to_owned);
    Shown { key, session: session(headers) }
}

/// Other schemes are somebody else's: a proxy that asks for a password of its own passes it on.
fn bearer(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let (scheme, key) = text.split_once(' ').unwrap_or((text, ""));
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
    fn only_a_bearer_shows_a_key_and_what_a_proxy_adds_takes_no_session_away() {
        for (value, expected) in [
            ("Bearer bursar_a", Some("bursar_a")),
            ("bearer  bursar_a", Some("bursar_a")),
            ("Bearer", Some("")),
            ("Basic YTpi", None),
            ("Negotiate", None),
        ] {
            let headers = [
                (header::AUTHORIZATION, HeaderValue::from_static(value)),
                (header::COOKIE, HeaderValue::from_static("bursar_session=s")),
            ];
            let shown = shown(&headers.into_iter().collect());
            assert_eq!((shown.key.as_deref(), shown.session.as_deref()), (expected, Some("s")), "{value}");
        }
        let both = ["Basic YTpi", "Bearer bursar_a"];
        let both = both.map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value)));
        assert_eq!(shown(&both.into_iter().collect()).key.as_deref(), Some("bursar_a"));
    }
}
