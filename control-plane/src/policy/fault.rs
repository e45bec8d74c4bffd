//! Faults of a policy: what is wrong, where, and what would help. Never what a policy means.

use serde::Serialize;
use std::fmt;

/// One thing wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The file's name, as it was given.
    pub file: String,
    /// From 1.
    pub line: u64,
    /// From 1, in characters.
    pub column: u64,
    /// The way to the value: `caps[2].limit_usd`; empty for the whole file.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Where a node of the tree is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index into the files.
    pub(crate) file: usize,
    /// From 1.
    pub(crate) line: u64,
    /// From 1.
    pub(crate) column: u64,
}

/// The faults found so far.
#[derive(Debug)]
pub(crate) struct Faults {
    files: Vec<String>,
    found: Vec<Fault>,
}

/// A text with more faults than this is not a policy with mistakes but something else.
const FAULTS_MAX: usize = 200;

impl Faults {
    pub(crate) fn new(files: Vec<String>) -> Self {
        Self { files, found: Vec::new() }
    }

    pub(crate) fn add(&mut self, place: Place, path: &str, message: String, hint: Option<String>) {
        if self.found.len() >= FAULTS_MAX {
            return;
        }
        let file = self.files.get(place.file).cloned().unwrap_or_default();
        let Place { line, column, .. } = place;
        self.found.push(Fault { file, line, column, path: path.to_owned(), message, hint });
    }

    /// `file:line`, for a fault that is about two places.
    pub(crate) fn name(&self, place: Place) -> String {
        format!("{}:{}", self.files.get(place.file).map_or("", String::as_str), place.line)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// In the order of the text.
    pub(crate) fn sorted(mut self) -> Vec<Fault> {
        self.found.sort();
        self.found.dedup();
        self.found
    }
}

/// `did you mean …?`, when one of the known words is near.
pub(crate) fn did_you_mean<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    let near = known.clone().into_iter().map(|word| (distance(written, word), word)).min();
    match near {
        Some((distance, word)) if distance <= (word.len() / 3).max(1) => {
            Some(format!("did you mean `{word}`?"))
        }
        _ => {
            let known: Vec<&str> = known.into_iter().take(12).collect();
            (!known.is_empty()).then(|| format!("one of: {}", known.join(", ")))
        }
    }
}

/// Edits between two words, where case, `-` and `_` weigh nothing and two swapped letters one.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| -> Vec<char> {
        text.chars().take(64).filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
    };
    let (a, b) = (letters(a), letters(b));
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut next = vec![i.saturating_add(1)];
        for (j, right) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let replace = at(&row, j).saturating_add(usize::from(left != right));
            let insert = at(&next, j).saturating_add(1);
            let delete = at(&row, j.saturating_add(1)).saturating_add(1);
            let swapped = i > 0
                && j > 0
                && a.get(i.wrapping_sub(1)) == Some(right)
                && b.get(j.wrapping_sub(1)) == Some(left);
            let swap = if swapped { at(&before, j.wrapping_sub(1)).saturating_add(1) } else { usize::MAX };
            next.push(replace.min(insert).min(delete).min(swap));
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}
