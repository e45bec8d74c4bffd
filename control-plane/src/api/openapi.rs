//! The OpenAPI document. Each route describes itself beside its code; here they are listed.

use axum::Json;
use utoipa::{
    OpenApi,
    openapi::{InfoBuilder, OpenApi as Document},
};

#[derive(OpenApi)]
#[openapi(paths(
    super::events::ingest,
    super::snapshot::show,
    super::allowances::ask,
    super::calls::page,
    super::calls::show,
    super::calls::within,
    super::tasks::page,
    super::tasks::show,
    super::tasks::owners,
    super::tasks::report_outcome,
    super::revenue::put,
    super::revenue::remove,
    super::prices::page,
    super::imports::import,
    super::imports::page,
    super::imports::show,
    super::imports::approve,
    super::imports::reject,
    super::policy::show,
    super::policy::replace,
    super::versions::page,
    super::diffs::run,
    super::explanations::run,
    super::replays::run,
    super::caps::page,
    super::alerts::page,
    super::alerts::deliveries,
    super::alerts::resend,
    super::alerts::test,
    super::loops::release,
    super::reports::show,
    super::calculations::run,
    super::reconciliations::run,
    super::rerates::run,
    super::exports::focus,
    super::keys::list,
    super::keys::make,
    super::keys::revoke,
    show,
    super::system::healthz,
    super::system::readyz,
    super::system::metrics,
))]
struct Api;

pub(super) fn document() -> Document {
    let mut document = Api::openapi();
    document.info = InfoBuilder::new()
        .title("Bursar")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Cost, caps and attribution of LLM calls. Money is exact decimal text in USD, or null where it is not \
             known. Times are RFC 3339 in UTC. Errors are problem documents (RFC 9457).",
        ))
        .build();
    document
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "system",
    responses((status = 200, description = "The OpenAPI document", body = Object))
)]
pub(super) async fn show() -> Json<Document> {
    Json(document())
}
