//! The console's page of alerts: what was raised, whether it arrived, and a button to send it again. A plain form: it
//! needs no script, and is taken only from this console itself.

use super::{
    extract::{Path, Query},
    page::{Page, failed, moment, not_found, problem},
};
use crate::{
    access::Role,
    alerts::{self, Alert, Delivery, Filter, Resent, SentReport, State as AlertState, Summary},
    api::Who,
    app::App,
    store::StoreError,
};
use askama::Template;
use axum::{
    Extension,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

/// So many stand on the page; the API has all.
const SHOWN: u32 = 200;
/// So many of the reports that went out.
const REPORTS_SHOWN: u32 = 10;

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsTemplate {
    section: &'static str,
    /// Whether who asks may send messages again.
    may_send: bool,
    states: Vec<(&'static str, &'static str, bool)>,
    summary: Summary,
    rows: Vec<Row>,
    more: bool,
    to: Vec<String>,
    reports: Vec<ReportRow>,
}

struct ReportRow {
    id: i64,
    at: String,
    title: String,
    deliveries: Vec<DeliveryRow>,
}

struct Row {
    id: i64,
    at: String,
    text: String,
    kind: String,
    badge: &'static str,
    state: &'static str,
    since: String,
    deliveries: Vec<DeliveryRow>,
    sendable: bool,
}

struct DeliveryRow {
    destination: String,
    badge: &'static str,
    state: &'static str,
    detail: String,
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    state: Option<String>,
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Query(query): Query<ListQuery>,
) -> Page {
    let said = query.state.as_deref().filter(|word| !word.is_empty());
    let wanted = said.and_then(AlertState::parse);
    if let Some(word) = said.filter(|_| wanted.is_none()) {
        let hint = format!("`{word}` is none of: standing, resolved, seeded.");
        return problem(StatusCode::BAD_REQUEST, "There is no such state of an alert", &hint);
    }
    let filter = Filter { state: wanted, ..Filter::default() };
    let now = app.clock.now();
    let read = app.store.read(move |store| {
        let (alerts, next) = alerts::list(store, &filter, SHOWN)?;
        let sent = alerts::sent_reports(store, REPORTS_SHOWN)?;
        Ok((alerts, next.is_some(), alerts::summary(store, now)?, sent))
    });
    match read.await {
        Ok((alerts, more, summary, sent)) => {
            Page::of(StatusCode::OK, &template(&app, &who, &alerts, more, summary, &sent, wanted))
        }
        Err(error) => broken(&error),
    }
}

fn broken(error: &StoreError) -> Page {
    tracing::error!(%error, "the console cannot read or write the store");
    failed()
}

fn template(
    app: &App,
    who: &Who,
    alerts: &[Alert],
    more: bool,
    summary: Summary,
    sent: &[SentReport],
    wanted: Option<AlertState>,
) -> AlertsTemplate {
    let states = [None, Some(AlertState::Standing), Some(AlertState::Resolved), Some(AlertState::Seeded)];
    AlertsTemplate {
        section: "alerts",
        may_send: who.may(Role::Operate),
        states: states
            .map(|state| {
                let title = match state {
                    None => "All",
                    Some(AlertState::Standing) => "Standing",
                    Some(AlertState::Resolved) => "Resolved",
                    Some(AlertState::Seeded) => "Seeded",
                };
                (state.map_or("", AlertState::as_str), title, state == wanted)
            })
            .to_vec(),
        summary,
        rows: alerts.iter().map(row).collect(),
        more,
        to: app.rules().policy().alerts.to.iter().map(|name| name.as_str().to_owned()).collect(),
        reports: sent.iter().map(report).collect(),
    }
}

fn row(alert: &Alert) -> Row {
    let badge = match alert.state {
        AlertState::Standing => "warn",
        AlertState::Resolved => "good",
        AlertState::Seeded => "plain",
    };
    Row {
        id: alert.id,
        at: moment(alert.at.0),
        text: alert.text.clone(),
        kind: alert.kind.replace('_', " "),
        badge,
        state: alert.state.as_str(),
        since: alert.ended_at.map(|at| format!("since {}", moment(at.0))).unwrap_or_default(),
        deliveries: alert.deliveries.iter().map(delivery).collect(),
        sendable: alert.message.is_some(),
    }
}

fn report(sent: &SentReport) -> ReportRow {
    ReportRow {
        id: sent.id,
        at: moment(sent.at),
        title: sent.title.clone(),
        deliveries: sent.deliveries.iter().map(delivery).collect(),
    }
}

fn delivery(delivery: &Delivery) -> DeliveryRow {
    let badge = match delivery.state {
        "delivered" => "good",
        "dead" => "bad",
        _ => "open",
    };
    let tries = match delivery.attempts {
        0 => "not tried yet".to_owned(),
        1 => "1 try".to_owned(),
        tries => format!("{tries} tries"),
    };
    let error = delivery.last_error.as_ref().map(|error| format!(", {error}")).unwrap_or_default();
    let next = delivery.next_at.filter(|_| delivery.attempts > 0);
    let next = next.map(|at| format!(", next at {}", moment(at.0))).unwrap_or_default();
    DeliveryRow {
        destination: delivery.destination.clone(),
        badge,
        state: delivery.state,
        detail: format!("{tries}{error}{next}"),
    }
}

pub(super) async fn resend(State(app): State<App>, Path(id): Path<i64>) -> Response {
    resent(alerts::resend(&app, id).await)
}

pub(super) async fn resend_report(State(app): State<App>, Path(id): Path<i64>) -> Response {
    resent(alerts::resend_report(&app, id).await)
}

fn resent(resent: Result<Resent, StoreError>) -> Response {
    match resent {
        Ok(Resent::Queued(_) | Resent::Nowhere) => {
            (StatusCode::SEE_OTHER, [(header::LOCATION, "/console/alerts")]).into_response()
        }
        Ok(Resent::NoSuchAlert | Resent::NeverSent) => {
            not_found("There is nothing to send", "There is no such message, or the alert was only noted.")
                .into_response()
        }
        Err(error) => broken(&error).into_response(),
    }
}

#[cfg(test)]
mod tests;
