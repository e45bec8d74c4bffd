//! The first page: what AI costs and for whom, how full the caps are, the last calls.

pub(super) mod files;

use super::{
    chart::{self, Chart, Measure, Series},
    meter::Meter,
    page::{Page, count, moment, usd, written},
};
use crate::{
    instant::Instant,
    reports::{CapState, Point, Range, Report, Totals},
    watch::Refused,
};
use askama::Template;
use axum::http::StatusCode;
use protocol::{UnixNanos, money::PicoUsd};
use std::collections::BTreeMap;

const HOUR_NS: u64 = 3_600_000_000_000;
const DAY_NS: u64 = 86_400_000_000_000;
/// More caps than these are a list for the API; the fullest come first.
const METERS_MAX: usize = 12;

/// How much time the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// 24 hours, by the hour.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The word in the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
        }
    }

    /// From the word in the address.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.as_str() == word)
    }

    /// The shortest one that reaches back to the first call: a page of a young ledger is not mostly empty.
    pub fn reaching(first: Option<UnixNanos>, now: UnixNanos) -> Self {
        let reaches = |span: &Self| first.is_none_or(|first| span.range(now).from <= first);
        Self::ALL.into_iter().find(reaches).unwrap_or(Self::Month)
    }

    /// Whether its bars are hours, not days.
    pub fn is_hourly(self) -> bool {
        self == Self::Day
    }

    fn buckets(self) -> u64 {
        match self {
            Self::Day => 24,
            Self::Week => 7,
            Self::Month => 30,
        }
    }

    /// The whole hours or days that end with the one that `now` is in.
    pub fn range(self, now: UnixNanos) -> Range {
        let length = if self.is_hourly() { HOUR_NS } else { DAY_NS };
        let to = (now / length).saturating_add(1).saturating_mul(length);
        Range { from: to.saturating_sub(self.buckets().saturating_mul(length)), to }
    }
}

/// One of the last calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRow {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started_at: UnixNanos,
    /// Who pays.
    pub customer: Option<String>,
    /// For which part of the product.
    pub feature: Option<String>,
    /// At which provider.
    pub provider: String,
    /// Which model answered, or was asked for.
    pub model: Option<String>,
    /// open, finished, orphaned, refused.
    pub state: String,
    /// What it was worth, or why it was refused.
    pub outcome: Option<String>,
    /// Tokens of the prompt.
    pub tokens_in: u64,
    /// Generated tokens.
    pub tokens_out: u64,
    /// `None`: unpriced or open.
    pub cost: Option<PicoUsd>,
    /// Some of its usage is estimated.
    pub estimated: bool,
}

/// Everything the page shows.
#[derive(Clone, Debug)]
pub struct Overview<'a> {
    /// When it was asked for.
    pub now: UnixNanos,
    /// How much time it shows.
    pub span: Span,
    /// Sums per customer and hour or day.
    pub points: &'a [Point],
    /// Caps that have a count.
    pub caps: &'a [CapState],
    /// Whether the policy has caps at all.
    pub has_caps: bool,
    /// What stands.
    pub alerts: crate::alerts::Summary,
    /// Why the last change of the policy's file was not taken.
    pub refused: Option<&'a Refused>,
    /// The newest first.
    pub calls: &'a [CallRow],
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewTemplate<'a> {
    section: &'static str,
    span: &'static str,
    spans: Vec<(&'static str, &'static str, bool)>,
    until: String,
    alerts: crate::alerts::Summary,
    refused: Option<&'a Refused>,
    refused_at: String,
    tiles: Vec<Tile>,
    unpriced_link: String,
    cost: Chart,
    calls_chart: Chart,
    legend: Vec<LegendRow>,
    legend_total: Option<LegendRow>,
    buckets: Vec<TableRow>,
    meters: Vec<Meter>,
    meters_left: usize,
    has_caps: bool,
    calls: Vec<CallCells>,
}

struct Tile {
    title: &'static str,
    value: String,
    detail: String,
    class: &'static str,
    /// What it leads to.
    link: String,
}

struct LegendRow {
    class: &'static str,
    name: String,
    /// The customer's page; empty of what is no customer.
    address: String,
    cost: String,
    calls: String,
    refused: String,
    unpriced: u64,
}

/// One hour or day of the chart as a table.
struct TableRow {
    when: String,
    who: String,
    cost: String,
    calls: String,
}

