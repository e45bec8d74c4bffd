//! The HTTP face: routes, limits, and the shape of errors. Each route's file reads a request, asks a room and writes
//! the answer; none of them decides anything.

mod alerts;
mod allowances;
mod attachment;
mod body;
mod calculations;
mod calls;
mod caps;
mod diffs;
mod events;
mod explanations;
mod exports;
mod guard;
mod hosts;
mod imports;
mod keys;
mod list;
mod loops;
mod openapi;
mod params;
mod policy;
mod prices;
mod problem;
mod reconciliations;
mod replays;
mod reports;
mod rerates;
mod revenue;
mod snapshot;
mod system;
mod tables;
mod tasks;
mod versions;

pub(crate) use attachment::attached;
pub use exports::{COST_WITHOUT_METER, UNPRICED_CALLS};
pub(crate) use guard::{COOKIE, Who, guarded, session};
pub use problem::Problem;
pub use reconciliations::WITHIN_TOLERANCE;

use crate::{
    access::{Need, Role},
    app::App,
    console,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, delete, get, post, put},
};
use protocol::codec::BATCH_BYTES_MAX;

/// The largest catalogue or policy taken. LiteLLM's is 3 MB and grows.
const DOCUMENT_BYTES_MAX: usize = 32 * 1024 * 1024;

const INGEST: Need = Need::Role(Role::Ingest);
const READ: Need = Need::Role(Role::Read);
const OPERATE: Need = Need::Role(Role::Operate);
const ADMIN: Need = Need::Role(Role::Admin);

/// Every route, with its method as the OpenAPI document writes it, and who may ask it.
fn routes() -> Vec<(&'static str, &'static str, Need, MethodRouter<App>)> {
    let document = || DefaultBodyLimit::max(DOCUMENT_BYTES_MAX);
    vec![
        ("post", "/v1/events", Need::Filter, post(events::ingest)),
        ("get", "/v1/snapshot", Need::Filter, get(snapshot::show)),
        ("post", "/v1/allowances", Need::Filter, post(allowances::ask)),
        ("get", "/v1/calls", READ, get(calls::page)),
        ("get", "/v1/calls/{id}", READ, get(calls::show)),
        ("get", "/v1/calls/{id}/{list}", READ, get(calls::within)),
        ("get", "/v1/tasks", READ, get(tasks::page)),
        ("get", "/v1/tasks/{id}", READ, get(tasks::show)),
        ("get", "/v1/tasks/{id}/owners", READ, get(tasks::owners)),
        ("put", "/v1/tasks/{id}/outcome", INGEST, put(tasks::report_outcome)),
        ("put", "/v1/revenue/{customer}/{period}", OPERATE, put(revenue::put)),
        ("delete", "/v1/revenue/{customer}/{period}", OPERATE, delete(revenue::remove)),
        ("get", "/v1/prices", READ, get(prices::page)),
        ("post", "/v1/prices/imports", OPERATE, post(imports::import).layer(document())),
        ("get", "/v1/prices/imports", READ, get(imports::page)),
        ("get", "/v1/prices/imports/{id}", READ, get(imports::show)),
        ("post", "/v1/prices/imports/{id}/approve", OPERATE, post(imports::approve)),
        ("post", "/v1/prices/imports/{id}/reject", OPERATE, post(imports::reject)),
        ("get", "/v1/policy", READ, get(policy::show)),
        ("put", "/v1/policy", ADMIN, put(policy::replace).layer(document())),
        ("get", "/v1/policy/versions", READ, get(versions::page)),
        ("post", "/v1/policy/diffs", READ, post(diffs::run).layer(document())),
        ("post", "/v1/policy/explanations", READ, post(explanations::run).layer(document())),
        ("post", "/v1/policy/replays", READ, post(replays::run).layer(document())),
        ("get", "/v1/caps", READ, get(caps::page)),
        ("get", "/v1/alerts", READ, get(alerts::page)),
        ("get", "/v1/deliveries", READ, get(alerts::deliveries)),
        ("post", "/v1/alerts/{id}/resend", OPERATE, post(alerts::resend)),
        ("post", "/v1/destinations/{name}/test", OPERATE, post(alerts::test)),
        ("post", "/v1/loops/release", OPERATE, post(loops::release)),
        ("post", "/v1/calculations", READ, post(calculations::run)),
        ("post", "/v1/reconciliations", READ, post(reconciliations::run).layer(document())),
        ("post", "/v1/rerates", OPERATE, post(rerates::run)),
        ("get", "/v1/reports/{report}", READ, get(reports::show)),
        ("get", "/v1/exports/focus", READ, get(exports::focus)),
        ("get", "/v1/keys", ADMIN, get(keys::list)),
        ("post", "/v1/keys", ADMIN, post(keys::make)),
        ("delete", "/v1/keys/{name}", ADMIN, delete(keys::revoke)),
        ("get", "/openapi.json", Need::Open, get(openapi::show)),
        ("get", "/healthz", Need::Open, get(system::healthz)),
        ("get", "/readyz", Need::Open, get(system::readyz)),
        ("get", "/metrics", READ, get(system::metrics)),
    ]
}

/// The whole service.
pub fn router(app: App) -> Router {
    let console = console::routes(app.clone());
    let router = routes().into_iter().fold(Router::new(), |router, (_, path, need, route)| {
        router.route(path, guarded(&app, need, guard::denied, route))
    });
    router
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::no_route)
        .layer(DefaultBodyLimit::max(BATCH_BYTES_MAX))
        .layer(middleware::from_fn(no_foreign_pages))
        .with_state(app.clone())
        .merge(console)
        .layer(middleware::from_fn_with_state(app, hosts::known_hosts_only))
        .layer(middleware::map_response(private))
}

/// What is answered is nobody else's, and what its type says: a browser's cookie opens the API, too, and the answer to
/// one who makes a key is the key.
async fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// No other site may make somebody's browser change anything here.
async fn no_foreign_pages(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && console::is_foreign(request.headers(), request.uri()) {
        return Problem::new(StatusCode::FORBIDDEN, "a page of another site sent this").into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests;
