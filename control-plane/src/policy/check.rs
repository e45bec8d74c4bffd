//! Holds a located tree against the policy's JSON Schema and reports every difference. Knows the part of JSON Schema
//! that `schemars` writes for the policy, and no policy: what a schema cannot say is in `rules.rs`.

use super::{
    fault::{Faults, did_you_mean},
    money::Usd,
    pricing::Percent,
    reporting::time_of_day,
    tree::{Located, Node, below},
};
use crate::instant::Instant;
use protocol::{ids::Name, money::PicoUsdPerUnit};
use serde_json::Value;

/// Checks the whole tree.
pub(crate) fn against(schema: &Value, root: &mut Located, faults: &mut Faults) {
    Checker { root: schema, faults }.value(schema, root, "");
}

struct Checker<'a> {
    root: &'a Value,
    faults: &'a mut Faults,
}

impl<'a> Checker<'a> {
    fn value(&mut self, schema: &'a Value, value: &mut Located, path: &str) {
        let schema = self.resolve(schema);
        if let Some(alternatives) =
            schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
        {
            return self.alternatives(alternatives, value, path);
        }
        if !fits(schema, value) {
            let message = format!("is {}, where {} belongs", kind(value), expected(schema));
            return self.faults.add(value.place, path, message, None);
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            self.word(words.iter().filter_map(Value::as_str).collect(), value, path);
        }
        self.range(schema, value, path);
        self.format(schema, value, path);
        match &mut value.node {
            Node::Map(_) => self.map(schema, value, path),
            Node::List(items) => {
                let Some(schema) = schema.get("items") else { return };
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(schema, item, &format!("{path}[{index}]"));
                }
            }
            _ => {}
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        target.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }

    fn alternatives(&mut self, alternatives: &'a [Value], value: &mut Located, path: &str) {
        let mut words = Vec::new();
        let mut fitting = None;
        for alternative in alternatives {
            let alternative = self.resolve(alternative);
            match alternative.get("const").and_then(Value::as_str) {
                Some(word) => words.push(word),
                None if fits(alternative, value) => fitting = Some(alternative),
                None => {}
            }
        }
        if let Some(schema) = fitting {
            return self.value(schema, value, path);
        }
        if words.is_empty() {
            let kinds: Vec<String> =
                alternatives.iter().map(|schema| expected(self.resolve(schema))).collect();
            let message = format!("is {}, where {} belongs", kind(value), kinds.join(" or "));
            return self.faults.add(value.place, path, message, None);
        }
        self.word(words, value, path);
    }

    fn word(&mut self, words: Vec<&str>, value: &Located, path: &str) {
        match &value.node {
            Node::Text(text) if words.contains(&&**text) => {}
            Node::Text(text) => {
                let hint = did_you_mean(text, words);
                self.faults.add(value.place, path, format!("`{text}` is not known here"), hint);
            }
            _ => {
                let message = format!("is {}, where one word belongs", kind(value));
                self.faults.add(value.place, path, message, Some(format!("one of: {}", words.join(", "))));
            }
        }
    }

    fn range(&mut self, schema: &Value, value: &Located, path: &str) {
        let Node::Integer(number) = &value.node else { return };
        if matches!(schema.get("format").and_then(Value::as_str), Some("usd" | "rate" | "factor")) {
            return; // money is checked exactly, by its format
        }
        let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
        let (low, high) = (bound("minimum").unwrap_or(i64::MIN), bound("maximum").unwrap_or(i64::MAX));
        if !(low..=high).contains(number) {
            let message = match (bound("minimum"), bound("maximum")) {
                (Some(low), Some(high)) if low == high => format!("is {number}, but only {low} is known"),
                (Some(low), _) if *number < low => format!("is {number}, which is less than {low}"),
                _ => format!("is {number}, which is more than {high}"),
            };
            self.faults.add(value.place, path, message, None);
        }
    }

