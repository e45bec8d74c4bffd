//! A customer's page: what it costs and leaves, what limits it, and what it did last.

mod cost;
mod files;

use super::{
    chart::{self, Chart, Measure, Series},
    download,
    extract::{Path, Query},
    meter::Meter,
    overview::{CallCells, cells},
    page::{Page, count, encoded, moment, not_found, usd, written},
    read,
    routes::answered,
    tasks::TaskRow,
};
use crate::{
    alerts,
    app::App,
    ledger::{
        calls::{self, WordColumn},
        revenue, tasks,
    },
    reports::{
        self, CapState, Cell, Costs, CustomerMargin, Dimension, Filter, Payers, Point, Range, Reported,
        Totals,
    },
    rules::Rules,
    store::StoreError,
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use protocol::{
    UnixNanos,
    cap::{CapSpec, Facet, Unit, Window},
    money::PicoUsd,
};
use serde::Deserialize;

const DAY_NS: u64 = 86_400_000_000_000;
const DAYS: u64 = 30;
/// So many of each stand on the page.
const SHOWN: u32 = 25;

/// The address of a customer's page.
pub(super) fn address(customer: &str) -> String {
    format!("/console/customers/{}", encoded(customer))
}

#[derive(Template)]
#[template(path = "customer.html")]
struct CustomerTemplate {
    section: &'static str,
    name: String,
    plan: String,
    until: String,
    spans: Vec<SpanRow>,
    costs: Vec<cost::Table>,
    chart: Chart,
    days: Vec<(String, String, String)>,
    meters: Vec<Meter>,
    alerts: Vec<(String, String)>,
    alerts_more: bool,
    tasks: Vec<TaskRow>,
    tasks_link: String,
    calls: Vec<CallCells>,
    calls_link: String,
    /// Its own address, and its name in that of others.
    own: String,
    query: String,
}

/// Cost and margin of one span of time.
struct SpanRow {
    title: &'static str,
    from: String,
    to: String,
    revenue: String,
    cost: String,
    exact: String,
    unpriced: u64,
    margin: String,
    percent: String,
    /// That less is left than the plan shall leave, in words.
    below: String,
    calls: String,
    refused: String,
    csv: String,
}

#[derive(Deserialize)]
pub(super) struct CustomerQuery {
    /// A table of the page, as a file.
    csv: Option<String>,
}

pub(super) async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(query): Query<CustomerQuery>,
) -> Response {
    let (now, rules, quiet_since) = (app.clock.now(), app.rules(), app.quiet_since());
    let read = move |store: &rusqlite::Connection| {
        if !is_known(store, &rules, &name)? {
            let hint = "No call names that customer, and the policy does not know it.";
            return Ok(not_found("There is no such customer", hint).into_response());
        }
        Ok(match &query.csv {
            Some(table) => {
                download::file(files::reports(store, &rules, &name, now)?, table, &format!("customer-{name}"))
            }
            None => page(store, &rules, &name, now, quiet_since)?.into_response(),
        })
    };
    answered(app.store.read(read).await)
}

/// The last thirty days, today too.
fn last_days(now: UnixNanos) -> Range {
    let to = (now / DAY_NS).saturating_add(1);
    Range { from: to.saturating_sub(DAYS).saturating_mul(DAY_NS), to: to.saturating_mul(DAY_NS) }
}

