//! What one policy says otherwise than another, value by value.

use crate::{
    policy::Policy,
    reports::{Cell, Column, Report, Section},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One row per value that was added, changed or removed.
pub(super) fn report(old: &Policy, new: &Policy) -> Report {
    let (old, new) = (values(old), values(new));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let rows = keys.into_iter().filter(|key| old.get(*key) != new.get(*key)).map(|key| {
        let (before, after) = (old.get(key), new.get(key));
        let change = match (before, after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        let cell = |value: Option<&String>| value.map_or(Cell::Empty, Cell::text);
        vec![Cell::text(key), Cell::text(change), cell(before), cell(after)]
    });
    let section = Section {
        key: "changes",
        title: "Changes",
        columns: vec![
            Column::new("path", "path"),
            Column::new("change", "change"),
            Column::new("before", "before"),
            Column::new("after", "after"),
        ],
        rows: rows.collect(),
        total: None,
        notes: Vec::new(),
        empty: "No difference.",
    };
    Report { title: "Policy diff".to_owned(), range: None, sections: vec![section] }
}

fn values(policy: &Policy) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    flatten(&serde_json::to_value(policy).unwrap_or_default(), String::new(), &mut found);
    found
}

fn flatten(value: &Value, path: String, found: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                flatten(value, below(key), found);
            }
        }
        // Caps are told apart by their names: one that is put in the middle moves no other.
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str);
                let key = name.map_or_else(|| format!("{path}[{index}]"), |name| format!("{path}[{name}]"));
                flatten(item, key, found);
            }
        }
        Value::String(text) => {
            found.insert(path, text.clone());
        }
        other => {
            found.insert(path, other.to_string());
        }
    }
}
