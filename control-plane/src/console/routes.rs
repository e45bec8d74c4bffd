//! The console's addresses.

mod prices;

use super::{
    CallPage, Overview, Page, STYLESHEET, Span, alerts, calculator, calls, customer, find, not_found,
    page::failed,
    read::{self, Call},
    reconciliation, report_page, tasks,
};
use crate::{
    app::App,
    instant::Instant,
    ledger::calls::Filter,
    reports::{self, CapState, Costs, Kind, Range},
    rules::Rules,
    store::StoreError,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use protocol::{UnixNanos, ids::CallId};
use serde::Deserialize;

/// So many calls stand on the first page.
const LAST_CALLS: u32 = 25;

/// `/`, `/console/…` and the stylesheet.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/console/calls", get(calls::list))
        .route("/console/calls/{id}", get(call))
        .route("/console/find", get(find::show))
        // Names may have slashes, which some proxies decode.
        .route("/console/customers/{*name}", get(customer::show))
        .route("/console/tasks", get(tasks::list))
        .route("/console/tasks/{*name}", get(tasks::show))
        .route("/console/reports", get(report_list))
        .route("/console/reports/{kind}", get(report))
        .route("/console/calculator", get(calculator::show))
        .route("/console/reconciliation", get(reconciliation::form).post(reconciliation::compare))
        .route("/console/prices", get(prices::list))
        .route("/console/prices/proposals", get(prices::proposals).post(prices::decide_on))
        // Names of models have slashes, which some proxies decode.
        .route("/console/prices/{provider}/{*model}", get(prices::history))
        .route("/console/alerts", get(alerts::list))
        .route("/console/alerts/{id}/resend", post(alerts::resend))
        .route("/console/messages/{id}/resend", post(alerts::resend_report))
        .route("/assets/console.css", get(stylesheet))
        .with_state(app)
}

async fn stylesheet() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, STYLESHEET).into_response()
}

#[derive(Deserialize)]
struct OverviewQuery {
    span: Option<String>,
}

async fn overview(State(app): State<App>, Query(query): Query<OverviewQuery>) -> Page {
    let (now, rules, refused) = (app.clock.now(), app.rules(), app.last_change.refused());
    let span = query.span.as_deref().and_then(Span::parse);
    let page = move |store: &rusqlite::Connection| {
        let span = match span {
            Some(span) => span,
            None => Span::reaching(reports::first_hour(store)?, now),
        };
        let view = Overview {
            now,
            span,
            points: &reports::series(store, span.range(now), span.is_hourly())?,
            caps: &reports::cap_states(store, &rules, now)?,
            has_caps: !rules.caps().is_empty(),
            alerts: crate::alerts::summary(store, now)?,
            refused: refused.as_deref(),
            calls: &read::calls(store, &Filter::default(), LAST_CALLS)?.0,
        };
        Ok(view.page())
    };
    answer(app.store.read(page).await)
}

async fn call(State(app): State<App>, Path(id): Path<String>) -> Page {
    let missing = || not_found("There is no such call", "The ledger has no call of this id.");
    let Ok(id) = id.parse::<CallId>() else { return missing() };
    let (now, rules) = (app.clock.now(), app.rules());
    let render = move |store: &rusqlite::Connection| -> Result<Option<Page>, StoreError> {
        let Some(call) = read::call(store, id)? else { return Ok(None) };
        let is_refused = call.end.as_ref().is_some_and(|end| end.refused.is_some());
        let caps = if is_refused { reports::cap_states(store, &rules, now)? } else { Vec::new() };
        Ok(Some(call_page(&call, &rules, &caps, now)))
    };
    answer(app.store.read(render).await.map(|page| page.unwrap_or_else(missing)))
}

fn call_page(call: &Call, rules: &Rules, caps: &[CapState], now: UnixNanos) -> Page {
    let page = CallPage {
        head: &call.head,
        end: call.end.as_ref(),
        state: call.state.as_str(),
        plan: call.plan.as_deref(),
        lines: &call.lines,
        cost: call.cost,
        unpriced: call.unpriced.as_deref(),
        settled: call.settled,
        corrections: &call.corrections,
        matched: call.matched,
        attempts: &call.attempts,
        rules,
        caps,
        now,
    };
    page.page()
}

#[derive(Deserialize)]
struct ReportQuery {
    from: Option<String>,
    to: Option<String>,
}

async fn report_list() -> Page {
    super::report::list_page()
}

async fn report(State(app): State<App>, Path(kind): Path<String>, Query(query): Query<ReportQuery>) -> Page {
    let Ok(kind) = kind.parse::<Kind>() else {
        return not_found("There is no such report", "The page of reports lists those there are.");
    };
    let (now, rules) = (app.clock.now(), app.rules());
    let waiting = super::prices::waiting_count(&rules.prices);
    // A field of a form that was left empty says nothing.
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (from, to) = (said(query.from), said(query.to));
    let range = match Range::parse(from.as_deref(), to.as_deref(), now) {
        Ok(range) => range,
        Err(error) => return not_found("There is no such time", &error.to_string()),
    };
    let make = move |store: &rusqlite::Connection| {
        let caps = if kind == Kind::Weekly { reports::cap_states(store, &rules, now)? } else { Vec::new() };
        reports::answer(store, rules.policy(), &caps, kind, range, Costs::Corrected, now)
    };
    let report = app.store.read(make).await;
    answer(report.map(|report| {
        // The other forms must be about the same time, whenever they are asked for.
        let query =
            report.range.map(|Range { from, to }| format!("from={}&to={}&", Instant(from), Instant(to)));
        report_page(&report, kind, &query.unwrap_or_default(), waiting)
    }))
}

pub(super) fn answer(page: Result<Page, StoreError>) -> Page {
    page.unwrap_or_else(|error| {
        tracing::error!(%error, "the console cannot read the store");
        failed()
    })
}

#[cfg(test)]
mod tests;
