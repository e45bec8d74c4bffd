//! The console's addresses.

use super::{
    CallPage, Overview, Page, STYLESHEET, Span, not_found,
    page::failed,
    read::{self, Call},
    report_page,
};
use crate::{
    clock::Clock,
    instant::Instant,
    reports::{self, Costs, Kind, Range},
    rules::Rules,
    store::{Store, StoreError},
};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use protocol::ids::CallId;
use serde::Deserialize;
use std::sync::Arc;

/// So many calls stand on the first page.
const LAST_CALLS: u32 = 25;

/// What the console reads.
#[derive(Clone)]
pub struct Console {
    /// The ledger and its aggregates.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The rules in force, whenever asked.
    pub rules: Arc<dyn Fn() -> Arc<Rules> + Send + Sync>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

/// `/`, `/console/…` and the stylesheet.
pub fn routes(console: Console) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/console/calls/{id}", get(call))
        .route("/console/reports/weekly", get(weekly))
        .route("/assets/console.css", get(stylesheet))
        .with_state(console)
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

async fn overview(State(console): State<Console>, Query(query): Query<OverviewQuery>) -> Page {
    let (now, rules) = (console.clock.now(), (console.rules)());
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
            alerts: crate::alerts::summary(store)?,
            calls: &read::last_calls(store, LAST_CALLS)?,
        };
        Ok(view.page())
    };
    answer(console.store.read(page).await)
}

async fn call(State(console): State<Console>, Path(id): Path<String>) -> Page {
    let missing = || not_found("There is no such call", "The ledger has no call of this id.");
    let Ok(id) = id.parse::<CallId>() else { return missing() };
    let rules = (console.rules)();
    let found = console.store.read(move |store| read::call(store, id)).await;
    answer(found.map(|found| {
        let Some(Call { head, end, lines, state, plan, unpriced, cost, settled, corrections }) = found else {
            return missing();
        };
        let page = CallPage {
            head: &head,
            end: end.as_ref(),
            state: state.as_str(),
            plan: plan.as_deref(),
            lines: &lines,
            cost,
            unpriced: unpriced.as_deref(),
            settled,
            corrections: &corrections,
            prices: &rules.prices,
        };
        page.page()
    }))
}

#[derive(Deserialize)]
struct ReportQuery {
    from: Option<String>,
    to: Option<String>,
}

async fn weekly(State(console): State<Console>, Query(query): Query<ReportQuery>) -> Page {
    let (now, rules) = (console.clock.now(), (console.rules)());
    let range = match Range::parse(query.from.as_deref(), query.to.as_deref(), now) {
        Ok(range) => range,
        Err(error) => return not_found("There is no such week", &error.to_string()),
    };
    let make = move |store: &rusqlite::Connection| {
        let caps = reports::cap_states(store, &rules, now)?;
        reports::answer(store, rules.policy(), &caps, Kind::Weekly, range, Costs::Corrected)
    };
    let report = console.store.read(make).await;
    answer(report.map(|report| {
        // The other forms must be about the same time, whenever they are asked for.
        let query =
            report.range.map(|Range { from, to }| format!("from={}&to={}&", Instant(from), Instant(to)));
        report_page(&report, &query.unwrap_or_default())
    }))
}

fn answer(page: Result<Page, StoreError>) -> Page {
    page.unwrap_or_else(|error| {
        tracing::error!(%error, "the console cannot read the store");
        failed()
    })
}

#[cfg(test)]
mod tests;
