//! CSV with a header, whose columns are found by name, however their words are joined.

use super::Source;
use crate::reconcile::theirs::Fault;
use std::collections::BTreeMap;

/// A table's columns.
pub(super) struct Columns(BTreeMap<String, usize>);

/// One row.
pub(super) struct Row<'a> {
    columns: &'a Columns,
    record: csv::StringRecord,
    /// In which line it begins.
    pub(super) line: u64,
}

fn key(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

impl Columns {
    /// Whether all of them are there.
    pub(super) fn have(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.0.contains_key(&key(name)))
    }
}

impl Row<'_> {
    /// What stands in the first of these columns that says something.
    pub(super) fn text(&self, names: &[&str]) -> &str {
        let text = |name: &&str| self.record.get(*self.columns.0.get(&key(name))?).map(str::trim);
        names.iter().filter_map(text).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The whole row, to know it again.
    pub(super) fn whole(&self) -> String {
        self.record.iter().collect::<Vec<_>>().join("\u{1f}")
    }
}

/// Reads the header.
pub(super) fn columns(source: &Source<'_>) -> Result<Columns, Fault> {
    let mut reader = csv::Reader::from_reader(source.text.as_bytes());
    let headers = reader.headers().map_err(|error| source.fault(1, error.to_string()))?;
    Ok(Columns(headers.iter().enumerate().map(|(index, name)| (key(name), index)).collect()))
}

/// Hands each row over.
pub(super) fn rows(
    source: &Source<'_>,
    columns: &Columns,
    mut each: impl FnMut(&Row<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut reader = csv::Reader::from_reader(source.text.as_bytes());
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            source.fault(line, format!("is no row of this table: {error}"))
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        each(&Row { columns, record, line })?;
    }
    Ok(())
}
