//! Makes disjoint meters of what providers count inside one another.

use super::tree::Tree;
use protocol::meters::{Meter, Usage};

/// A usage object as a provider wrote it.
#[derive(Clone, Debug)]
pub(super) struct Counts<'a>(Tree<'a>);

impl<'a> Counts<'a> {
    /// Reads one. What is no JSON counts nothing.
    pub(super) fn parse(json: Option<&'a [u8]>) -> Self {
        Self(json.and_then(|json| serde_json::from_slice(json).ok()).unwrap_or(Tree::Nothing))
    }

    /// The count at a path such as `/prompt_tokens_details/cached_tokens`. Some servers write `12.0` or `"12"`.
    pub(super) fn at(&self, path: &str) -> Option<u64> {
        let count = |text: &str| text.strip_suffix(".0").unwrap_or(text).parse().ok();
        match self.value(path)? {
            Tree::Count(count) => Some(*count),
            Tree::Number(number) => count(&number.to_string()),
            Tree::Text(text) => count(text),
            Tree::Nothing | Tree::List(_) | Tree::Object(_) => None,
        }
    }

    /// The text at a path.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let Tree::Text(text) = self.value(path)? else { return None };
        Some(text)
    }

    /// JSON pointers of plain keys, which need no unescaping.
    fn value(&self, path: &str) -> Option<&Tree<'a>> {
        let mut value = &self.0;
        let mut rest = path.strip_prefix('/');
        while let Some(keys) = rest {
            let (key, deeper) =
                keys.split_once('/').map_or((keys, None), |(key, deeper)| (key, Some(deeper)));
            value = value.get(key)?;
            rest = deeper;
        }
        Some(value)
    }

    /// The list at a path.
    pub(super) fn list(&self, path: &str) -> Vec<Self> {
        let Some(Tree::List(list)) = self.value(path) else { return Vec::new() };
        list.iter().cloned().map(Self).collect()
    }

    /// The sum of the counts at a path of all items of a list where another field says so.
    pub(super) fn sum_where(&self, list: &str, field: &str, is: &[&str], count: &str) -> Option<u64> {
        let counts = self.list(list).into_iter().filter(|item| {
            let said = item
                .text(field)
                .map(str::to_owned)
                .or_else(|| item.at(field).map(|number| number.to_string()));
            said.is_some_and(|said| is.contains(&said.as_str()))
        });
        counts.filter_map(|item| item.at(count)).reduce(u64::saturating_add)
    }
}

/// Books each part under its meter and what is left of the whole under `rest`. A part larger than its whole is
/// clamped to it: Grok on Azure says that of cached tokens, OpenRouter of reasoning.
pub(super) fn split<const N: usize>(
    usage: &mut Usage,
    rest: Meter,
    whole: u64,
    parts: [(Meter, Option<u64>); N],
) {
    let mut left = whole;
    for (meter, part) in parts {
        let Some(part) = part.map(|part| part.min(left)) else { continue };
        left = left.saturating_sub(part);
        if part > 0 || matches!(meter, Meter::CacheRead | Meter::Reasoning) {
            add(usage, meter, part);
        }
    }
    add(usage, rest, left);
}

/// Adds to a meter.
pub(super) fn add(usage: &mut Usage, meter: Meter, units: u64) {
    let sum = usage.units.entry(meter).or_default();
    *sum = sum.saturating_add(units);
}

/// Adds to a meter what was counted and is not zero.
pub(super) fn add_some(usage: &mut Usage, meter: Meter, units: Option<u64>) {
    if let Some(units) = units.filter(|units| *units > 0) {
        add(usage, meter, units);
    }
}
