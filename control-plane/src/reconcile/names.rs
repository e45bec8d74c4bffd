//! Which model of the ledger an export means. Where exports name models as calls do, names are taken to the letter. Clouds
//! describe them (`USE1-Claude3.5Sonnet-input-tokens`, `gpt 4o mini 0718 Inp glbl`): there the model is meant whose words are
//! all in the description; of several the one with the most words.

use std::collections::{BTreeMap, BTreeSet};

/// The models that may be meant.
#[derive(Clone, Debug, Default)]
pub struct Names {
    explicit: BTreeMap<Box<str>, Box<str>>,
    described: Vec<(Box<str>, BTreeSet<String>)>,
}

impl Names {
    /// From what somebody said of names or parts of descriptions, and the models that descriptions may mean.
    pub fn new<'a>(
        explicit: BTreeMap<Box<str>, Box<str>>,
        described: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let described = described.into_iter().map(|model| (model.into(), signature(model)));
        Self { explicit, described: described.filter(|(_, words)| !words.is_empty()).collect() }
    }

    /// The ledger's name; `None` where it is not known, or two fit as well.
    pub fn find(&self, text: &str) -> Option<Box<str>> {
        let said = self.explicit.iter().filter(|(part, _)| text.contains(&***part));
        if let Some((_, model)) = said.max_by_key(|(part, _)| part.len()) {
            return Some(model.clone());
        }
        let words: BTreeSet<String> = words(text).into_iter().collect();
        let fitting = self.described.iter().filter(|(_, signature)| signature.is_subset(&words));
        let most = fitting.clone().map(|(_, signature)| signature.len()).max()?;
        let mut best = fitting.filter(|(_, signature)| signature.len() == most);
        let (model, _) = best.next()?;
        best.next().is_none().then(|| model.clone())
    }
}

/// The words of a text: runs of letters and runs of digits, in small letters.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for letter in text.chars() {
        let kind = (letter.is_alphabetic(), letter.is_ascii_digit());
        if kind == (false, false) {
            last = None;
            continue;
        }
        match words.last_mut().filter(|_| last == Some(kind)) {
            Some(word) => word.extend(letter.to_lowercase()),
            None => words.push(letter.to_lowercase().collect()),
        }
        last = Some(kind);
    }
    words
}

/// The words of a model's name without vendor, date and revision, which descriptions do not have.
fn signature(model: &str) -> BTreeSet<String> {
    let name = model.split(':').next().unwrap_or(model);
    let mut name = name.rsplit('/').next().unwrap_or(name);
    // `us.anthropic.claude-…`, but not the 2 of `gemini-2.5-flash`.
    while let Some((vendor, rest)) = name.split_once('.')
        && vendor.chars().all(char::is_alphabetic)
    {
        name = rest;
    }
    let mut words = words(name);
    let is_revision =
        words.len() > 2 && words.get(words.len().saturating_sub(2)).is_some_and(|word| word == "v");
    if is_revision {
        words.truncate(words.len().saturating_sub(2));
    }
    let is_year = |word: &String| word.len() == 4 && word.starts_with("20");
    if let Some(year) = words.iter().rposition(is_year) {
        words.truncate(year);
    }
    words.into_iter().filter(|word| word.len() != 8 || !word.starts_with("20")).collect()
}
