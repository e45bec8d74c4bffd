//! A report as a page: its sections as tables.

use super::{
    download::linked,
    filter::{asking_for, page_of},
    page::{Page, encoded, moment, written},
    prices::address,
};
use crate::reports::{
    Cell, Column, Filter, Kind, List, ListFilters, Range, Report, Section, behind, code_parts,
};
use askama::Template;
use axum::http::StatusCode;

/// No column of its own: nobody reads an id, and the time of the call leads to it.
const LAST_CALL: &str = "last_call";

#[derive(Template)]
#[template(path = "report.html")]
struct ReportTemplate {
    section: &'static str,
    /// The report's word in addresses.
    kind: &'static str,
    is_about_prices: bool,
    waiting: usize,
    title: String,
    range: String,
    from: String,
    to: String,
    /// What it can be filtered by, and what it is.
    filters: Vec<(&'static str, String)>,
    query: String,
    /// What is wrong with what was asked for.
    fault: String,
    sections: Vec<SectionView>,
}

pub(super) struct SectionView {
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    /// With many columns, which stand closer.
    pub(super) is_wide: bool,
    pub(super) columns: Vec<(String, bool)>,
    pub(super) rows: Vec<Vec<CellView>>,
    pub(super) total: Vec<CellView>,
    /// In parts, of which every other one is code.
    pub(super) notes: Vec<Vec<String>>,
    pub(super) empty: &'static str,
    /// Where it is as a file,
    pub(super) csv: String,
    /// or the form that makes one of it.
    pub(super) csv_form: &'static str,
}

pub(super) struct CellView {
    pub(super) text: String,
    pub(super) number: bool,
    /// The exact amount, where what is shown is rounded.
    pub(super) exact: String,
    pub(super) bad: bool,
    /// The page about it.
    pub(super) link: String,
}

/// A report's page. `time` and the filter are what its other forms are asked for with; so many price rows are `waiting`.
pub fn report_page(report: &Report, kind: Kind, filter: &Filter, time: &str, waiting: usize) -> Page {
    let is_about_prices = kind == Kind::Unpriced;
    let day = |at: Option<u64>| at.map(|at| written(at, "%Y-%m-%d")).unwrap_or_default();
    let text = |column: &str| {
        filter.pairs().find(|(known, _)| *known == column).map(|(_, text)| asking_for(text).into())
    };
    let filters = kind.filters().iter().map(|column| column.as_str());
    let (query, mut tables) = (format!("{time}{}", parameters(filter)), sections(report, filter));
    // A report of one table is that table.
    if tables.len() > 1 {
        let address = |key| format!("/v1/reports/{}?{query}format=csv&section={key}", kind.as_str());
        tables = linked(tables, address);
    }
    let template = ReportTemplate {
        section: section(kind),
        kind: kind.as_str(),
        is_about_prices,
        waiting,
        title: report.title.clone(),
        range: report
            .range
            .map(|Range { from, to }| format!("{} to {} UTC. ", moment(from), moment(to)))
            .unwrap_or_default(),
        from: day(report.range.map(|range| range.from)),
        to: day(report.range.map(|range| range.to)),
        filters: filters.map(|column| (column, text(column).unwrap_or_default())).collect(),
        query,
        fault: String::new(),
        sections: tables,
    };
    Page::of(StatusCode::OK, &template)
}

/// The page of a report that was asked for in a way that says nothing: the form, as it was filled, and what is wrong.
pub(super) fn faulty_report_page<'a>(
    kind: Kind,
    said: impl Fn(&str) -> Option<&'a str>,
    fault: String,
    waiting: usize,
) -> Page {
    let text = |name: &str| said(name).unwrap_or_default().to_owned();
    let template = ReportTemplate {
        section: section(kind),
        kind: kind.as_str(),
        is_about_prices: kind == Kind::Unpriced,
        waiting,
        title: format!("Report: {}", kind.as_str()),
        range: String::new(),
        from: text("from"),
        to: text("to"),
        filters: kind.filters().iter().map(|column| (column.as_str(), text(column.as_str()))).collect(),
        query: String::new(),
        fault,
        sections: Vec::new(),
    };
    Page::of(StatusCode::BAD_REQUEST, &template)
}

fn section(kind: Kind) -> &'static str {
    match kind {
        Kind::Unpriced => "prices",
        Kind::Weekly => "weekly",
        _ => "reports",
    }
}

/// A filter as parameters of an address, each with its `&`.
pub(super) fn parameters(filter: &Filter) -> String {
    filter.pairs().map(|(column, text)| format!("{column}={}&", encoded(text))).collect()
}

#[derive(Template)]
#[template(path = "reports.html")]
struct ReportsTemplate {
    section: &'static str,
    rows: Vec<(&'static str, &'static str)>,
}

/// The page that lists all reports.
pub(super) fn list_page() -> Page {
    let rows = Kind::ALL.into_iter().map(|kind| (kind.as_str(), question(kind))).collect();
    Page::of(StatusCode::OK, &ReportsTemplate { section: "reports", rows })
}

