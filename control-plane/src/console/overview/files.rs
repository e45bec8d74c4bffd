//! The tables of the first page and of a customer's as files: sums by customer, and by hour or day.

use crate::reports::{Cell, Column, Point, Range, Report, Section, Totals};
use protocol::UnixNanos;

/// Of whom: the sums, and when they began where they are of an hour or a day.
type Row = (Option<UnixNanos>, Option<Box<str>>, Totals);

/// Sums of points of a time: `customers`, and `days` of each.
pub(in crate::console) fn report(
    points: &[Point],
    customers: &[(Option<Box<str>>, Totals)],
    range: Range,
) -> Report {
    let by_customer: Vec<Row> =
        customers.iter().map(|(customer, totals)| (None, customer.clone(), *totals)).collect();
    let inside = points.iter().filter(|point| (range.from..range.to).contains(&point.at));
    let by_time: Vec<Row> =
        inside.map(|point| (Some(point.at), point.customer.clone(), point.totals)).collect();
    Report {
        title: "Cost and calls per customer".to_owned(),
        range: Some(range),
        sections: vec![section("customers", &by_customer), section("days", &by_time)],
    }
}

fn section(key: &'static str, rows: &[Row]) -> Section {
    let is_by_time = key == "days";
    let columns = [
        Column::new("from", "from"),
        Column::new("customer", "customer"),
        Column::new("cost_usd", "cost, USD"),
        Column::new("calls", "calls"),
        Column::new("refused", "refused"),
        Column::new("calls_unpriced", "calls unpriced"),
    ];
    let cells = |(at, customer, totals): &Row| {
        let cells = [
            at.map_or(Cell::Empty, Cell::Moment),
            Cell::text(customer.as_deref().unwrap_or("(none)")),
            Cell::usd(totals.cost),
            Cell::Count(totals.calls),
            Cell::Count(totals.refused),
            Cell::Count(totals.unpriced),
        ];
        cells.into_iter().skip(usize::from(!is_by_time)).collect()
    };
    Section {
        key,
        title: "Cost and calls per customer",
        columns: columns.into_iter().skip(usize::from(!is_by_time)).collect(),
        rows: rows.iter().map(cells).collect(),
        total: None,
        notes: Vec::new(),
        empty: "No calls have ended in this time.",
    }
}
