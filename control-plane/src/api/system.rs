//! Whether the process lives, whether it can work, and what it counts.

use super::Problem;
use crate::{
    allowances,
    app::App,
    metrics::Gauges,
    rules::Rules,
    store::{StoreError, imports, unix},
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{UnixNanos, cap::Unit, money::PicoUsd};
use rusqlite::Connection;

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "system", responses((status = 200, description = "It lives")))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The store can be written and read.
#[utoipa::path(
    get, path = "/readyz", tag = "system",
    responses((status = 200, description = "It can work"), (status = 503, description = "It cannot", body = Problem))
)]
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    let written =
        app.store.write(|write| Ok(write.connection().query_row("SELECT 1", [], |_| Ok(()))?)).await;
    let read = app.store.read_short(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?)).await;
    match written.and(read) {
        Ok(()) => Ok("ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store does not work"))
        }
    }
}

/// What is counted, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "system",
    responses((status = 200, description = "OpenMetrics text", content_type = "text/plain"))
)]
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let (now, rules) = (app.clock.now(), app.rules());
    let gauges = app.store.read(move |connection| gauges(connection, &rules, now)).await?;
    let text = app.metrics.text(&gauges).map_err(Problem::internal)?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

fn gauges(connection: &Connection, rules: &Rules, now: UnixNanos) -> Result<Gauges, StoreError> {
    let open: i64 =
        connection.query_row("SELECT count(*) FROM calls WHERE state = 0", [], |row| row.get(0))?;
    let mut gauges = Gauges { open_calls: unix(open), ..Gauges::default() };
    for (provider, at) in imports::confirmed(connection, now)? {
        gauges.price_age_seconds.insert(provider, now.saturating_sub(at) / 1_000_000_000);
    }
    let states = allowances::caps(connection, rules.policy(), rules.caps(), now)?;
    let debts =
        states.iter().filter(|state| state.cap.unit == Unit::Usd).map(|state| i128::from(state.debt()));
    gauges.cap_debt = PicoUsd::total(debts.map(PicoUsd::new)).unwrap_or_default();
    Ok(gauges)
}
