//! Days and months, in UTC: what an export is of, and what its rows say they are of.

use jiff::{ToSpan, civil::Date, tz::TimeZone};
use protocol::UnixNanos;

const DAY_NS: u64 = 86_400_000_000_000;
const DAY_S: i64 = 86_400;

/// A span of whole days, the last one not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first one, in days since 1970-01-01.
    pub from: i64,
    /// The one after the last.
    pub to: i64,
}

/// Why a span is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DaysError {
    /// Not a day.
    #[error("`{key}`: `{text}` is no day such as 2026-11-01")]
    NotADay {
        /// Which one.
        key: &'static str,
        /// What was written.
        text: String,
    },
    /// Ends before it begins.
    #[error("`from` ({from}) does not lie before `to` ({to}), which is the day after the last one")]
    Backwards {
        /// Its first day.
        from: Date,
        /// The day after its last.
        to: Date,
    },
}

impl Days {
    /// From what somebody wrote. Without `to`: until the end of today. Without `from`: since the first of the month that
    /// the last day is in; so without both, the current month so far.
    pub fn parse(from: Option<&str>, to: Option<&str>, now: UnixNanos) -> Result<Self, DaysError> {
        let today = i64::try_from(now / DAY_NS).unwrap_or(0);
        let to = match to {
            Some(text) => day("to", text)?,
            None => today.saturating_add(1),
        };
        let from = match from {
            Some(text) => day("from", text)?,
            None => month(to.saturating_sub(1)).from,
        };
        if from < to {
            Ok(Self { from, to })
        } else {
            Err(DaysError::Backwards { from: date(from), to: date(to) })
        }
    }

    /// The first one.
    pub fn first(self) -> Date {
        date(self.from)
    }

    /// The one after the last.
    pub fn end(self) -> Date {
        date(self.to)
    }
}

fn day(key: &'static str, text: &str) -> Result<i64, DaysError> {
    let wrong = || DaysError::NotADay { key, text: text.to_owned() };
    // jiff reads the date of a longer text, too: a time of day that goes unheard would be a wrong answer.
    let written = |date: &Date| date.to_string() == text;
    let date: Date = text.parse().ok().filter(written).ok_or_else(wrong)?;
    number(date).ok_or_else(wrong)
}

/// The calendar month of a day.
pub(super) fn month(day: i64) -> Days {
    let date = date(day);
    let next = date.last_of_month().tomorrow().ok().and_then(number);
    Days { from: number(date.first_of_month()).unwrap_or(day), to: next.unwrap_or(day) }
}

/// A day as a date. What no calendar reaches, which the ledger refuses to book, is the nearest that it does reach.
pub(super) fn date(day: i64) -> Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    let bounded = i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX });
    // Spans have limits of their own, far outside of the calendar's.
    let span = bounded.clamp(-4_000_000, 4_000_000).days();
    epoch.saturating_add(span)
}

fn number(date: Date) -> Option<i64> {
    let midnight = date.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp().as_second();
    Some(midnight.div_euclid(DAY_S))
}

/// The first instant of a day, as the specification writes it: `2026-11-01T00:00:00Z`.
pub(super) fn instant(day: i64) -> String {
    format!("{}T00:00:00Z", date(day))
}

/// The first instant of a day, in microseconds since 1970-01-01.
pub(super) fn micros(day: i64) -> i64 {
    day.saturating_mul(DAY_S).saturating_mul(1_000_000)
}
