//! A report as a page: its sections as tables.

use super::page::{Page, moment};
use crate::reports::{Cell, Range, Report};
use askama::Template;
use axum::http::StatusCode;

#[derive(Template)]
#[template(path = "report.html")]
struct ReportTemplate {
    section: &'static str,
    title: String,
    range: String,
    query: String,
    sections: Vec<SectionView>,
}

struct SectionView {
    key: &'static str,
    title: &'static str,
    columns: Vec<(&'static str, bool)>,
    rows: Vec<Vec<CellView>>,
    total: Vec<CellView>,
    notes: Vec<String>,
    empty: &'static str,
}

struct CellView {
    text: String,
    number: bool,
    /// The exact amount, where what is shown is rounded.
    exact: String,
    bad: bool,
}

/// The weekly report's page. `query` is what its other forms are asked for with.
pub fn report_page(report: &Report, query: &str) -> Page {
    let sections = report.sections.iter().map(|section| SectionView {
        key: section.key,
        title: section.title,
        columns: section
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let number = section.rows.first().and_then(|row| row.get(index)).is_some_and(Cell::is_number);
                (column.title, number)
            })
            .collect(),
        rows: section.rows.iter().map(|row| row.iter().map(view).collect()).collect(),
        total: section.total.iter().flatten().map(view).collect(),
        notes: section.notes.clone(),
        empty: section.empty,
    });
    let template = ReportTemplate {
        section: "weekly",
        title: report.title.clone(),
        range: report
            .range
            .map(|Range { from, to }| format!("{} to {} UTC. ", moment(from), moment(to)))
            .unwrap_or_default(),
        query: query.to_owned(),
        sections: sections.collect(),
    };
    Page::of(StatusCode::OK, &template)
}

fn view(cell: &Cell) -> CellView {
    let exact = match cell {
        Cell::Usd(Some(amount)) => format!("{amount} USD"),
        Cell::Text(_)
        | Cell::Count(_)
        | Cell::Usd(None)
        | Cell::Percent(_)
        | Cell::Change(_)
        | Cell::Empty => String::new(),
    };
    let bad = matches!(cell, Cell::Usd(Some(amount)) if amount.pico() < 0);
    CellView { text: cell.shown(), number: cell.is_number(), exact, bad }
}
