//! The price table: one row per meter of a model at a provider, from an instant on. Finds what was in force at an
//! instant, takes catalogues in as proposals with a diff, and never changes a row that a call may have been rated
//! by: it closes it and opens another. Rating itself is `protocol::rating`.

mod compact;
mod diff;
mod formats;
mod gather;
mod genai_prices;
mod guard;
mod hours;
pub mod litellm;
mod model;
mod models_dev;
mod openrouter;
mod own;
mod rate;
mod raw;
mod table;
mod utc_windows;

pub use diff::{Approval, Change, Diff, HeldRow, Taking, approve, compare, compare_as};
pub use formats::{READER, ReadError, detect, is_own, read, source_name};
pub use guard::HoldReason;
pub use hours::{Hours, NoHours};
pub use rate::Quote;
pub use table::{Found, FoundRows, Lookup, PriceTable, Query};

use protocol::{
    UnixNanos,
    meters::Meter,
    money::PicoUsdPerUnit,
    price::{PriceId, Threshold},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// One row of the price table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRow {
    /// Given by the store; 0 before.
    pub id: PriceId,
    /// What it prices.
    pub key: PriceKey,
    /// Pico-dollars per unit.
    pub rate: PicoUsdPerUnit,
    /// The meter whose rate this is, where the source names none for this one.
    pub inherits: Option<Meter>,
    /// The most tokens the model generates in one answer; on rows of the output meter alone.
    pub output_tokens_max: Option<u64>,
    /// From this instant on,
    pub effective_from: UnixNanos,
    /// until before this one; absent: until further notice.
    pub effective_to: Option<UnixNanos>,
    /// Where it comes from.
    pub source: Provenance,
    /// Whether it is in use.
    pub status: Status,
}

impl PriceRow {
    /// Whether a call that started at that instant is rated by it.
    pub fn is_in_force(&self, at: UnixNanos) -> bool {
        self.status == Status::Active
            && self.effective_from <= at
            && self.effective_to.is_none_or(|end| at < end)
    }

    /// Whether it is in force at an instant, and that is in one of its hours.
    pub fn holds_at(&self, at: UnixNanos) -> bool {
        self.is_in_force(at) && self.key.hours.as_ref().is_none_or(|hours| hours.contain(at))
    }

    /// Whether another row says the same, wherever it comes from and whenever it holds.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.key == other.key
            && self.rate == other.rate
            && self.inherits == other.inherits
            && self.output_tokens_max == other.output_tokens_max
    }
}

/// What a row prices. At one instant at most one row per key is in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PriceKey {
    /// As the filter names it.
    pub provider: Box<str>,
    /// The model's name or its beginning.
    pub model: Box<str>,
    /// Which of the two.
    pub matching: Matching,
    /// What is counted.
    pub meter: Meter,
    /// The service tier; absent: the standard one.
    pub tier: Option<Box<str>>,
    /// The region, or after a `!` the one it is not for; absent: wherever nothing else holds.
    pub region: Option<Box<str>>,
    /// The prompt size from which it holds.
    pub threshold: Option<Threshold>,
    /// The hours in which it holds; absent: in all that no other row of the meter is for.
    pub hours: Option<Hours>,
    /// A contract's rate, for the account of that name, or, where it is empty, for all; absent: a list price.
    pub contract: Option<Box<str>>,
}

impl PriceKey {
    /// The list price of a meter of a model, in the standard tier, everywhere and always.
    pub fn plain(provider: &str, model: &str, meter: Meter) -> Self {
        Self {
            provider: provider.into(),
            model: model.into(),
            matching: Matching::Exact,
            meter,
            tier: None,
            region: None,
            threshold: None,
            hours: None,
            contract: None,
        }
    }
}

/// How a row's model is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// To the letter.
    Exact,
    /// By its beginning; the longest one wins.
    Prefix,
}

impl Matching {
    /// The word in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Prefix => "prefix",
        }
    }
}

/// Where a row comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The catalogue.
    pub name: Box<str>,
    /// When it was imported.
    pub imported_at: UnixNanos,
    /// The entry and key in the catalogue.
    pub key: Box<str>,
    /// The value as it is written there.
    pub text: Box<str>,
    /// The value is finer than a pico-dollar and was rounded, half to even.
    pub rounded: bool,
}

/// Whether a row is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for approval.
    Proposed,
    /// In use between its two instants.
    Active,
    /// Was never in use: replaced by another proposal.
    Retired,
}

impl Status {
    /// The word in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// What a catalogue says, before it is compared with what is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// The catalogue's name.
    pub source: Box<str>,
    /// When it is read. Rows of which it does not say from when they hold begin then.
    pub at: UnixNanos,
    /// How many entries it has.
    pub entries: u64,
    /// Entries of models that chat, in the catalogue that says which do.
    pub chat_entries: u64,
    /// Those of them whose every price became rows.
    pub chat_entries_covered: u64,
    /// The others, and the keys of theirs that did not.
    pub not_covered: BTreeMap<String, Vec<String>>,
    /// Its rows, in the order of keys and instants; more than one of a key where it says from when each holds.
    pub rows: Vec<PriceRow>,
    /// Keys that Bursar has no meter for, and how many entries carry them.
    pub unmapped: BTreeMap<String, u64>,
    /// Values that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Rows that another entry of the same catalogue contradicts.
    pub contradicted: Vec<PriceRow>,
}

/// A value of a catalogue that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The entry.
    pub entry: String,
    /// The key in it.
    pub key: String,
    /// Why.
    pub reason: String,
}

#[cfg(test)]
mod speed_tests;
#[cfg(test)]
mod tests;
