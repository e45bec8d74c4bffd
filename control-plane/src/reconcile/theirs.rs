//! What a provider says: tokens and money by day, model and meter, put together from several files.

use jiff::{Span, civil::Date};
use protocol::{meters::Meter, money::PicoUsd};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A day of the calendar in the export's zone, counted from 1970-01-01.
pub type Day = i64;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// The number of a date.
pub(super) fn day_of(date: Date) -> Day {
    date.since(EPOCH).map_or(0, |span| i64::from(span.get_days()))
}

/// The date of a number; far outside of the calendar its last one.
pub(super) fn date_of(day: Day) -> Date {
    let days = i32::try_from(day).ok().and_then(|days| Span::new().try_days(days).ok());
    days.and_then(|days| EPOCH.checked_add(days).ok()).unwrap_or(Date::MAX)
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file and the line: `usage.json:12`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    /// At a line of a file; 0: the file as a whole.
    pub fn at(file: &str, line: u64, message: impl Into<String>) -> Self {
        let path = if line == 0 { file.to_owned() } else { format!("{file}:{line}") };
        Self { path, message: message.into() }
    }
}

/// Where tokens were served, as far as an export or the ledger says.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The service tier; absent: standard.
    pub tier: Option<Box<str>>,
    /// The region.
    pub region: Option<Box<str>>,
}

/// What an export says of a model on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TheirsCell {
    /// Tokens and other units, by meter and place.
    pub units: BTreeMap<(Meter, Place), u64>,
    /// Money, by meter; under `None` what is not told by meter.
    pub costs: BTreeMap<Option<Meter>, PicoUsd>,
}

/// Everything that the files of one provider say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theirs {
    /// By day and model. A charge that is for no model has its description in the model's place.
    pub cells: BTreeMap<(Day, Box<str>), TheirsCell>,
    /// The days of which tokens are told; without them nothing is said of tokens.
    pub token_days: BTreeSet<Day>,
    /// The days of which money is told.
    pub money_days: BTreeSet<Day>,
    /// Whether the export tells tiers or regions apart.
    pub has_places: bool,
    /// Whether the prompt's tokens are told in one, cached ones among them.
    pub is_by_side: bool,
    /// Whether any amount was finer than a pico-dollar and was rounded.
    pub is_rounded: bool,
    /// Rows that are no charge for the use of models, and were left out.
    pub left_out: u64,
    /// What was read before, and where, so that nothing is counted twice.
    seen: BTreeMap<String, (String, u64)>,
    /// Of how many rows.
    rows: u64,
    /// Pages by kind, and those of them that say that another follows.
    pages: BTreeMap<String, (u64, u64)>,
}

/// More rows are not reconciled at once.
const ROWS_MAX: u64 = 1_000_000;

impl Theirs {
    /// All days of which anything is told.
    pub fn days(&self) -> BTreeSet<Day> {
        self.token_days.union(&self.money_days).copied().collect()
    }

    /// Notes a page as read.
    pub(super) fn page(&mut self, kind: &str, has_more: bool) {
        let (pages, more) = self.pages.entry(kind.to_owned()).or_default();
        *pages = pages.saturating_add(1);
        *more = more.saturating_add(u64::from(has_more));
    }

    /// The kinds of page of which the last one is missing: as many say that another follows as there are.
    pub fn cut(&self) -> impl Iterator<Item = &str> {
        self.pages.iter().filter(|(_, (pages, more))| more >= pages).map(|(kind, _)| kind.as_str())
    }

    /// With models called as the ledger calls them.
    pub fn renamed(mut self, name: impl Fn(&str) -> Option<Box<str>>) -> Option<Self> {
        for ((day, model), cell) in std::mem::take(&mut self.cells) {
            let model = name(&model).unwrap_or(model);
            let into = self.cells.entry((day, model)).or_default();
            for ((meter, place), units) in cell.units {
                into.add_units(meter, &place, units)?;
            }
            for (meter, cost) in cell.costs {
                into.add_cost(meter, cost)?;
            }
        }
        Some(self)
    }

    /// What is told of a model on a day, to add to.
    pub(super) fn cell(&mut self, day: Day, model: &str) -> &mut TheirsCell {
        self.cells.entry((day, model.into())).or_default()
    }

    /// Notes a bucket or row as read; a fault where it was before.
    pub(super) fn once(&mut self, key: String, what: &str, file: &str, line: u64) -> Result<(), Fault> {
        self.rows = self.rows.saturating_add(1);
        if self.rows > ROWS_MAX {
            return Err(Fault::at(
                file,
                line,
                format!("is one row more than the {ROWS_MAX} that are reconciled at once"),
            ));
        }
        if let Some((first, at)) = self.seen.get(&key) {
            let place = if *at == 0 { first.clone() } else { format!("{first}:{at}") };
            return Err(Fault::at(
                file,
                line,
                format!("{what} was told in {place} before; it would count twice"),
            ));
        }
        self.seen.insert(key, (file.to_owned(), line));
        Ok(())
    }
}

impl TheirsCell {
    /// Adds units; `None` where they do not fit.
    pub(super) fn add_units(&mut self, meter: Meter, place: &Place, units: u64) -> Option<()> {
        if units > 0 {
            let sum = self.units.entry((meter, place.clone())).or_default();
            *sum = sum.checked_add(units)?;
        }
        Some(())
    }

    /// Adds money; `None` where it does not fit.
    pub(super) fn add_cost(&mut self, meter: Option<Meter>, cost: PicoUsd) -> Option<()> {
        let sum = self.costs.entry(meter).or_default();
        *sum = sum.checked_add(cost)?;
        Some(())
    }
}
