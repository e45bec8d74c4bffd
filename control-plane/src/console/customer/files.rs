//! The tables of a customer's page that no list has, as files.

use super::{Figures, last_days, shown_spans};
use crate::{
    console::overview::files,
    reports::{self, Cell, Column, Report, Section},
    rules::Rules,
    store::StoreError,
};
use protocol::UnixNanos;

/// `margin`, and `days`.
pub(super) fn reports(
    store: &rusqlite::Connection,
    rules: &Rules,
    name: &str,
    now: UnixNanos,
) -> Result<Vec<Report>, StoreError> {
    let days = last_days(now);
    let points = reports::series(store, days, false, Some(name))?;
    Ok(vec![margin(store, rules, name, now)?, files::report(&points, &[], days)])
}

fn margin(
    store: &rusqlite::Connection,
    rules: &Rules,
    name: &str,
    now: UnixNanos,
) -> Result<Report, StoreError> {
    let row = |(title, range)| {
        let Figures { totals, revenue, margin, percent, .. } = Figures::read(store, rules, name, range)?;
        Ok(vec![
            Cell::text(title),
            Cell::Moment(range.from),
            Cell::Moment(range.to),
            Cell::Usd(revenue),
            Cell::usd(totals.cost),
            Cell::Usd(margin),
            Cell::Percent(percent),
            Cell::Count(totals.calls),
            Cell::Count(totals.refused),
            Cell::Count(totals.unpriced),
        ])
    };
    let columns = [
        "time",
        "from",
        "to",
        "revenue_usd",
        "cost_usd",
        "margin_usd",
        "margin_percent",
        "calls",
        "refused",
        "calls_unpriced",
    ];
    let section = Section {
        key: "margin",
        title: "Cost and margin",
        columns: columns.map(|key| Column::new(key, key)).to_vec(),
        rows: shown_spans(rules, name, now).into_iter().map(row).collect::<Result<_, StoreError>>()?,
        total: None,
        notes: Vec::new(),
        empty: "",
    };
    Ok(Report { title: section.title.to_owned(), range: None, sections: vec![section] })
}
