//! The HTTP face: routes, limits, and the shape of errors. Each route's file reads a request, asks a room and writes
//! the answer; none of them decides anything.

mod alerts;
mod allowances;
mod body;
mod calculations;
mod calls;
mod caps;
mod events;
mod explanations;
mod exports;
mod imports;
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
mod tasks;

pub use exports::{COST_WITHOUT_METER, UNPRICED_CALLS};
pub use problem::Problem;
pub use reconciliations::WITHIN_TOLERANCE;

use crate::{app::App, console};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, delete, get, post, put},
};
use protocol::codec::BATCH_BYTES_MAX;

/// The largest catalogue or policy taken. LiteLLM's is 3 MB and grows.
const DOCUMENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Every route, with its method as the OpenAPI document writes it.
fn routes() -> Vec<(&'static str, &'static str, MethodRouter<App>)> {
    let document = || DefaultBodyLimit::max(DOCUMENT_BYTES_MAX);
    vec![
        ("post", "/v1/events", post(events::ingest)),
        ("get", "/v1/snapshot", get(snapshot::show)),
        ("post", "/v1/allowances", post(allowances::ask)),
        ("get", "/v1/calls", get(calls::page)),
        ("get", "/v1/calls/{id}", get(calls::show)),
        ("get", "/v1/tasks", get(tasks::page)),
        ("get", "/v1/tasks/{id}", get(tasks::show)),
        ("put", "/v1/tasks/{id}/outcome", put(tasks::report_outcome)),
        ("put", "/v1/revenue/{customer}/{period}", put(revenue::put)),
        ("delete", "/v1/revenue/{customer}/{period}", delete(revenue::remove)),
        ("get", "/v1/prices", get(prices::page)),
        ("post", "/v1/prices/imports", post(imports::import).layer(document())),
        ("get", "/v1/prices/imports", get(imports::list)),
        ("get", "/v1/prices/imports/{id}", get(imports::show)),
        ("post", "/v1/prices/imports/{id}/approve", post(imports::approve)),
        ("post", "/v1/prices/imports/{id}/reject", post(imports::reject)),
        ("get", "/v1/policy", get(policy::show)),
        ("put", "/v1/policy", put(policy::replace).layer(document())),
        ("post", "/v1/policy/explanations", post(explanations::run).layer(document())),
        ("post", "/v1/policy/replays", post(replays::run).layer(document())),
        ("get", "/v1/caps", get(caps::page)),
        ("get", "/v1/alerts", get(alerts::page)),
        ("post", "/v1/alerts/{id}/resend", post(alerts::resend)),
        ("post", "/v1/destinations/{name}/test", post(alerts::test)),
        ("post", "/v1/loops/release", post(loops::release)),
        ("post", "/v1/calculations", post(calculations::run)),
        ("post", "/v1/reconciliations", post(reconciliations::run).layer(document())),
        ("post", "/v1/rerates", post(rerates::run)),
        ("get", "/v1/reports/{report}", get(reports::show)),
        ("get", "/v1/exports/focus", get(exports::focus)),
        ("get", "/openapi.json", get(openapi::show)),
        ("get", "/healthz", get(system::healthz)),
        ("get", "/readyz", get(system::readyz)),
        ("get", "/metrics", get(system::metrics)),
    ]
}

/// The whole service.
pub fn router(app: App) -> Router {
    let console = console::routes(app.clone());
    let router =
        routes().into_iter().fold(Router::new(), |router, (_, path, route)| router.route(path, route));
    router
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::no_route)
        .layer(DefaultBodyLimit::max(BATCH_BYTES_MAX))
        .layer(middleware::from_fn(no_foreign_pages))
        .with_state(app)
        .merge(console)
}

/// There is no login, so no other site may make somebody's browser change anything here.
async fn no_foreign_pages(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && console::is_foreign(request.headers(), request.uri()) {
        return Problem::new(StatusCode::FORBIDDEN, "a page of another site sent this").into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests;