pub(super) struct CallCells {
    pub(super) id: String,
    pub(super) date: String,
    pub(super) time: String,
    pub(super) customer: Option<String>,
    pub(super) customer_address: String,
    pub(super) feature: String,
    pub(super) model: String,
    pub(super) badge: &'static str,
    pub(super) word: String,
    pub(super) tokens_in: String,
    pub(super) tokens_out: String,
    pub(super) cost: Option<String>,
    pub(super) estimated: bool,
    pub(super) open: bool,
}

impl Overview<'_> {
    /// Renders it.
    pub fn page(&self) -> Page {
        let range = self.span.range(self.now);
        let unpriced_link =
            format!("/console/reports/unpriced?from={}&to={}", Instant(range.from), Instant(range.to));
        let customers = self.customers(range);
        let series = Series::new(customers.iter().map(|(customer, _)| customer));
        let total = customers.iter().fold(Totals::default(), |sum, (_, totals)| sum.plus(*totals));
        let draw = |measure| chart::draw(self.points, &series, range, self.span.buckets(), measure);
        let mut caps: Vec<&CapState> = self.caps.iter().collect();
        // used / limit, compared without a division
        let side =
            |one: &CapState, other: &CapState| i128::from(one.used()).saturating_mul(i128::from(other.limit));
        caps.sort_by(|a, b| {
            side(b, a).cmp(&side(a, b)).then_with(|| (&a.name, &a.subject).cmp(&(&b.name, &b.subject)))
        });
        let template = OverviewTemplate {
            section: "overview",
            span: self.span.as_str(),
            spans: Span::ALL.map(|span| (span.as_str(), span.title(), span == self.span)).to_vec(),
            until: moment(self.now),
            alerts: self.alerts,
            refused: self.refused,
            refused_at: self.refused.map(|refused| moment(refused.at.0)).unwrap_or_default(),
            tiles: tiles(&customers, &total, unpriced_link.clone()),
            unpriced_link,
            cost: draw(Measure::Cost),
            calls_chart: draw(Measure::Calls),
            legend: legend(&customers, &series),
            legend_total: (customers.len() > 1).then(|| legend_row("", "total".to_owned(), &total)),
            buckets: self.table(range),
            meters: caps.iter().take(METERS_MAX).map(|cap| Meter::new(cap, self.now)).collect(),
            meters_left: caps.len().saturating_sub(METERS_MAX),
            has_caps: self.has_caps,
            calls: self.calls.iter().map(|call| cells(call, self.now)).collect(),
        };
        Page::of(StatusCode::OK, &template)
    }

    /// Its tables as files.
    pub(super) fn report(&self) -> Report {
        let range = self.span.range(self.now);
        files::report(self.points, &self.customers(range), range)
    }

    /// The sums of each, the dearest first.
    fn customers(&self, range: Range) -> Vec<(Option<Box<str>>, Totals)> {
        let mut sums: BTreeMap<Option<Box<str>>, Totals> = BTreeMap::new();
        for point in self.points.iter().filter(|point| (range.from..range.to).contains(&point.at)) {
            let sum = sums.entry(point.customer.clone()).or_default();
            *sum = sum.plus(point.totals);
        }
        let mut customers: Vec<(Option<Box<str>>, Totals)> = sums.into_iter().collect();
        customers
            .sort_by(|a, b| (b.1.cost, b.1.calls).cmp(&(a.1.cost, a.1.calls)).then_with(|| a.0.cmp(&b.0)));
        customers
    }

    fn table(&self, range: Range) -> Vec<TableRow> {
        let format = if self.span.is_hourly() { "%a %-d %b %H:%M" } else { "%a %-d %b" };
        let inside = self.points.iter().filter(|point| (range.from..range.to).contains(&point.at));
        let row = |point: &Point| TableRow {
            when: written(point.at, format),
            who: point.customer.as_deref().unwrap_or("unattributed").to_owned(),
            cost: cost(&point.totals),
            calls: count(point.totals.calls),
        };
        inside.map(row).collect()
    }
}

fn cost(totals: &Totals) -> String {
    match totals.unpriced {
        0 => usd(totals.cost),
        // Nothing but unknown prices: a zero would be a lie.
        unpriced if unpriced >= totals.calls && totals.cost == PicoUsd::ZERO => {
            format!("unknown ({unpriced} unpriced)")
        }
        unpriced => format!("{} + {unpriced} unpriced", usd(totals.cost)),
    }
}

