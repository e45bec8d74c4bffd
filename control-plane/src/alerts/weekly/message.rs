//! What is sent: the report as it is, and what of it is worth a line in a chat.

use crate::{
    instant::Instant,
    policy::Week,
    reports::{Cell, Column, Format, Report, Section},
    store,
};
use protocol::UnixNanos;
use serde_json::{Value, json};

/// So much of a report is sent; of a larger one its lines and its link are.
const REPORT_BYTES_MAX: usize = 1 << 19;
/// So many of each section are named.
const NAMED_MAX: usize = 5;

/// Of these sections, these columns are worth a line.
const TOLD: [(&str, &[&str]); 6] = [
    ("customers", &["customer", "cost_usd", "change_percent"]),
    ("tasks", &["feature", "cost_per_success_usd"]),
    ("below_margin", &["customer", "margin_percent"]),
    ("close_to_caps", &["cap", "subject", "used_percent"]),
    ("runaway_workspaces", &["workspace", "cost_usd"]),
    ("unpriced_models", &["model", "calls_unpriced"]),
];

/// The message, in the shape of Standard Webhooks.
pub(super) fn body(report: &Report, week: Week, console_url: Option<&str>, now: UnixNanos) -> Value {
    let day = |at| Instant(at).to_string().split('T').next().unwrap_or_default().to_owned();
    let (from, to) = (day(week.from), day(week.to));
    let lines = lines(report);
    let (json, markdown) = (report.to_json(), report.render(Format::Markdown));
    let is_small = markdown.len().saturating_add(json.to_string().len()) <= REPORT_BYTES_MAX;
    let url = console_url
        .map(|url| format!("{}/console/reports/weekly?from={from}&to={to}", url.trim_end_matches('/')));
    let title = format!("{}, {from} until before {to}", report.title);
    let data = json!({
        "title": title,
        "headline": lines.first().map_or_else(|| title.clone(), |first| format!("{title}. {first}")),
        "lines": lines,
        "from": Instant(week.from),
        "to": Instant(week.to),
        "report": is_small.then_some(json),
        "markdown": is_small.then_some(markdown),
        "url": url,
    });
    json!({"type": "report.weekly", "timestamp": Instant(now), "data": data})
}

/// The same for every try, and another for every other message.
pub(super) fn name(body: &Value) -> String {
    let digest = store::digest(body.to_string().as_bytes());
    format!("msg_{}", digest.get(..32).unwrap_or(&digest))
}

fn lines(report: &Report) -> Vec<String> {
    let section = |key: &str| report.sections.iter().find(|section| section.key == key);
    let summary = section("summary").into_iter().flat_map(|section| &section.rows);
    let summary = summary.filter(|row| !matches!(row.get(1), Some(Cell::Count(0) | Cell::Usd(None))));
    let summary = summary.filter_map(|row| {
        let [what, value, share] = &row[..] else { return None };
        let share = share.shown();
        let aside = if share.is_empty() || share == "–" { String::new() } else { format!(" ({share})") };
        Some(format!("{}: {}{aside}", what.shown(), value.shown()))
    });
    let told = TOLD.iter().filter_map(|(key, columns)| named(section(key)?, columns));
    summary.chain(told).collect()
}

/// A value with its unit; none where it is not known.
fn said(column: &Column, cell: &Cell) -> Option<String> {
    match cell {
        Cell::Usd(None) | Cell::Percent(None) | Cell::Change(None) | Cell::Empty => None,
        Cell::Usd(Some(_)) => Some(format!("{} USD", cell.shown())),
        Cell::Count(_) => Some(format!("{} {}", cell.shown(), column.title)),
        _ => Some(cell.shown()),
    }
}

/// The first rows of a section as one line; none where it has no rows.
fn named(section: &Section, columns: &[&str]) -> Option<String> {
    let row = |row: &Vec<Cell>| {
        let cells = section.columns.iter().zip(row).filter(|(column, _)| columns.contains(&column.key));
        cells.filter_map(|(column, cell)| said(column, cell)).collect::<Vec<_>>().join(" ")
    };
    let rows: Vec<String> = section.rows.iter().take(NAMED_MAX).map(row).collect();
    let more = match section.rows.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!rows.is_empty()).then(|| format!("{}: {}{more}", section.title, rows.join(", ")))
}
