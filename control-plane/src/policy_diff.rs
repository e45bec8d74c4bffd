//! What one policy says otherwise than another, value by value. Addresses of destinations stay masked.

mod history;

pub use history::{Version, history};

use crate::{
    policy::Policy,
    reports::{Cell, Column, Report, Section},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One row per value that was added, changed or removed.
pub fn report(old: &Policy, new: &Policy) -> Report {
    let (old, new) = (values(&old.masked()), values(&new.masked()));
    let rows = changed(&old, &new).into_iter().map(|key| {
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

/// So many values were added, changed or removed.
pub fn count(old: &Policy, new: &Policy) -> u64 {
    u64::try_from(changed(&values(old), &values(new)).len()).unwrap_or(u64::MAX)
}

fn changed<'a>(old: &'a Values, new: &'a Values) -> Vec<&'a String> {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter(|key| old.get(*key) != new.get(*key)).collect()
}

/// Every value of a policy by its path.
type Values = BTreeMap<String, String>;

fn values(policy: &Policy) -> Values {
    let mut found = BTreeMap::new();
    flatten(&serde_json::to_value(policy).unwrap_or_default(), String::new(), &mut found);
    found
}

fn flatten(value: &Value, path: String, found: &mut Values) {
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

#[cfg(test)]
mod tests;
