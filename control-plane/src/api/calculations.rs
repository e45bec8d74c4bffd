//! `POST /v1/calculations`: what a plan leaves at some usage.

use super::{
    Problem,
    body::{Body, rendered},
    params::Params,
};
use crate::{app::App, calculator, reports::Format};
use axum::{extract::State, response::Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What to calculate. Numbers may be texts; an empty text is absence.
#[derive(Serialize, ToSchema)]
pub(super) struct Calculation {
    /// A plan of the policy; or `price_usd`, `period` (week, month, year) and `expected_margin_percent`, which replace
    /// the plan's.
    plan: Option<String>,
    price_usd: Option<String>,
    period: Option<String>,
    expected_margin_percent: Option<u8>,
    /// `provider/model`. Absent for a measured usage: as it was booked.
    model: Option<String>,
    tier: Option<String>,
    region: Option<String>,
    account: Option<String>,
    /// Prices are those in force then; by default now.
    at: Option<String>,
    /// Calls per customer and period: `{"p50": 100, "p99": 3000}`, or `p50=100,p99=3000`.
    #[schema(value_type = Option<Object>)]
    calls: Option<Value>,
    /// Per call, cache included.
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    /// Shares of the input that are read from a cache, and written to one.
    cached_percent: Option<String>,
    cache_write_percent: Option<String>,
    /// Instead of a typed usage: what the customers of this plan did, `from` until before `to`, or `since` (30d, 2w, 12h)
    /// before `to`.
    measure_plan: Option<String>,
    from: Option<String>,
    to: Option<String>,
    since: Option<String>,
    /// Tries per call that are billed beside the one that counts.
    retries_per_call: Option<String>,
    /// The share of calls that another model serves, and which.
    fallback_percent: Option<String>,
    fallback_model: Option<String>,
    /// Models to set beside it, as provider/model.
    compare: Option<Vec<String>>,
}

/// Calculates the margin of a plan: by percentile of the customers, how much usage it bears, and the same on other models.
#[utoipa::path(
    post, path = "/v1/calculations", tag = "reports",
    params(("format" = Option<String>, Query, description = "json (default), csv, md or table")),
    request_body = Calculation,
    responses(
        (status = 200, description = "A report: inputs, usage, margins, limits",
         content((Object = "application/json"), (String = "text/csv"), (String = "text/markdown"))),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Faulty; `errors` has each fault with its field", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(State(app): State<App>, params: Params, body: Body) -> Result<Response, Problem> {
    params.only(&["format"])?;
    let format = params.parsed::<Format>("format")?.unwrap_or(Format::Json);
    let document: Map<String, Value> = body.object("the calculation")?;
    let (now, rules) = (app.clock.now(), app.rules());
    let done = app.store.read(move |store| calculator::answer(store, &rules, &document, now)).await?;
    let report = done.map_err(|faults| {
        let noun = if faults.len() == 1 { "fault" } else { "faults" };
        Problem::faulty(format!("the calculation has {} {noun}", faults.len()), &faults)
    })?;
    Ok(rendered(&report, format, "calculation"))
}
