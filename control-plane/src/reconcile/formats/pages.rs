//! Pages of buckets, as the organization APIs of OpenAI and Anthropic answer them, with the line of each part: a fault in a
//! file of a hundred thousand lines is found by its line alone.

use super::{Source, first_result};
use crate::reconcile::theirs::{Day, Fault, Theirs};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// One answer.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

/// Counts lines up to parts of a text that come in their order.
pub(super) struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    /// From the beginning.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, offset: 0, line: 1 }
    }

    /// The line in which a part begins.
    pub(super) fn of(&mut self, part: &RawValue) -> u64 {
        let offset = part.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let passed = self.text.as_bytes().get(self.offset..offset).unwrap_or_default();
        let breaks = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u64::try_from(breaks).unwrap_or(0));
        self.offset = self.offset.max(offset);
        self.line
    }
}

/// What a bucket says of its time: from when until before when.
pub(super) struct Time {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// The two kinds of pages that an API has.
pub(super) struct Kinds<U, C> {
    /// What results of usage have; those of costs have an amount.
    pub(super) tokens: &'static str,
    pub(super) usage: Each<U>,
    pub(super) costs: Each<C>,
}

/// Adds a result of a day, which stands in a line.
type Each<T> = fn(&Source<'_>, &mut Theirs, (Day, u64), &T) -> Result<(), Fault>;

/// Reads a page or a list of pages of either kind. `None`: it is neither.
pub(super) fn read<B: DeserializeOwned, U: DeserializeOwned, C: DeserializeOwned>(
    source: &Source<'_>,
    theirs: &mut Theirs,
    kinds: &Kinds<U, C>,
    time: fn(&B) -> Option<Time>,
) -> Result<Option<()>, Fault> {
    let shape = source.shape()?;
    let Some(first) = first_result(&shape) else { return Ok(None) };
    if first.get("amount").is_some() {
        let kind = Kind { name: "costs", tells_tokens: false, each: kinds.costs };
        read_all(source, theirs, &kind, time).map(Some)
    } else if first.get(kinds.tokens).is_some() {
        let kind = Kind { name: "usage", tells_tokens: true, each: kinds.usage };
        read_all(source, theirs, &kind, time).map(Some)
    } else {
        Ok(None)
    }
}

/// Which days a kind of page tells of, and how its results are read.
struct Kind<T> {
    name: &'static str,
    tells_tokens: bool,
    each: Each<T>,
}

fn read_all<B: DeserializeOwned, T: DeserializeOwned>(
    source: &Source<'_>,
    theirs: &mut Theirs,
    kind: &Kind<T>,
    time: fn(&B) -> Option<Time>,
) -> Result<(), Fault> {
    let is_list = source.text.trim_start().starts_with('[');
    let pages: Vec<Page<'_>> = if is_list { source.json()? } else { vec![source.json()?] };
    let mut lines = Lines::new(source.text);
    for page in &pages {
        theirs.page(kind.name, page.has_more);
        for bucket in &page.data {
            let line = lines.of(bucket);
            let begins: B = source.part(bucket, line)?;
            let Time { from, to } =
                time(&begins).ok_or_else(|| source.fault(line, "has a bucket of no time"))?;
            let day = source.day_between(from, to, line)?;
            let what = format!("the bucket of {} from {from}", kind.name);
            theirs.once(format!("{} {from} {to}", kind.name), &what, source.file, line)?;
            let days = if kind.tells_tokens { &mut theirs.token_days } else { &mut theirs.money_days };
            days.insert(day);
            let results: Results<'_> = source.part(bucket, line)?;
            for result in results.results {
                let line = lines.of(result);
                (kind.each)(source, theirs, (day, line), &source.part(result, line)?)?;
            }
        }
    }
    Ok(())
}
