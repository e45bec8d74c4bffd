//! The console's addresses.

mod prices;

use super::{
    CallPage, Overview, Page, STYLESHEET, Span, access, alerts, calculator, calls, customer, download,
    extract::{Path, Query},
    filter::meant,
    find,
    guard::{guarded, own_forms_only},
    not_found,
    page::{failed, problem},
    policy,
    read::{self, Call},
    reconciliation,
    report::faulty_report_page,
    report_page, sign_in, tasks,
};
use crate::{
    access::{Need, Role},
    app::App,
    instant::Instant,
    ledger,
    reports::{self, CapState, Filter, Kind, Question, Range},
    rules::Rules,
    store::StoreError,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use protocol::{UnixNanos, ids::CallId};
use serde::Deserialize;
use std::collections::BTreeMap;

/// So many calls stand on the first page.
const LAST_CALLS: u32 = 25;

const READ: Need = Need::Role(Role::Read);
const OPERATE: Need = Need::Role(Role::Operate);
const ADMIN: Need = Need::Role(Role::Admin);

/// Every page and form, and who may ask for it. Names may have slashes, which some proxies decode.
fn table() -> Vec<(&'static str, Need, MethodRouter<App>)> {
    vec![
        ("/", READ, get(overview)),
        ("/console/calls", READ, get(calls::list)),
        ("/console/calls/{id}", READ, get(call)),
        ("/console/find", READ, get(find::show)),
        ("/console/customers/{*name}", READ, get(customer::show)),
        ("/console/tasks", READ, get(tasks::list)),
        ("/console/tasks/{*name}", READ, get(tasks::show)),
        ("/console/reports", READ, get(report_list)),
        ("/console/reports/{kind}", READ, get(report)),
        ("/console/calculator", READ, get(calculator::show)),
        ("/console/reconciliation", READ, get(reconciliation::form).post(reconciliation::compare)),
        ("/console/prices", READ, get(prices::list)),
        ("/console/prices/proposals", READ, get(prices::proposals)),
        ("/console/prices/proposals", OPERATE, post(prices::decide_on)),
        ("/console/prices/{provider}/{*model}", READ, get(prices::history)),
        ("/console/policy", READ, get(policy::show)),
        ("/console/policy", ADMIN, post(policy::apply).layer(draft_limit())),
        ("/console/policy/draft", READ, get(policy::open).post(policy::check).layer(draft_limit())),
        ("/console/policy/versions/{version}", READ, get(policy::version)),
        ("/console/alerts", READ, get(alerts::list)),
        ("/console/alerts/{id}/resend", OPERATE, post(alerts::resend)),
        ("/console/messages/{id}/resend", OPERATE, post(alerts::resend_report)),
        ("/console/access", READ, get(access::show)),
        ("/console/access", ADMIN, post(access::make)),
        ("/console/access/revoke", ADMIN, post(access::revoke)),
        ("/console/sign-in", Need::Open, get(sign_in::form).post(sign_in::sign_in)),
        ("/console/sign-out", Need::Open, post(sign_in::sign_out)),
        ("/assets/console.css", Need::Open, get(stylesheet)),
    ]
}

/// `/`, `/console/…` and the stylesheet.
pub fn routes(app: App) -> Router {
    let router = table()
        .into_iter()
        .fold(Router::new(), |router, (path, need, route)| router.route(path, guarded(&app, need, route)));
    let router = router.method_not_allowed_fallback(only_for_forms);
    router.layer(middleware::from_fn(own_forms_only)).with_state(app)
}

fn draft_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(policy::FORM_BYTES_MAX)
}

async fn only_for_forms() -> Page {
    super::page::only_for_forms()
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
    /// A table of it, as a file.
    csv: Option<String>,
}

async fn overview(State(app): State<App>, Query(query): Query<OverviewQuery>) -> Response {
    let (now, rules, refused) = (app.clock.now(), app.rules(), app.last_change.refused());
    let said = query.span.as_deref().filter(|word| !word.is_empty());
    let span = said.and_then(Span::parse);
    if let Some(word) = said.filter(|_| span.is_none()) {
        let hint = format!("`{word}` is none of: {}.", Span::ALL.map(Span::as_str).join(", "));
        return problem(StatusCode::BAD_REQUEST, "There is no such span of time", &hint).into_response();
    }
    let page = move |store: &rusqlite::Connection| {
        let span = match span {
            Some(span) => span,
            None => Span::reaching(reports::first_hour(store)?, now),
        };
        let view = Overview {
            now,
            span,
            points: &reports::series(store, span.range(now), span.is_hourly(), None)?,
            caps: &reports::cap_states(store, &rules, now)?,
            has_caps: !rules.caps().is_empty(),
            alerts: crate::alerts::summary(store, now)?,
            refused: refused.as_deref(),
            calls: &read::calls(store, &ledger::calls::Filter::default(), LAST_CALLS)?.0,
        };
        Ok(match &query.csv {
            Some(table) => download::file(vec![view.report()], table, "bursar"),
            None => view.page().into_response(),
        })
    };
    answered(app.store.read(page).await)
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

async fn report_list() -> Page {
    super::report::list_page()
}

async fn report(
    State(app): State<App>,
    Path(kind): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Page {
    let Ok(kind) = kind.parse::<Kind>() else {
        return not_found("There is no such report", "The page of reports lists those there are.");
    };
    let (now, rules) = (app.clock.now(), app.rules());
    let waiting = super::prices::waiting_count(&rules.prices);
    // A field of a form that was left empty says nothing.
    let said = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let known: Vec<&str> =
        ["from", "to"].into_iter().chain(kind.filters().iter().map(|column| column.as_str())).collect();
    let misnamed = query.keys().find(|name| !known.contains(&name.as_str()));
    let range = match misnamed {
        Some(name) => Err(format!("`{name}` filters nothing here. What does: {}", known.join(", "))),
        None => Range::parse(said("from"), said("to"), now).map_err(|error| error.to_string()),
    };
    let range = match range {
        Ok(range) => range,
        Err(fault) => return faulty_report_page(kind, said, fault, waiting),
    };
    let filter = Filter::of(kind, |name| said(name).map(meant));
    let question = Question::new(kind, range, filter.clone());
    let make = move |store: &rusqlite::Connection| {
        let caps = if kind == Kind::Weekly { reports::cap_states(store, &rules, now)? } else { Vec::new() };
        reports::answer(store, rules.policy(), &caps, &question, now)
    };
    let report = app.store.read(make).await;
    answer(report.map(|report| {
        // The other forms must be about the same time, whenever they are asked for.
        let query =
            report.range.map(|Range { from, to }| format!("from={}&to={}&", Instant(from), Instant(to)));
        report_page(&report, kind, &filter, &query.unwrap_or_default(), waiting)
    }))
}

pub(super) fn answer(page: Result<Page, StoreError>) -> Page {
    page.unwrap_or_else(unreadable)
}

/// The same of what may be a page or a file.
pub(super) fn answered(answer: Result<Response, StoreError>) -> Response {
    answer.unwrap_or_else(|error| unreadable(error).into_response())
}

fn unreadable(error: StoreError) -> Page {
    tracing::error!(%error, "the console cannot read the store");
    failed()
}

#[cfg(test)]
mod tests;
