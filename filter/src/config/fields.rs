//! Takes a JSON object apart key by key and remembers every fault with the path of its key. serde stops at the
//! first fault and names no path, and an operator wants to see them all.

use serde_json::{Map, Value};
use std::{fmt, ops::RangeInclusive};

/// What is wrong with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    path: String,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// The keys of one object that nobody has taken yet. What is left when it is dropped is unknown.
pub(crate) struct Fields<'a> {
    path: String,
    rest: Map<String, Value>,
    known: Vec<&'static str>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(path: &str, value: Value, faults: &'a mut Vec<Fault>) -> Self {
        let path = path.to_owned();
        let rest = match value {
            Value::Object(rest) => rest,
            other => {
                let root = if path.is_empty() { "configuration" } else { &path };
                faults.push(Fault {
                    path: root.to_owned(),
                    what: format!("is {}, not an object", kind(&other)),
                });
                Map::new()
            }
        };
        Self { path, rest, known: Vec::new(), faults }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.rest.contains_key(key)
    }

    pub(crate) fn is_list(&self, key: &str) -> bool {
        matches!(self.rest.get(key), Some(Value::Array(_)))
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let items = match self.take(key) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        let mut texts = Vec::new();
        for (position, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                other => {
                    self.fault(&format!("{key}[{position}]"), format!("is {}, not a text", kind(&other)));
                }
            }
        }
        texts
    }

    /// All keys that are left, whatever they are, each with a text.
    pub(crate) fn texts_by_key(&mut self) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        for (position, (key, value)) in std::mem::take(&mut self.rest).into_iter().enumerate() {
            match value {
                Value::String(text) => texts.push((key, text)),
                // The key is not repeated: it may be a secret that is in the wrong place.
                other => {
                    let what = format!("has, at place {position}, {}, not a text", kind(&other));
                    self.fault_here(what);
                }
            }
        }
        texts
    }

    pub(crate) fn object(&mut self, key: &'static str) -> Fields<'_> {
        let value = self.take(key).unwrap_or(Value::Object(Map::new()));
        Fields::new(&self.path_of(key), value, self.faults)
    }

    pub(crate) fn list<T>(&mut self, key: &'static str, mut read: impl FnMut(Fields<'_>) -> T) -> Vec<T> {
        let path = self.path_of(key);
        match self.take(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => {
                let mut list = Vec::new();
                for (position, item) in items.into_iter().enumerate() {
                    list.push(read(Fields::new(&format!("{path}[{position}]"), item, self.faults)));
                }
                list
            }
            Some(other) => {
                self.fault(key, format!("is {}, not a list", kind(&other)));
                Vec::new()
            }
        }
    }

    pub(crate) fn optional(&mut self, key: &'static str) -> Option<String> {
        match self.take(key) {
            None => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                self.fault(key, format!("is {}, not a text", kind(&other)));
                None
            }
        }
    }

    pub(crate) fn text(&mut self, key: &'static str, default: &str) -> String {
        self.optional(key).unwrap_or_else(|| default.to_owned())
    }

    pub(crate) fn required(&mut self, key: &'static str) -> String {
        if !self.has(key) {
            self.fault(key, "is missing".to_owned());
        }
        self.text(key, "")
    }

    pub(crate) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(Value::Bool(flag)) => flag,
            Some(other) => {
                self.fault(key, format!("is {}, not true or false", kind(&other)));
                default
            }
        }
    }

    pub(crate) fn number(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(value) = self.take(key) else { return default };
        match value.as_u64().filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let (least, most) = (range.start(), range.end());
                self.fault(key, format!("is {value}, not a whole number from {least} to {most}"));
                default
            }
        }
    }

    /// One of some words, or the default.
    pub(crate) fn one_of<T: Copy>(&mut self, key: &'static str, default: T, choices: &[(&str, T)]) -> T {
        let Some(word) = self.optional(key) else { return default };
        match choices.iter().find(|(name, _)| *name == word) {
            Some((_, choice)) => *choice,
            None => {
                let words: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
                self.fault(key, format!("is `{word}`, not one of: {}", words.join(", ")));
                default
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.rest.remove(key)
    }

    /// A fault of the whole object.
    pub(crate) fn fault_here(&mut self, what: String) {
        self.faults.push(Fault { path: self.path.clone(), what });
        // What else is there cannot be judged.
        self.rest.clear();
    }

    /// A fault of a key that need not be told twice.
    pub(crate) fn fault_unless_told(&mut self, key: &str, what: String) {
        let path = self.path_of(key);
        if !self.faults.iter().any(|fault| fault.path == path) {
            self.faults.push(Fault { path, what });
        }
    }

    pub(crate) fn fault(&mut self, key: &str, what: String) {
        let path = self.path_of(key);
        self.faults.push(Fault { path, what });
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        for key in std::mem::take(&mut self.rest).keys() {
            let what = format!("is no key here; known are: {}", self.known.join(", "));
            self.fault(key, what);
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