fn tiles(customers: &[(Option<Box<str>>, Totals)], total: &Totals, unpriced_link: String) -> Vec<Tile> {
    let active = customers.iter().filter(|(name, totals)| name.is_some() && totals.calls > 0).count();
    let nobody =
        customers.iter().find(|(name, _)| name.is_none()).map(|(_, totals)| *totals).unwrap_or_default();
    let unknown = |what: u64, title, detail: &str| Tile {
        title,
        value: count(what),
        detail: detail.to_owned(),
        class: if what > 0 { "warn" } else { "" },
        link: String::new(),
    };
    let priced = match total.unpriced {
        0 if total.calls == 0 => "nothing spent".to_owned(),
        0 => "every call priced".to_owned(),
        unpriced => format!("without {} unpriced calls", count(unpriced)),
    };
    let errors = match total.errors {
        0 => "no errors".to_owned(),
        errors => format!("{} with an error", count(errors)),
    };
    let tile = |title, value, detail| Tile { title, value, detail, class: "", link: String::new() };
    vec![
        tile("AI cost", usd(total.cost), priced),
        tile("Calls", count(total.calls), errors),
        tile("Active customers", active.to_string(), "with at least one call".to_owned()),
        unknown(total.refused, "Refused", "at no cost"),
        Tile {
            link: if total.unpriced > 0 { unpriced_link } else { String::new() },
            ..unknown(total.unpriced, "Unpriced", "calls without a known cost")
        },
        unknown(nobody.asked(), "Unattributed", "calls without a customer"),
    ]
}

fn legend(customers: &[(Option<Box<str>>, Totals)], series: &Series) -> Vec<LegendRow> {
    let own = customers.iter().filter(|(name, _)| series.class(name) != "s-others");
    let mut rows: Vec<LegendRow> = own
        .map(|(name, totals)| {
            let word = name.as_deref().unwrap_or("unattributed").to_owned();
            let address = name.as_deref().map(super::customer::address).unwrap_or_default();
            LegendRow { address, ..legend_row(series.class(name), word, totals) }
        })
        .collect();
    let others: Vec<&Totals> = customers
        .iter()
        .filter(|(name, _)| series.class(name) == "s-others")
        .map(|(_, totals)| totals)
        .collect();
    if !others.is_empty() {
        let sum = others.iter().fold(Totals::default(), |sum, totals| sum.plus(**totals));
        rows.push(legend_row("s-others", format!("{} others", others.len()), &sum));
    }
    rows
}

fn legend_row(class: &'static str, name: String, totals: &Totals) -> LegendRow {
    LegendRow {
        class,
        name,
        address: String::new(),
        cost: usd(totals.cost),
        calls: count(totals.calls),
        refused: count(totals.refused),
        unpriced: totals.unpriced,
    }
}

pub(super) fn cells(call: &CallRow, now: UnixNanos) -> CallCells {
    let (badge, word) = badge(&call.state, call.outcome.as_deref());
    let today = now / DAY_NS == call.started_at / DAY_NS;
    CallCells {
        id: call.id.clone(),
        date: if today { String::new() } else { written(call.started_at, "%-d %b") },
        time: written(call.started_at, "%H:%M:%S"),
        customer: call.customer.clone(),
        customer_address: call.customer.as_deref().map(super::customer::address).unwrap_or_default(),
        feature: call.feature.clone().unwrap_or_else(|| "–".to_owned()),
        model: call.model.clone().unwrap_or_else(|| call.provider.clone()),
        badge,
        word,
        tokens_in: count(call.tokens_in),
        tokens_out: count(call.tokens_out),
        cost: call.cost.map(usd),
        estimated: call.estimated,
        open: call.state == "open",
    }
}

/// The class and the word of a call's end.
pub(super) fn badge(state: &str, outcome: Option<&str>) -> (&'static str, String) {
    let refusal = outcome.and_then(|outcome| outcome.strip_prefix("refused_")).filter(|_| state == "refused");
    let word = match refusal {
        Some(reason) => format!("refused: {}", reason.replace('_', " ")),
        None => outcome.unwrap_or(state).replace('_', " "),
    };
    let class = match (state, outcome) {
        ("open", _) => return ("open", "open".to_owned()),
        ("orphaned", _) => return ("bad", "orphaned".to_owned()),
        ("refused", _) => "refused",
        (_, Some("ok")) => "good",
        (_, Some("error" | "timed_out" | "invalid_json")) => "bad",
        _ => "plain",
    };
    (class, word)
}