/// The spans whose margin is shown: the customer's own billing period, and those days.
fn shown_spans(rules: &Rules, name: &str, now: UnixNanos) -> [(&'static str, Range); 2] {
    let period = CapSpec::plain("", Unit::Usd, 0, Window::BillingPeriod);
    let period = CapSpec { subject: [(Facet::Customer, protocol::cap::SubjectMatch::Each)].into(), ..period };
    let (from, to) = rules.policy().window_of(&period, &format!("customer={name}"), now);
    [("This billing period", Range { from, to }), ("The last 30 days", last_days(now))]
}

fn page(
    store: &rusqlite::Connection,
    rules: &Rules,
    name: &str,
    now: UnixNanos,
    quiet_since: UnixNanos,
) -> Result<Page, StoreError> {
    let (calls, _) = read::calls(store, &calls_of(name), SHOWN)?;
    let days = last_days(now);
    let spans = shown_spans(rules, name, now).map(|(title, range)| span(store, rules, name, title, range));
    let points = reports::series(store, days, false, Some(name))?;
    let filter = alerts::Filter {
        customer: Some(name.to_owned()),
        state: Some(alerts::State::Standing),
        ..alerts::Filter::default()
    };
    let (alerts, next) = alerts::list(store, &filter, SHOWN)?;
    let of_customer =
        tasks::Filter { words: vec![("customer", name.to_owned())], ..tasks::Filter::default() };
    let (tasks, _) = tasks::list(store, &of_customer, SHOWN, quiet_since)?;
    let template = CustomerTemplate {
        section: "",
        plan: rules.policy().plan_of(name).map(|(plan, _)| plan.to_string()).unwrap_or_default(),
        until: moment(now),
        spans: spans.into_iter().collect::<Result<_, _>>()?,
        costs: cost::tables(store, rules, name, days, now)?,
        chart: draw(name, &points, days),
        days: points.iter().map(day).collect(),
        meters: meters(&reports::cap_states(store, rules, now)?, name, now),
        alerts: alerts.into_iter().map(|alert| (moment(alert.at.0), alert.text)).collect(),
        alerts_more: next.is_some(),
        tasks: tasks.iter().map(TaskRow::new).collect(),
        tasks_link: format!("/console/tasks?customer={}", encoded(name)),
        calls: calls.iter().map(|call| cells(call, now)).collect(),
        calls_link: format!("/console/calls?customer={}", encoded(name)),
        own: address(name),
        query: encoded(name),
        name: name.to_owned(),
    };
    Ok(Page::of(StatusCode::OK, &template))
}

/// Whether the policy names it, or the ledger does.
pub(super) fn is_known(store: &rusqlite::Connection, rules: &Rules, name: &str) -> Result<bool, StoreError> {
    if rules.policy().customers.iter().any(|(known, _)| known.as_str() == name) {
        return Ok(true);
    }
    revenue::is_known(store, name)
}

fn calls_of(customer: &str) -> calls::Filter {
    calls::Filter { words: vec![(WordColumn::Customer, customer.to_owned())], ..calls::Filter::default() }
}

fn span(
    store: &rusqlite::Connection,
    rules: &Rules,
    name: &str,
    title: &'static str,
    range: Range,
) -> Result<SpanRow, StoreError> {
    // The aggregates count whole days, and a period of a customer elsewhere begins and ends within one.
    let (paid_for, range) = (range, reports::whole_days(range));
    let Figures { totals, revenue, margin, percent, below } = Figures::read(store, rules, name, paid_for)?;
    Ok(SpanRow {
        title,
        from: written(paid_for.from, "%Y-%m-%d %H:%M"),
        to: written(paid_for.to, "%Y-%m-%d %H:%M"),
        revenue: revenue.map(usd).unwrap_or_default(),
        cost: usd(totals.cost),
        exact: totals.cost.to_string(),
        unpriced: totals.unpriced,
        margin: margin.map(usd).unwrap_or_default(),
        percent: percent.map(|percent| Cell::Percent(Some(percent)).shown()).unwrap_or_default(),
        below: below.map(|expected| format!("below the expected {expected} %")).unwrap_or_default(),
        calls: count(totals.calls),
        refused: count(totals.refused),
        csv: format!(
            "/v1/reports/customers?from={}&to={}&format=csv",
            written(range.from, "%Y-%m-%d"),
            written(range.to, "%Y-%m-%d")
        ),
    })
}

/// What a customer cost and left in some time.
struct Figures {
    totals: Totals,
    revenue: Option<PicoUsd>,
    margin: Option<PicoUsd>,
    /// In tenths.
    percent: Option<i64>,
    /// What the plan shall leave, in percent, where less is left.
    below: Option<u8>,
}

impl Figures {
    fn read(
        store: &rusqlite::Connection,
        rules: &Rules,
        name: &str,
        paid_for: Range,
    ) -> Result<Self, StoreError> {
        let days = reports::whole_days(paid_for);
        let groups =
            reports::groups(store, Dimension::Customer, days, Costs::Corrected, &Filter::customer(name))?;
        let totals = Totals::of(&groups);
        let reported = Reported::read(store, paid_for)?;
        let payers = Payers { policy: rules.policy(), reported: &reported };
        let margin = payers.margin(Some(name), totals, paid_for);
        // Where nobody said what it pays, nothing is known of what is left; 0 or less is said, too.
        let known = payers.is_known(name).then_some(&margin);
        Ok(Self {
            totals,
            revenue: known.map(|margin| margin.revenue),
            margin: known.and_then(CustomerMargin::margin),
            percent: known.and_then(CustomerMargin::per_mille),
            below: margin.expected_percent.filter(|_| margin.is_below()),
        })
    }
}

fn draw(name: &str, points: &[Point], days: Range) -> Chart {
    let series = Series::new([&Some(Box::from(name))]);
    chart::draw(points, &series, days, DAYS, Measure::Cost)
}

fn day(point: &Point) -> (String, String, String) {
    let cost = match point.totals.unpriced {
        0 => usd(point.totals.cost),
        unpriced => format!("{} + {unpriced} unpriced", usd(point.totals.cost)),
    };
    (written(point.at, "%a %-d %b"), cost, count(point.totals.calls))
}

fn meters(caps: &[CapState], name: &str, now: UnixNanos) -> Vec<Meter> {
    let own = caps.iter().filter(|cap| reports::is_about_customer(&cap.subject, name));
    own.map(|cap| Meter::new(cap, now)).collect()
}
