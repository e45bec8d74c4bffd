//! Signing in with a key, and out.

use super::{
    Page,
    extract::{Form, Query},
    page::failed,
};
use crate::{
    access::{self, HOURS},
    api::{COOKIE, session},
    app::App,
};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInTemplate {
    section: &'static str,
    /// Where it leads to.
    to: String,
    is_wrong: bool,
    is_open: bool,
    hours: u64,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    to: String,
}

#[derive(Deserialize)]
pub(super) struct Filled {
    #[serde(default)]
    key: String,
    #[serde(default)]
    to: String,
}

pub(super) async fn form(State(app): State<App>, Query(Asked { to }): Query<Asked>) -> Page {
    page(&app, &to, false)
}

fn page(app: &App, to: &str, is_wrong: bool) -> Page {
    let status = if is_wrong { StatusCode::FORBIDDEN } else { StatusCode::OK };
    let to = own(to).to_owned();
    let is_open = app.access.is_open();
    Page::of(status, &SignInTemplate { section: "sign-in", to, is_wrong, is_open, hours: HOURS })
}

/// A page of ours, or the first one.
fn own(to: &str) -> &str {
    let is_path = to.starts_with('/') && !to.starts_with("//");
    // Browsers take a backslash for a slash, and skip control characters.
    let is_plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain { to } else { "/" }
}

pub(super) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Form(Filled { key, to }): Form<Filled>,
) -> Response {
    match access::sign_in(&app, key.trim()).await {
        Ok(Some(session)) => {
            tracing::info!(key = %session.name, "signed in");
            let cookie = cookie(&headers, &session.cookie, HOURS.saturating_mul(3_600));
            ([(header::SET_COOKIE, cookie)], Redirect::to(own(&to))).into_response()
        }
        Ok(None) => {
            tracing::warn!("somebody tried to sign in with a key that does not open the console");
            page(&app, &to, true).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "nobody can sign in");
            failed().into_response()
        }
    }
}

pub(super) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Some(session) = session(&headers)
        && let Err(error) = access::sign_out(&app, &session).await
    {
        tracing::error!(%error, "nobody can sign out");
        return failed().into_response();
    }
    ([(header::SET_COOKIE, cookie(&headers, "", 0))], Redirect::to("/console/sign-in")).into_response()
}

/// Not `SameSite=Strict`: a link in a message about an alert leads into the console.
fn cookie(headers: &HeaderMap, value: &str, seconds: u64) -> String {
    // Of several proxies each appends what it was asked by; the browser asked the first.
    let scheme = headers.get("x-forwarded-proto").and_then(|chain| chain.to_str().ok()?.split(',').next());
    let is_tls = scheme.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
    let secure = if is_tls { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_goes_over_tls_alone_where_the_page_came_by_it() {
        let said = |scheme: &'static str| {
            let scheme = ("x-forwarded-proto".parse().unwrap(), scheme.parse().unwrap());
            cookie(&[scheme].into_iter().collect(), "a", 1)
        };
        for scheme in ["https", "HTTPS", "https, http", " https,http"] {
            assert!(said(scheme).ends_with("; Secure"), "{scheme}");
        }
        for scheme in ["http", "http, https", "", "httpsx"] {
            assert!(!said(scheme).contains("Secure"), "{scheme}");
        }
        assert!(!cookie(&HeaderMap::new(), "a", 1).contains("Secure"));
    }

    #[test]
    fn it_leads_to_pages_of_this_console_alone() {
        for to in ["/", "/console/prices?at=2026-11-24", "/console/customers/a%2Fb"] {
            assert_eq!(own(to), to);
        }
        for to in
            ["", "console", "//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example"]
        {
            assert_eq!(own(to), "/");
        }
    }
}
