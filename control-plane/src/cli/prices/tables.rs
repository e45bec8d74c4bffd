//! The tables that `bursar prices` prints.

use super::count;
use crate::reports::{Cell, Column, Report, Section};
use serde_json::Value;

const fn column(key: &'static str, title: &'static str) -> Column {
    Column { key, title }
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

pub(super) fn listed(rows: &[Value]) -> Report {
    let cells = |price: &Value| {
        let mut cells: Vec<Cell> = ["id", "provider", "model", "meter", "tier", "threshold_input_tokens"]
            .into_iter()
            .map(|key| text(price, key))
            .collect();
        let more = ["rate_usd_per_mtok", "inherits", "status", "effective_from", "effective_to"];
        cells.extend(more.into_iter().map(|key| text(price, key)));
        cells
    };
    let section = Section {
        key: "prices",
        title: "Prices",
        columns: vec![
            column("id", "row"),
            column("provider", "provider"),
            column("model", "model"),
            column("meter", "meter"),
            column("tier", "tier"),
            column("threshold_input_tokens", "above tokens"),
            column("rate_usd_per_mtok", "USD per million"),
            column("inherits", "as"),
            column("status", "status"),
            column("effective_from", "from"),
            column("effective_to", "until"),
        ],
        rows: rows.iter().map(cells).collect(),
        total: None,
        notes: Vec::new(),
        empty: "No rows. `bursar prices import` takes a catalogue in.",
    };
    Report { title: "Prices".to_owned(), range: None, sections: vec![section] }
}

pub(super) fn shown(rows: &[Value]) -> Report {
    let cells = |price: &Value| {
        let mut cells: Vec<Cell> = [
            "id",
            "meter",
            "tier",
            "threshold_input_tokens",
            "rate_usd_per_mtok",
            "inherits",
            "effective_from",
        ]
        .into_iter()
        .map(|key| text(price, key))
        .collect();
        let source = price.get("source").unwrap_or(&Value::Null);
        cells.extend(["name", "key", "text"].into_iter().map(|key| text(source, key)));
        cells
    };
    let section = Section {
        key: "rates",
        title: "Rates",
        columns: vec![
            column("id", "row"),
            column("meter", "meter"),
            column("tier", "tier"),
            column("threshold_input_tokens", "above tokens"),
            column("rate_usd_per_mtok", "USD per million"),
            column("inherits", "as"),
            column("effective_from", "from"),
            column("source", "source"),
            column("source_key", "its key"),
            column("source_text", "its value"),
        ],
        rows: rows.iter().map(cells).collect(),
        total: None,
        notes: Vec::new(),
        empty: "",
    };
    Report { title: "Rates of a model".to_owned(), range: None, sections: vec![section] }
}
