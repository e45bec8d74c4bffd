//! A YAML text as a tree in which every key and value knows its place. What the values mean is not known here.

use super::fault::{Faults, Place};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use serde_saphyr::{
    MergeKeyPolicy, NonFiniteFloatPolicy, Spanned,
    options::{AliasLimits, DuplicateKeyPolicy},
};
use std::fmt;

/// A policy of a hundred thousand customers has 10 MB; what is longer is not a policy.
const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The policy is five levels deep; the rest is room for anchors.
const DEPTH_MAX: usize = 32;
/// What anchors may be unfolded to.
const REPLAYED_MAX: usize = 200_000;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) node: Node,
    pub(crate) place: Place,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is no integer of 64 bits, as it is written.
    Decimal(String),
    Text(String),
    List(Vec<Located>),
    Map(Vec<(Key, Located)>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) place: Place,
}

impl Located {
    /// The value under a key, unless it is empty.
    pub(crate) fn field(&self, key: &str) -> Option<&Self> {
        self.entries().find(|(known, _)| known.text == key).map(|(_, value)| value)
    }

    /// The entries of a map whose values are not empty; none for anything else.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Key, &Self)> {
        let entries = match &self.node {
            Node::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().filter(|(_, value)| !matches!(value.node, Node::Null)).map(|(key, value)| (key, value))
    }

    /// The items of a list; a single value counts as a list of one.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.node {
            Node::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// Text, or a number as it is written.
    pub(crate) fn scalar(&self) -> Option<String> {
        match &self.node {
            Node::Text(text) | Node::Decimal(text) => Some(text.clone()),
            Node::Integer(number) => Some(number.to_string()),
            Node::Null | Node::Bool(_) | Node::List(_) | Node::Map(_) => None,
        }
    }

    /// For serde. Empty entries are left out, and numbers that are not integers stay the text they were: no float.
    pub(crate) fn to_json(&self) -> Value {
        match &self.node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Integer(value) => Value::from(*value),
            Node::Decimal(text) | Node::Text(text) => Value::String(text.clone()),
            Node::List(items) => items.iter().map(Self::to_json).collect(),
            Node::Map(_) => {
                self.entries().map(|(key, value)| (key.text.clone(), value.to_json())).collect::<Value>()
            }
        }
    }
}

/// Reads every file and joins them into one root. A file that is no YAML is one fault and joins nothing.
pub(crate) fn read(files: &[(&str, &str)], faults: &mut Faults) -> Located {
    let mut entries: Vec<(Key, Located)> = Vec::new();
    for (file, (_, text)) in files.iter().enumerate() {
        let Some(root) = read_one(file, text, faults) else { continue };
        match root.node {
            Node::Null => {}
            Node::Map(own) => own.into_iter().for_each(|entry| join(&mut entries, entry, faults)),
            _ => faults.add(root.place, "", "is not a map of keys and values".to_owned(), None),
        }
    }
    Located { node: Node::Map(entries), place: Place { file: 0, line: 1, column: 1 } }
}

/// Maps and lists of several files are put together; everything else may be said in one of them.
fn join(entries: &mut Vec<(Key, Located)>, (key, value): (Key, Located), faults: &mut Faults) {
    let Some((known, before)) = entries.iter_mut().find(|(known, _)| known.text == key.text) else {
        return entries.push((key, value));
    };
    match (&mut before.node, value.node) {
        (Node::List(items), Node::List(more)) => items.extend(more),
        (Node::Map(own), Node::Map(more)) if matches!(&*key.text, "plans" | "customers" | "destinations") => {
            for (inner, value) in more {
                if let Some((twin, _)) = own.iter().find(|(twin, _)| twin.text == inner.text) {
                    let path = format!("{}.{}", key.text, inner.text);
                    let message = format!("is defined already at {}", faults.name(twin.place));
                    faults.add(inner.place, &path, message, Some("keep one of them".to_owned()));
                } else {
                    own.push((inner, value));
                }
            }
        }
        (_, Node::Integer(_)) if key.text == "version" => {}
        (before @ Node::Null, node) => *before = node,
        (_, Node::Null) => {}
        _ => {
            let message = format!("is set already at {}", faults.name(known.place));
            faults.add(key.place, &key.text, message, Some("one file of a policy may say it".to_owned()));
        }
    }
}

