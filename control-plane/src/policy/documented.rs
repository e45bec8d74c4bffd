//! docs/POLICY.md has every key there is.

use super::schema;
use serde_json::Value;
use std::collections::BTreeSet;

const MANUAL: &str = include_str!("../../../docs/POLICY.md");

#[test]
fn the_manual_has_every_key_and_no_other_top_level_one() {
    let schema = serde_json::to_value(schema()).unwrap();
    let mut keys = BTreeSet::new();
    collect(&schema, &mut keys);
    assert!(keys.len() > 60 && keys.contains("overrun_grace_percent"), "{keys:?}");
    let rows: Vec<&str> = MANUAL.lines().filter(|line| line.starts_with("| `")).collect();
    let words: BTreeSet<&str> =
        rows.iter().flat_map(|row| row.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect();
    let missing: Vec<_> = keys.iter().filter(|key| !words.contains(&***key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let tops = rows.iter().filter_map(|row| row.trim_start_matches("| `").split(['.', '`', '[']).next());
    let known = schema["properties"].as_object().unwrap();
    let unknown: Vec<_> = tops.filter(|top| !known.contains_key(*top)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// The names of all properties, but for the facets of caps, which are values and are listed with `subject`.
fn collect(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| collect(value, keys));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