    /// Checks text by its format. A number that stands for money or a name becomes that text.
    fn format(&mut self, schema: &Value, value: &mut Located, path: &str) {
        let (Some(format), Some(text)) = (schema.get("format").and_then(Value::as_str), value.scalar())
        else {
            return;
        };
        let fault = match format {
            "usd" => text.parse::<Usd>().err().map(|error| {
                (
                    error.to_string(),
                    "write USD with at most 12 decimal places, for example \"30.00\"".to_owned(),
                )
            }),
            "percent" => text
                .parse::<Percent>()
                .err()
                .map(|error| (error.to_string(), "write it as a text, for example \"12.5\"".to_owned())),
            "instant" => text.parse::<Instant>().err().map(|error| {
                (error.to_string(), "write for example 2026-11-24 or 2026-11-24T16:00:00Z".to_owned())
            }),
            "rate" | "factor" => PicoUsdPerUnit::parse_usd_per_unit(&text)
                .err()
                .map(|error| (error.to_string(), "write a decimal number, for example \"2.50\"".to_owned())),
            "name" => text.parse::<Name>().err().map(|error| {
                (error.to_string(), "a name has 1 to 128 bytes and no control characters".to_owned())
            }),
            "time-zone" => jiff::tz::TimeZone::get(&text).err().map(|_| {
                let hint = "write an IANA name such as Europe/Berlin or UTC".to_owned();
                ("is no time zone of the IANA database".to_owned(), hint)
            }),
            "time-of-day" => time_of_day(&text).is_none().then(|| {
                let hint = "write hours and minutes, for example \"08:00\"".to_owned();
                ("is no time of day".to_owned(), hint)
            }),
            "url" => (!is_url(&text)).then(|| {
                let hint = "write an address such as https://example.com/hooks/bursar".to_owned();
                ("is no http or https address".to_owned(), hint)
            }),
            _ => None,
        };
        if let Some((what, hint)) = fault {
            // A destination's address can carry a token, so it is not repeated.
            let message = if format == "url" { what } else { format!("`{text}` {what}") };
            self.faults.add(value.place, path, message, Some(hint));
        } else if matches!(format, "usd" | "name" | "percent" | "rate" | "factor") {
            value.node = Node::Text(text);
        }
    }

    fn map(&mut self, schema: &'a Value, value: &mut Located, path: &str) {
        let Node::Map(entries) = &mut value.node else { return };
        let properties = schema.get("properties").and_then(Value::as_object);
        let additional = schema.get("additionalProperties");
        for (key, inner) in entries {
            let path = below(path, &key.text);
            let known = properties.and_then(|known| known.get(&key.text));
            match known.or_else(|| additional.filter(|schema| schema.is_object())) {
                // An empty value is as good as no key: what is required is found missing below.
                Some(_) if matches!(inner.node, Node::Null) => {}
                Some(schema) => {
                    if known.is_none() && key.text.parse::<Name>().is_err() {
                        self.faults.add(key.place, &path, format!("`{}` is no name", key.text), None);
                    }
                    self.value(schema, inner, &path);
                }
                None => {
                    let known = properties.into_iter().flatten().map(|(key, _)| key.as_str());
                    let hint = did_you_mean(&key.text, known);
                    self.faults.add(key.place, &path, "is no key that belongs here".to_owned(), hint);
                }
            }
        }
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(required) = required.as_str() else { continue };
            if value.field(required).is_none() {
                self.faults.add(value.place, path, format!("lacks the key `{required}`"), None);
            }
        }
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("const").is_some() || schema.get("oneOf").is_some() => vec!["string"],
        _ => Vec::new(),
    }
}

fn fits(schema: &Value, value: &Located) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.iter().any(|kind| match (*kind, &value.node) {
            ("object", Node::Map(_)) | ("array", Node::List(_)) | ("string", Node::Text(_)) => true,
            ("boolean", Node::Bool(_)) | ("null", Node::Null) => true,
            ("integer" | "number", Node::Integer(_)) | ("number", Node::Decimal(_)) => true,
            // Customers are often numbered; a name written without quotes is still a name.
            ("string", Node::Integer(_)) => schema.get("format").and_then(Value::as_str) == Some("name"),
            _ => false,
        })
}

fn kind(value: &Located) -> String {
    match &value.node {
        Node::Null => "empty".to_owned(),
        Node::Bool(value) => format!("`{value}`"),
        Node::Integer(number) => format!("the number {number}"),
        Node::Decimal(number) => format!("the number {number}"),
        Node::Text(text) if text.chars().count() <= 40 => format!("the text `{text}`"),
        Node::Text(_) => "a text".to_owned(),
        Node::List(_) => "a list".to_owned(),
        Node::Map(_) => "a map".to_owned(),
    }
}

fn expected(schema: &Value) -> String {
    if schema.get("format").and_then(Value::as_str) == Some("usd") {
        return "an amount of USD".to_owned();
    }
    if schema.get("format").and_then(Value::as_str) == Some("percent") {
        return "a percentage".to_owned();
    }
    let words = types(schema).into_iter().filter(|kind| *kind != "null").map(|kind| match kind {
        "object" => "a map",
        "array" => "a list",
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        other => other,
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or("");
        !host.is_empty() && !text.contains(char::is_whitespace)
    })
}
