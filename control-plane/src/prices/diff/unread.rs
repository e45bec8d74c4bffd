//! What a catalogue says of a row without being understood: a value that cannot be read is not one that is gone.

use crate::prices::{PriceRow, Unreadable};
use std::collections::{BTreeMap, BTreeSet};

/// Keys without which nothing of an entry can be read.
const WHOLE: [&str; 6] = ["", "id", "litellm_provider", "match", "prices", "pricing"];
/// The key without which nothing of a provider can be read.
const MODELS: &str = "models";

/// What could not be read.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// By entry.
    keys: BTreeMap<String, Vec<String>>,
    /// Where rows came from that another entry contradicts.
    contradicted: BTreeSet<Box<str>>,
}

impl Unread {
    pub(super) fn new(unreadable: Vec<Unreadable>, contradicted: &[PriceRow]) -> Self {
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Unreadable { entry, key, .. } in unreadable {
            keys.entry(entry).or_default().push(key);
        }
        Self { keys, contradicted: contradicted.iter().map(|row| row.source.key.clone()).collect() }
    }

    /// Whether the very value that a row was read from cannot be read now, or a factor of it.
    pub(super) fn has_value_of(&self, row: &PriceRow) -> bool {
        let Some((entry, written)) = parts(row) else { return false };
        self.keys.get(entry).is_some_and(|keys| keys.iter().any(|key| written.contains(&&**key)))
    }

    /// Whether a row that the catalogue seems to do without may still be meant by what cannot be read.
    pub(super) fn covers(&self, row: &PriceRow) -> bool {
        if self.has_value_of(row) || self.contradicted.contains(&row.source.key) {
            return true;
        }
        let Some((entry, written)) = parts(row) else { return false };
        let is_within = |key: &str, outer: &str| {
            key.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.')) || WHOLE.contains(&outer)
        };
        let within_key = |outer: &String| written.iter().any(|key| is_within(key, outer));
        let of_entry = self.keys.get(entry).is_some_and(|keys| keys.iter().any(within_key));
        let provider = entry.split_once('/').and_then(|(provider, _)| self.keys.get(provider));
        of_entry || provider.is_some_and(|keys| keys.iter().any(|key| key == MODELS))
    }
}

/// The entry that a row was read from, and its key there, with the factors that it was multiplied by.
fn parts(row: &PriceRow) -> Option<(&str, Vec<&str>)> {
    let mut parts = row.source.key.split(" × ");
    let (entry, key) = parts.next()?.rsplit_once(": ")?;
    Some((entry, std::iter::once(key).chain(parts).collect()))
}
