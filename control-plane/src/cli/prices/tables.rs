//! The tables that `bursar prices` prints.

use super::count;
use crate::reports::{Cell, Column, Report, Section};
use serde_json::Value;

const fn column(key: &'static str, title: &'static str) -> Column {
    Column::new(key, title)
}

fn text(value: &Value, key: &str) -> Cell {
    match value.get(key) {
        Some(Value::String(text)) => Cell::text(text),
        Some(Value::Null) | None => Cell::Empty,
        Some(other) => Cell::text(other.to_string()),
    }
}

/// The words by which people know a row: `openai/gpt-x input, flex, above 200000 tokens`.
fn row_name(price: &Value) -> String {
    let part = |key: &str| price.get(key).and_then(Value::as_str);
    let word = |key: &str| part(key).unwrap_or_default();
    let star = if part("match") == Some("prefix") { "*" } else { "" };
    let mut name = format!("{}/{}{star} {}", word("provider"), word("model"), word("meter"));
    for key in ["tier", "region", "hours"] {
        if let Some(text) = part(key) {
            name.push_str(&format!(", {text}"));
        }
    }
    if let Some(tokens) = price.get("threshold_input_tokens").and_then(Value::as_u64) {
        let word = if price.get("threshold_inclusive").and_then(Value::as_bool) == Some(true) {
            "from"
        } else {
            "above"
        };
        name.push_str(&format!(", {word} {tokens}"));
    }
    match part("contract") {
        Some("") => name.push_str(", contract"),
        Some(account) => name.push_str(&format!(", contract of {account}")),
        None => {}
    }
    name
}

pub(super) fn changes(title: &str, answer: &Value) -> Report {
    let summary = answer.get("summary").unwrap_or(&Value::Null);
    let words = ["entries", "chat_entries", "chat_entries_covered", "added", "changed", "removed", "leaving"]
        .into_iter()
        .chain(["unchanged", "held", "withdrawn"])
        .filter(|word| summary.get(*word).is_some());
    let counts: Vec<Vec<Cell>> =
        words.map(|word| vec![Cell::text(word), Cell::Count(count(summary, word))]).collect();
    let items = |key: &str| answer.get(key).and_then(Value::as_array).into_iter().flatten();
    let rate = |price: Option<&Value>| price.map_or(Cell::Empty, |price| text(price, "rate_usd_per_mtok"));
    let null = &Value::Null;
    let changed = items("changed").map(|change| {
        let after = change.get("after").unwrap_or(null);
        vec![Cell::text(row_name(after)), rate(change.get("before")), rate(Some(after))]
    });
    let held = items("held").map(held_row);
    let removed = items("removed")
        .chain(items("leaving"))
        .map(|price| vec![Cell::text(row_name(price)), rate(Some(price))]);
    let unmapped = summary.get("unmapped").and_then(Value::as_object).into_iter().flatten();
    let unmapped =
        unmapped.map(|(key, count)| vec![Cell::text(key), Cell::Count(count.as_u64().unwrap_or(0))]);
    let unreadable = summary.get("unreadable").and_then(Value::as_array).into_iter().flatten();
    let unreadable =
        unreadable.map(|value| vec![text(value, "entry"), text(value, "key"), text(value, "reason")]);
    let price = column("price", "price");
    let (before, after) =
        (column("before_usd_per_mtok", "before, USD/M"), column("usd_per_mtok", "now, USD/M"));
    let approve = answer.get("id").and_then(Value::as_i64).map(|id| {
        format!("Look at the rows that wait; `bursar prices approve {id}` puts all of them in force.")
    });
    let section = |key, title, columns: &[Column], rows: Vec<Vec<Cell>>| Section {
        key,
        title,
        columns: columns.to_vec(),
        rows,
        total: None,
        notes: Vec::new(),
        empty: "None.",
    };
    let (rows, key) = (column("rows", "rows"), column("key", "key"));
    let mut sections = vec![
        section("summary", "Summary", &[column("what", "what"), rows], counts),
        section("changed", "Changed", &[price, before, after], changed.collect()),
        section(
            "held",
            "Waiting for approval",
            &[price, before, after, column("reason", "why")],
            held.collect(),
        ),
        section("removed", "No longer in the catalogue", &[price, after], removed.collect()),
        section("unmapped", "Keys without a meter", &[key, column("entries", "entries")], unmapped.collect()),
        section(
            "unreadable",
            "Values that cannot be read",
            &[column("entry", "entry"), key, column("reason", "why")],
            unreadable.collect(),
        ),
    ];
    for section in sections.iter_mut().filter(|section| section.key == "held" && !section.rows.is_empty()) {
        section.notes.extend(approve.clone());
    }
    Report { title: title.to_owned(), range: None, sections }
}

