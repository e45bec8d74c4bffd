//! The form above a list: what was asked for, as fields, as parameters of the list, and as addresses of its other pages
//! and forms. A field that was left empty says nothing; the word for absence is `(none)`, and who is called so is asked for
//! as `\(none)`.

use super::page::encoded;
use std::{borrow::Cow, collections::BTreeMap};

/// What asks for calls or tasks that name none of something, as reports call it.
const NONE: &str = "(none)";

/// What a field of a form, or an address of the console, means: an empty text is absence.
pub(super) fn meant(text: &str) -> &str {
    match text.strip_prefix('\\') {
        None if text == NONE => "",
        Some(name) if name.trim_start_matches('\\') == NONE => name,
        _ => text,
    }
}

/// The text that means that.
pub(super) fn asking_for(name: &str) -> Cow<'_, str> {
    match name {
        "" => NONE.into(),
        name if name.trim_start_matches('\\') == NONE => format!("\\{name}").into(),
        name => name.into(),
    }
}

/// A field that a form has.
pub(super) struct Known {
    /// The parameter,
    pub(super) name: &'static str,
    /// what stands beside it,
    pub(super) label: &'static str,
    /// and the values that it can have, in words; none: any text.
    pub(super) choices: &'static [(&'static str, &'static str)],
    /// It stands in the form only where a link has asked for it.
    pub(super) is_rare: bool,
}

impl Known {
    pub(super) const fn text(name: &'static str, label: &'static str) -> Self {
        Self { name, label, choices: &[], is_rare: false }
    }

    pub(super) const fn rare(name: &'static str, label: &'static str) -> Self {
        Self { is_rare: true, ..Self::text(name, label) }
    }
}

/// A field as it is drawn.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
    /// Value, word, and whether it is chosen.
    pub(super) choices: Vec<(String, String, bool)>,
}

/// What stands around a list.
pub(super) struct Frame {
    pub(super) fields: Vec<Field>,
    pub(super) is_filtered: bool,
    /// What is wrong with the filter.
    pub(super) fault: String,
    /// The address of the next page; empty on the last.
    pub(super) next: String,
    pub(super) json: String,
    pub(super) csv: String,
}

/// What is wrong with the names of parameters: one that is misspelt would show everything.
pub(super) fn misnamed(known: &[Known], values: &BTreeMap<String, String>) -> Option<String> {
    let names: Vec<&str> = known.iter().map(|field| field.name).chain(["cursor"]).collect();
    let name = values.keys().find(|name| !names.contains(&name.as_str()))?;
    Some(format!("`{name}` filters nothing here. What does: {}", names.join(", ")))
}

/// What was asked for.
pub(super) struct Asked {
    path: &'static str,
    known: &'static [Known],
    values: BTreeMap<String, String>,
}

impl Asked {
    /// Of a list with such fields at that path; `/console` before it is its page, `/v1` its data.
    pub(super) fn new(
        path: &'static str,
        known: &'static [Known],
        mut values: BTreeMap<String, String>,
    ) -> Self {
        values.retain(|name, text| {
            !text.is_empty() && (name == "cursor" || known.iter().any(|field| field.name == name))
        });
        Self { path, known, values }
    }

    /// The value of a parameter, empty where absence is asked for.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|text| meant(text))
    }

    /// Of a list that has no next page so far.
    pub(super) fn frame(&self) -> Frame {
        let is_shown = |known: &&Known| !known.is_rare || self.values.contains_key(known.name);
        Frame {
            fields: self.known.iter().filter(is_shown).map(|known| self.field(known)).collect(),
            is_filtered: self.filters().next().is_some(),
            fault: String::new(),
            next: String::new(),
            json: self.data("json"),
            csv: self.data("csv"),
        }
    }

    fn field(&self, known: &Known) -> Field {
        let Known { name, label, choices, .. } = known;
        let value = self.values.get(*name).cloned().unwrap_or_default();
        let listed = choices.iter().map(|(word, text)| ((*word).to_owned(), (*text).to_owned()));
        // A link may ask for what no one choice says.
        let own = (!value.is_empty() && !choices.iter().any(|(word, _)| *word == value))
            .then(|| (value.clone(), value.replace(',', ", ")));
        let choices = match choices {
            [] => Vec::new(),
            _ => {
                let all = std::iter::once((String::new(), "all".to_owned())).chain(listed).chain(own);
                all.map(|(word, text)| (word.clone(), text, word == value)).collect()
            }
        };
        Field { name, label, value, choices }
    }

    /// The page that begins there.
    pub(super) fn page(&self, cursor: impl std::fmt::Display) -> String {
        let filters = self.filters().map(|(name, text)| format!("{name}={}&", encoded(text)));
        format!("/console{}?{}cursor={cursor}", self.path, filters.collect::<String>())
    }

    /// The same list as data.
    fn data(&self, format: &str) -> String {
        let filters = self.filters().map(|(name, text)| format!("{name}={}&", encoded(meant(text))));
        format!("/v1{}?{}format={format}&limit=1000", self.path, filters.collect::<String>())
    }

    fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        let said = self.values.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        said.filter(|(name, _)| *name != "cursor")
    }
}

/// The address of a page of a list under filters, of which an empty one asks for absence.
pub(super) fn page_of(path: &str, filters: &[(&'static str, String)]) -> String {
    let filters = filters.iter().map(|(name, text)| format!("{name}={}", encoded(&asking_for(text))));
    let filters: Vec<String> = filters.collect();
    format!("/console{path}?{}", filters.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_has_a_word_and_whoever_is_called_so_can_be_asked_for_all_the_same() {
        for name in ["", "acme", "(none)", r"\(none)", r"\(none)", r"\", r"\acme", "none"] {
            assert_eq!(meant(&asking_for(name)), name);
        }
        assert_eq!((asking_for(""), asking_for("(none)")), ("(none)".into(), r"\(none)".into()));
    }
}
