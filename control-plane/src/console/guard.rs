//! Who may see a page, and whose forms are taken.

use super::{Page, page::refused, same_site};
use crate::{
    access::{Denied, Need},
    api,
    app::App,
    percent,
};
use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
    routing::MethodRouter,
};

pub(super) fn guarded(app: &App, need: Need, route: MethodRouter<App>) -> MethodRouter<App> {
    api::guarded(app, need, denied, route)
}

/// Whoever is not known signs in and comes back; a form that was filled in meanwhile is lost.
fn denied(request: &Request, error: Denied) -> Response {
    match error {
        Denied::Unknown => {
            let to = match *request.method() {
                Method::GET => request.uri().path_and_query().map_or("/", |path| path.as_str()),
                _ => form_of(request.headers()),
            };
            Redirect::to(&format!("/console/sign-in?to={}", percent::encoded(to))).into_response()
        }
        Denied::Lacking { .. } => {
            refused("You may not do that", &format!("It was not done: {error}.")).into_response()
        }
        Denied::Store(error) => {
            tracing::error!(%error, "the console cannot tell who asks");
            super::page::failed().into_response()
        }
    }
}

/// The page that a form stands on. It is one of ours, since no other's forms come so far; what takes it may show nothing.
fn form_of(headers: &HeaderMap) -> &str {
    let referer = headers.get(header::REFERER).and_then(|referer| referer.to_str().ok());
    let after_scheme = referer.and_then(|referer| referer.split_once("://")).map(|(_, rest)| rest);
    after_scheme.and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or("/")
}

/// Forms are taken from pages of this console alone: no other site may make somebody's browser decide for him.
pub(super) async fn own_forms_only(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && !same_site::is_own(request.headers(), request.uri()) {
        return foreign().into_response();
    }
    next.run(request).await
}

fn foreign() -> Page {
    let hint = "It did not come from a page of this console. Open the page here and do it there; a proxy in front \
                must pass the host on as the browser named it.";
    refused("That was not done", hint)
}