/// What a report answers.
fn question(kind: Kind) -> &'static str {
    match kind {
        Kind::Weekly => "How did the week go: cost, margin, waste, and what changed?",
        Kind::Customers => "What does each customer cost?",
        Kind::Features => "What does each feature cost?",
        Kind::Plans => "What does each plan leave?",
        Kind::Routes => "What does each route cost?",
        Kind::Workspaces => "What does each workspace cost?",
        Kind::Models => "What does each provider and model cost?",
        Kind::Drift => "Where do providers state another cost than the price table?",
        Kind::Unpriced => "Which calls have no known cost, and why?",
        Kind::Waste => "What of the cost bought nothing, and by what cause?",
        Kind::Tasks => "What did tasks cost, and what were they worth?",
        Kind::Channels => "What do the customers of each channel leave?",
    }
}

/// The tables of a report on these calls, ready for their template.
pub(super) fn sections(report: &Report, about: &Filter) -> Vec<SectionView> {
    report
        .sections
        .iter()
        .map(|section| SectionView {
            key: section.key,
            title: section.title,
            is_wide: section.columns.len() > 9,
            columns: section
                .columns
                .iter()
                .enumerate()
                .filter(|(_, column)| column.key != LAST_CALL)
                .map(|(index, column)| {
                    // Where nothing belongs, nothing tells.
                    let mut cells = section.rows.iter().filter_map(|row| row.get(index));
                    let number = cells.find(|cell| **cell != Cell::Empty).is_some_and(Cell::is_number);
                    (heading(column.title), number)
                })
                .collect(),
            rows: section.rows.iter().map(|row| cells(report.range, about, section, row)).collect(),
            total: section.total.iter().flat_map(|row| cells(report.range, about, section, row)).collect(),
            notes: section.notes.iter().map(|note| code_parts(note)).collect(),
            empty: section.empty,
            csv: String::new(),
            csv_form: "",
        })
        .collect()
}

/// Where a heading takes two lines, the unit is on the second; a long one may take more, so that its column is not
/// wider for it.
fn heading(title: &str) -> String {
    match title.split_once(", ") {
        Some((what, unit)) if what.split(' ').count() <= 2 => {
            format!("{}, {unit}", what.replace(' ', "\u{a0}"))
        }
        _ => title.to_owned(),
    }
}

fn cells(range: Option<Range>, about: &Filter, section: &Section, row: &[Cell]) -> Vec<CellView> {
    let named = || section.columns.iter().zip(row);
    let text = |key: &str| named().find(|(column, _)| column.key == key).map(|(_, cell)| cell.shown());
    let list = |column: &Column| {
        let (list, filters) = behind(range?, about, &section.columns, row, column)?;
        let path = match list {
            List::Calls => "/calls",
            List::Tasks => "/tasks",
        };
        Some(page_of(path, &filters))
    };
    let link = |column: &Column, cell: &Cell| match (column.key, cell) {
        ("model", Cell::Subject { filters, .. }) if section.key == "unpriced" => {
            let model = only(filters, "model")?;
            text("provider").map(|provider| address(&provider, model))
        }
        ("customer", Cell::Subject { filters, .. }) => {
            only(filters, "customer").map(super::customer::address)
        }
        ("last_at", _) => {
            text(LAST_CALL).filter(|id| !id.is_empty()).map(|id| format!("/console/calls/{id}"))
        }
        (_, Cell::Count(1..)) => list(column),
        (_, Cell::Usd(Some(amount))) if amount.pico() != 0 => list(column),
        _ => None,
    };
    let shown = named().filter(|(column, _)| column.key != LAST_CALL);
    shown
        .map(|(column, cell)| CellView { link: link(column, cell).unwrap_or_default(), ..view(cell) })
        .collect()
}

/// The one that a subject names, where it names one of that.
fn only<'a>(filters: &'a ListFilters, parameter: &str) -> Option<&'a str> {
    match &**filters {
        [(name, text)] if *name == parameter && !text.is_empty() => Some(text),
        _ => None,
    }
}

fn view(cell: &Cell) -> CellView {
    let exact = match cell {
        Cell::Usd(Some(amount)) => format!("{amount} USD"),
        Cell::Moment(_) => cell.exact().unwrap_or_default(),
        Cell::Text(_)
        | Cell::Subject { .. }
        | Cell::Count(_)
        | Cell::Usd(None)
        | Cell::Percent(_)
        | Cell::Change(_)
        | Cell::Empty => String::new(),
    };
    let bad = matches!(cell, Cell::Usd(Some(amount)) if amount.pico() < 0);
    let text = match cell {
        Cell::Moment(at) => written(*at, "%-d %b %H:%M"),
        cell => cell.shown(),
    };
    CellView { text, number: cell.is_number(), exact, bad, link: String::new() }
}
