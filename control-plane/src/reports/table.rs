//! What every report is made of: sections with typed columns, rows, a total and notes.

use super::{Behind, ListFilters, Range, money::PLACES};
use crate::instant::Instant;
use jiff::Timestamp;
use protocol::{UnixNanos, money::PicoUsd};

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its name.
    pub title: String,
    /// The time it is about, where it is about one.
    pub range: Option<Range>,
    /// Its tables.
    pub sections: Vec<Section>,
}

impl Report {
    /// One of its tables alone, by its key.
    #[must_use]
    pub fn only(self, section: &str) -> Option<Self> {
        let only = self.sections.into_iter().find(|known| known.key == section)?;
        Some(Self { sections: vec![only], ..self })
    }
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The key in JSON and CSV.
    pub key: &'static str,
    /// The heading.
    pub title: &'static str,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, as wide as the columns.
    pub rows: Vec<Vec<Cell>>,
    /// The sum of the rows, as wide as the columns.
    pub total: Option<Vec<Cell>>,
    /// What a reader must know: what is not in the numbers.
    pub notes: Vec<String>,
    /// What is said where there are no rows.
    pub empty: &'static str,
}

impl Section {
    /// What the names of a row are made of, by key; nothing where it names none of that.
    pub(super) fn parts<'a>(
        &'a self,
        row: &'a [Cell],
    ) -> impl Iterator<Item = (&'static str, Option<&'a str>)> {
        self.columns.iter().zip(row).flat_map(|(column, cell)| {
            let filters: &[_] = match cell {
                Cell::Subject { filters, .. } => filters,
                _ => &[],
            };
            column.parts.iter().map(move |(filter, key)| {
                let text = filters.iter().find(|(name, _)| name == filter).map(|(_, text)| &**text);
                (*key, text.filter(|text| !text.is_empty()))
            })
        })
    }
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The key in JSON and CSV, where amounts are exact.
    pub key: &'static str,
    /// The heading, where amounts are rounded.
    pub title: &'static str,
    /// What its numbers count, where filters can say it.
    pub behind: Option<Behind>,
    /// What its names are made of, each by the filter that says it, and its key: for programs, which cannot tell a joined
    /// name from another one, nor an absent one from a word.
    pub parts: &'static [(&'static str, &'static str)],
}

impl Column {
    /// A column of what no list shows.
    pub const fn new(key: &'static str, title: &'static str) -> Self {
        Self { key, title, behind: None, parts: &[] }
    }

    /// The same, of what a list shows.
    pub const fn of(self, behind: Behind) -> Self {
        Self { behind: Some(behind), ..self }
    }

    /// The same, of names that are made of parts.
    pub const fn of_parts(self, parts: &'static [(&'static str, &'static str)]) -> Self {
        Self { parts, ..self }
    }
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A name or word.
    Text(String),
    /// Whom the row is about, and the filters that leave what it counts.
    Subject {
        /// As it is called.
        name: String,
        /// None: all there is.
        filters: ListFilters,
    },
    /// A count.
    Count(u64),
    /// Money; `None`: unknown.
    Usd(Option<PicoUsd>),
    /// Tenths of a percent; `None`: there is nothing to compare with.
    Percent(Option<i64>),
    /// Tenths of a percent more or less than before.
    Change(Option<i64>),
    /// An instant.
    Moment(UnixNanos),
    /// Nothing belongs here.
    Empty,
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Whom a row is about.
    pub fn subject(name: impl Into<String>, filters: ListFilters) -> Self {
        Self::Subject { name: name.into(), filters }
    }

    /// A known amount.
    pub fn usd(amount: PicoUsd) -> Self {
        Self::Usd(Some(amount))
    }

    /// For programs: exact, empty where unknown.
    pub fn exact(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Subject { name: text, .. } => Some(text.clone()),
            Self::Count(count) => Some(count.to_string()),
            Self::Usd(amount) => amount.map(|amount| amount.to_string()),
            Self::Percent(tenths) | Self::Change(tenths) => tenths.map(percent),
            Self::Moment(at) => Some(Instant(*at).to_string()),
            Self::Empty => None,
        }
    }

    /// For people: money to four places, instants to the minute in UTC, `–` where unknown.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Subject { name: text, .. } => text.clone(),
            Self::Count(count) => thousands(&count.to_string()),
            Self::Usd(Some(amount)) => dollars(*amount, PLACES),
            Self::Percent(Some(tenths)) => format!("{} %", percent(*tenths)),
            Self::Change(Some(tenths)) if *tenths > 0 => format!("+{} %", percent(*tenths)),
            Self::Change(Some(tenths)) => format!("{} %", percent(*tenths)),
            Self::Usd(None) | Self::Percent(None) | Self::Change(None) => "–".to_owned(),
            Self::Moment(at) => minute(*at),
            Self::Empty => String::new(),
        }
    }

    /// Whether what people are shown may be less than the whole value.
    pub fn is_rounded(&self) -> bool {
        matches!(self, Self::Usd(Some(_)) | Self::Percent(Some(_)) | Self::Change(Some(_)))
    }

    /// Whether it stands at the right of its column.
    pub fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Subject { .. } | Self::Moment(_))
    }
}

/// Date, hour and minute in UTC.
pub(super) fn minute(at: UnixNanos) -> String {
    let at = Timestamp::from_nanosecond(i128::from(at)).unwrap_or(Timestamp::MAX);
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

fn percent(tenths: i64) -> String {
    let (whole, rest) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
    format!("{}{whole}.{rest}", if tenths < 0 { "-" } else { "" })
}

/// An amount rounded half to even, with all its places.
pub fn dollars(amount: PicoUsd, places: usize) -> String {
    let text = amount.rounded(places).to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    format!("{sign}{}.{fraction:0<places$}", thousands(whole))
}

/// Digits in groups of three.
fn thousands(digits: &str) -> String {
    let length = digits.len();
    let mut grouped = String::with_capacity(length.saturating_add(length / 3));
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && length.saturating_sub(position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