fn read_one(file: usize, text: &str, faults: &mut Faults) -> Option<Located> {
    let start = Place { file, line: 1, column: 1 };
    if text.len() > TEXT_BYTES_MAX {
        faults.add(start, "", format!("is longer than {TEXT_BYTES_MAX} bytes"), None);
        return None;
    }
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
        Ok(raw) => Some(Reader { file, text, faults }.locate(raw, "")),
        Err(error) => {
            let place = error.location().map_or(start, |at| Place {
                file,
                line: at.line().max(1),
                column: at.column().max(1),
            });
            let message = format!("is no YAML that can be read: {}", one_line(error.without_snippet()));
            let tab = text.lines().nth(usize::try_from(place.line).unwrap_or(1).saturating_sub(1));
            let tab = tab.is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'));
            faults.add(place, "", message, tab.then(|| "indent with blanks, not with tabs".to_owned()));
            None
        }
    }
}

fn one_line(error: &serde_saphyr::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn options() -> serde_saphyr::Options {
    let mut alias_limits = AliasLimits::default();
    alias_limits.max_total_replayed_events = REPLAYED_MAX;
    alias_limits.max_replay_stack_depth = 16;
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Merge,
        alias_limits: alias_limits,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        emit_comments: false,
        with_snippet: false,
    }
}

/// What serde hands over; numbers that are not integers are taken from the text again.
#[derive(Debug)]
enum Raw {
    Null,
    Bool(bool),
    Integer(i64),
    Decimal,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

struct Reader<'a> {
    file: usize,
    text: &'a str,
    faults: &'a mut Faults,
}

impl Reader<'_> {
    fn place(&self, at: serde_saphyr::Location) -> Place {
        Place { file: self.file, line: at.line().max(1), column: at.column().max(1) }
    }

    fn locate(&mut self, raw: Spanned<Raw>, path: &str) -> Located {
        let place = self.place(raw.referenced);
        let node = match raw.value {
            Raw::Null => Node::Null,
            Raw::Bool(value) => Node::Bool(value),
            Raw::Integer(value) => Node::Integer(value),
            Raw::Decimal => Node::Decimal(self.written(raw.defined)),
            Raw::Text(text) => Node::Text(text),
            Raw::List(items) => {
                let items = items.into_iter().enumerate();
                Node::List(
                    items.map(|(index, item)| self.locate(item, &format!("{path}[{index}]"))).collect(),
                )
            }
            Raw::Map(entries) => self.map(entries, path),
        };
        Located { node, place }
    }

    fn map(&mut self, raw: Vec<(Spanned<String>, Spanned<Raw>)>, path: &str) -> Node {
        let mut places = std::collections::BTreeMap::<String, Place>::new();
        let mut entries: Vec<(Key, Located)> = Vec::new();
        for (key, value) in raw {
            let place = self.place(key.referenced);
            let inner = below(path, &key.value);
            let value = self.locate(value, &inner);
            if let Some(twin) = places.get(&key.value) {
                let message = format!("is written twice; the first time at line {}", twin.line);
                self.faults.add(place, &inner, message, Some("keep one of them".to_owned()));
                continue;
            }
            places.insert(key.value.clone(), place);
            entries.push((Key { text: key.value, place }, value));
        }
        Node::Map(entries)
    }

    fn written(&self, at: serde_saphyr::Location) -> String {
        let range = || {
            let start = usize::try_from(at.span().byte_offset()?).ok()?;
            let length = usize::try_from(at.span().byte_len()?).ok()?;
            self.text.get(start..start.checked_add(length)?)
        };
        range().unwrap_or_default().trim().to_owned()
    }
}

/// The path of a key below another path.
pub(crate) fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::Decimal, Raw::Integer))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Decimal)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Decimal)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Decimal)
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Raw, E> {
        Err(E::custom("binary values have no place in a policy"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            if key.value.chars().any(char::is_control) {
                return Err(A::Error::custom("a key contains a control character"));
            }
            map.push((key, entries.next_value()?));
        }
        Ok(Raw::Map(map))
    }
}
