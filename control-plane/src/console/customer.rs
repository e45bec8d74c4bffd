//! A customer's page: what it costs and leaves, what limits it, and what it did last.

mod cost;

use super::{
    chart::{self, Chart, Measure, Series},
    meter::Meter,
    overview::{CallCells, cells},
    page::{Page, count, encoded, moment, not_found, usd, written},
    read,
    routes::answer,
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
    extract::{Path, State},
    http::StatusCode,
};
use protocol::{
    UnixNanos,
    cap::{CapSpec, Facet, Unit, Window},
};

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

pub(super) async fn show(State(app): State<App>, Path(name): Path<String>) -> Page {
    let (now, rules, quiet_since) = (app.clock.now(), app.rules(), app.quiet_since());
    let read = move |store: &rusqlite::Connection| page(store, &rules, &name, now, quiet_since);
    let hint = "No call names that customer, and the policy does not know it.";
    answer(
        app.store
            .read(read)
            .await
            .map(|page| page.unwrap_or_else(|| not_found("There is no such customer", hint))),
    )
}

fn page(
    store: &rusqlite::Connection,
    rules: &Rules,
    name: &str,
    now: UnixNanos,
    quiet_since: UnixNanos,
) -> Result<Option<Page>, StoreError> {
    if !is_known(store, rules, name)? {
        return Ok(None);
    }
    let (calls, _) = read::calls(store, &calls_of(name), SHOWN)?;
    let period = CapSpec::plain("", Unit::Usd, 0, Window::BillingPeriod);
    let period = CapSpec { subject: [(Facet::Customer, protocol::cap::SubjectMatch::Each)].into(), ..period };
    let (from, to) = rules.policy().window_of(&period, &format!("customer={name}"), now);
    let days = Range {
        from: (now / DAY_NS).saturating_add(1).saturating_sub(DAYS).saturating_mul(DAY_NS),
        to: (now / DAY_NS).saturating_add(1).saturating_mul(DAY_NS),
    };
    let spans = [("This billing period", Range { from, to }), ("The last 30 days", days)];
    let spans = spans.map(|(title, range)| span(store, rules, name, title, range));
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
        name: name.to_owned(),
    };
    Ok(Some(Page::of(StatusCode::OK, &template)))
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
    let groups =
        reports::groups(store, Dimension::Customer, range, Costs::Corrected, &Filter::customer(name))?;
    let totals = Totals::of(&groups);
    let reported = Reported::read(store, paid_for)?;
    let payers = Payers { policy: rules.policy(), reported: &reported };
    let margin = payers.margin(Some(name), totals, paid_for);
    // Where nobody said what it pays, nothing is known of what is left; 0 or less is said, too.
    let known = payers.is_known(name).then_some(&margin);
    let expected = margin.expected_percent.filter(|_| margin.is_below());
    Ok(SpanRow {
        title,
        from: written(paid_for.from, "%Y-%m-%d %H:%M"),
        to: written(paid_for.to, "%Y-%m-%d %H:%M"),
        revenue: known.map(|margin| usd(margin.revenue)).unwrap_or_default(),
        cost: usd(totals.cost),
        exact: totals.cost.to_string(),
        unpriced: totals.unpriced,
        margin: known.and_then(CustomerMargin::margin).map(usd).unwrap_or_default(),
        percent: known
            .and_then(CustomerMargin::per_mille)
            .map(|percent| Cell::Percent(Some(percent)).shown())
            .unwrap_or_default(),
        below: expected.map(|expected| format!("below the expected {expected} %")).unwrap_or_default(),
        calls: count(totals.calls),
        refused: count(totals.refused),
        csv: format!(
            "/v1/reports/customers?from={}&to={}&format=csv",
            written(range.from, "%Y-%m-%d"),
            written(range.to, "%Y-%m-%d")
        ),
    })
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
    let own = format!("customer={name}");
    let about = |cap: &&CapState| {
        let rest = cap.subject.strip_prefix(own.as_str());
        // A name may contain blanks: what follows must be another facet and its value.
        let is_facet = |rest: &str| {
            let facet = rest.split_once('=').map(|(facet, _)| facet);
            Facet::ALL.into_iter().any(|known| facet == Some(known.as_str()))
        };
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(' ').is_some_and(is_facet))
    };
    caps.iter().filter(about).map(|cap| Meter::new(cap, now)).collect()
}