fn held_row(held: &Value) -> Vec<Cell> {
    let of = |key: &str| held.get(key).filter(|price| !price.is_null());
    let rate = |price: Option<&Value>| price.map_or(Cell::Empty, |price| text(price, "rate_usd_per_mtok"));
    let named = of("price").or(of("before")).unwrap_or(&Value::Null);
    vec![Cell::text(row_name(named)), rate(of("before")), rate(of("price")), text(held, "reason")]
}

/// Every import.
pub(super) fn imports(imports: &[Value]) -> Report {
    let words = ["added", "changed", "removed", "held"];
    let cells = |import: &Value| {
        let mut cells: Vec<Cell> = ["id", "at", "source"].into_iter().map(|key| text(import, key)).collect();
        let summary = import.get("summary").unwrap_or(&Value::Null);
        cells.extend(words.map(|word| Cell::Count(count(summary, word))));
        cells.push(Cell::Count(count(import, "waiting_rows")));
        cells
    };
    let mut columns = vec![column("id", "import"), column("at", "at"), column("source", "source")];
    columns.extend(words.map(|word| column(word, word)));
    columns.push(column("waiting_rows", "waiting"));
    let section = Section {
        key: "imports",
        title: "Imports",
        columns,
        rows: imports.iter().map(cells).collect(),
        total: None,
        notes: Vec::new(),
        empty: "None. `bursar prices import` takes a catalogue in.",
    };
    Report { title: "Price imports".to_owned(), range: None, sections: vec![section] }
}

/// What of an import waits.
pub(super) fn waiting(import: &Value) -> Report {
    let items = import.get("waiting").and_then(Value::as_array).into_iter().flatten();
    let row = |held: &Value| {
        let of = |key: &str| held.get(key).filter(|price| !price.is_null());
        let mut cells = vec![of("price").or(of("before")).map_or(Cell::Empty, |price| text(price, "id"))];
        cells.extend(held_row(held));
        cells
    };
    let section = Section {
        key: "waiting",
        title: "Waiting for approval",
        columns: vec![
            column("id", "row"),
            column("price", "price"),
            column("before_usd_per_mtok", "before, USD/M"),
            column("usd_per_mtok", "now, USD/M"),
            column("reason", "why"),
        ],
        rows: items.map(row).collect(),
        total: None,
        notes: Vec::new(),
        empty: "Nothing.",
    };
    let title = format!("Price import {}", count(import, "id"));
    Report { title, range: None, sections: vec![section] }
}

/// A column of a price row: its key, its title.
type Named = (&'static str, &'static str);

/// Rows of the price table.
pub(super) fn listed(rows: &[Value]) -> Report {
    let columns = [
        ("id", "row"),
        ("provider", "provider"),
        ("model", "model"),
        ("meter", "meter"),
        ("tier", "tier"),
        ("threshold_input_tokens", "above tokens"),
        ("rate_usd_per_mtok", "USD per million"),
        ("inherits", "as"),
        ("status", "status"),
        ("effective_from", "from"),
        ("effective_to", "until"),
        ("match", "match"),
        ("region", "region"),
        ("hours", "hours"),
        ("contract", "contract"),
    ];
    let empty = "No rows. `bursar prices import` takes a catalogue in.";
    table(("prices", "Prices"), "Prices", &columns, rows, empty)
}

/// The rows of one model, how they were found and where each comes from.
pub(super) fn shown(rows: &[Value]) -> Report {
    let columns = [
        ("id", "row"),
        ("meter", "meter"),
        ("tier", "tier"),
        ("threshold_input_tokens", "above tokens"),
        ("rate_usd_per_mtok", "USD per million"),
        ("inherits", "as"),
        ("region", "region"),
        ("hours", "hours"),
        ("contract", "contract"),
        ("matched_by", "found by"),
        ("effective_from", "from"),
        ("source.name", "source"),
        ("source.key", "its key"),
        ("source.text", "its value"),
    ];
    table(("rates", "Rates"), "Rates of a model", &columns, rows, "")
}

fn table(
    (key, name): (&'static str, &'static str),
    title: &str,
    columns: &[Named],
    rows: &[Value],
    empty: &'static str,
) -> Report {
    let cell = |price: &Value, key: &str| match key.split_once('.') {
        Some((outer, inner)) => text(price.get(outer).unwrap_or(&Value::Null), inner),
        None => text(price, key),
    };
    let section = Section {
        key,
        title: name,
        columns: columns.iter().map(|(key, title)| column(column_key(key), title)).collect(),
        rows: rows.iter().map(|row| columns.iter().map(|(key, _)| cell(row, key)).collect()).collect(),
        total: None,
        notes: Vec::new(),
        empty,
    };
    Report { title: title.to_owned(), range: None, sections: vec![section] }
}

/// What scripts know a column by.
fn column_key(key: &'static str) -> &'static str {
    match key {
        "source.name" => "source",
        "source.key" => "source_key",
        "source.text" => "source_text",
        other => other,
    }
}
