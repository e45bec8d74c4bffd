//! Tables of pages as files, where the API has no list of the same: asked for by the page's own address with
//! `csv=TABLE`, or by a button of the form that made the table.

use super::{
    page::{Page, not_found},
    report::SectionView,
};
use crate::{
    api,
    reports::{Format, Report},
};
use axum::response::{IntoResponse as _, Response};

/// The parameter that names the table.
pub(super) const PARAMETER: &str = "csv";

/// One of the tables of a report as a file, or of several reports the one that has it.
pub(super) fn file(reports: Vec<Report>, table: &str, name: &str) -> Response {
    match reports.into_iter().find_map(|report| report.only(table)) {
        Some(report) => api::attached(&format!("{name}-{table}"), report.render(Format::Csv)),
        None => no_such_table().into_response(),
    }
}

pub(super) fn no_such_table() -> Page {
    not_found("There is no such table", "The page links to each table that it has as a file.")
}

/// With a link below each table, which leads there.
pub(super) fn linked(
    sections: Vec<SectionView>,
    address: impl Fn(&'static str) -> String,
) -> Vec<SectionView> {
    let linked = |section: SectionView| SectionView { csv: address(section.key), ..section };
    sections.into_iter().map(linked).collect()
}

/// With a button below each table, which sends that form.
pub(super) fn sent_by(sections: Vec<SectionView>, form: &'static str) -> Vec<SectionView> {
    sections.into_iter().map(|section| SectionView { csv_form: form, ..section }).collect()
}
