//! The hours in which a price holds: times of day on weekdays, by the clock of a zone. From the first instant of a
//! window until before its end; one that ends at or before the time it begins at ends on the next day.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};
use protocol::{UnixNanos, price::Span};
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// Windows of one zone; the price holds in any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// As it is kept and shown: `Asia/Shanghai mon-fri 16:30-00:30, sat 00:00-24:00`.
    text: Box<str>,
    zone: TimeZone,
    windows: Vec<Window>,
}

/// One window of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    /// Bit 0 is Monday. The day that the window begins on.
    days: u8,
    from: Time,
    /// Midnight is the next day's.
    to: Time,
}

/// Why a text names no hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHours {
    /// Not known to the time zone database.
    #[error("`{0}` is no IANA time zone")]
    Zone(String),
    /// Not a day or a range of days.
    #[error("`{0}` is no weekday: write mon, or mon-fri")]
    Weekday(String),
    /// Not a range of times.
    #[error("`{0}` is no range of times: write 16:30-00:30")]
    Times(String),
    /// Nothing but a zone.
    #[error("names no window: write `Asia/Shanghai mon-fri 16:30-00:30`")]
    Empty,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const EVERY_DAY: u8 = 0b111_1111;
const DAY_NS: i128 = 86_400_000_000_000;
const WEEK_NS: u64 = 7 * 86_400_000_000_000;

impl Hours {
    /// The windows that have a part in a span, as instants, in order.
    pub fn spans(&self, from: UnixNanos, until: UnixNanos) -> Vec<Span> {
        let date = |at: i128| Timestamp::from_nanosecond(at).map(|at| self.zone.to_datetime(at).date());
        // A window that began the day before may still be open.
        let first = date(i128::from(from).saturating_sub(DAY_NS));
        let last = date(i128::from(until));
        let (Ok(first), Ok(last)) = (first, last) else { return Vec::new() };
        let days = first.series(1.day()).take_while(|day| *day <= last);
        let mut spans: Vec<Span> = days
            .flat_map(|day| self.windows.iter().filter_map(move |window| window.on(day, &self.zone)))
            .filter(|(start, end)| *start < until && *end > from)
            .collect();
        spans.sort_unstable();
        spans
    }

    /// Whether a window of theirs and one of these are open at the same instant, in the week after one.
    pub fn meet(&self, others: &Self, from: UnixNanos) -> bool {
        let week = from.saturating_add(WEEK_NS);
        let theirs = others.spans(from, week);
        let overlaps = |(start, end): &Span| theirs.iter().any(|(from, until)| from < end && start < until);
        self.spans(from, week).iter().any(overlaps)
    }

    /// Whether an instant is in a window.
    pub fn contain(&self, at: UnixNanos) -> bool {
        !self.spans(at, at.saturating_add(1)).is_empty()
    }
}

impl Window {
    fn on(self, day: Date, zone: &TimeZone) -> Option<Span> {
        let bit = 1_u8.checked_shl(u32::try_from(day.weekday().to_monday_zero_offset()).ok()?)?;
        if self.days & bit == 0 {
            return None;
        }
        let end_day = if self.to <= self.from { day.tomorrow().ok()? } else { day };
        let instant = |day: Date, time: Time| {
            let at = zone.to_timestamp(DateTime::from_parts(day, time)).ok()?;
            u64::try_from(at.as_nanosecond()).ok()
        };
        Some((instant(day, self.from)?, instant(end_day, self.to)?))
    }
}

impl FromStr for Hours {
    type Err = NoHours;

    /// A zone, then windows: `Asia/Shanghai mon-fri 16:30-00:30, sat 00:00-24:00`. Without days, every day.
    fn from_str(text: &str) -> Result<Self, NoHours> {
        let (zone, windows) = text.trim().split_once(char::is_whitespace).ok_or(NoHours::Empty)?;
        let zone = TimeZone::get(zone).map_err(|_| NoHours::Zone(zone.to_owned()))?;
        let windows = windows.split(',').map(window).collect::<Result<Vec<_>, _>>()?;
        let named = zone.iana_name().unwrap_or("UTC");
        let shown: Vec<String> = windows.iter().map(ToString::to_string).collect();
        Ok(Self { text: format!("{named} {}", shown.join(", ")).into(), zone, windows })
    }
}

fn window(text: &str) -> Result<Window, NoHours> {
    let mut words = text.split_whitespace().rev();
    let times = words.next().ok_or(NoHours::Empty)?;
    let wrong = || NoHours::Times(times.to_owned());
    let (from, to) = times.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (time(from).ok_or_else(wrong)?, time(to).ok_or_else(wrong)?);
    let mut days = 0;
    for word in words {
        days |= weekdays(word).ok_or_else(|| NoHours::Weekday(word.to_owned()))?;
    }
    Ok(Window { days: if days == 0 { EVERY_DAY } else { days }, from, to })
}

fn time(text: &str) -> Option<Time> {
    if text == "24:00" {
        return Some(Time::midnight());
    }
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |text: &str| text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    (two_digits(hour) && two_digits(minute))
        .then(|| Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok())
        .flatten()
}

/// `mon`, `mon-fri`, `fri-mon`.
fn weekdays(text: &str) -> Option<u8> {
    let day = |text: &str| DAYS.iter().position(|(name, _)| text.eq_ignore_ascii_case(name));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(text)?, day(text)?),
    };
    let count =
        if first <= last { last.abs_diff(first) } else { 7_usize.saturating_sub(first.abs_diff(last)) };
    let named = DAYS.iter().enumerate().cycle().skip(first).take(count.saturating_add(1));
    Some(named.fold(0, |bits, (index, _)| bits | 1_u8 << index))
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != EVERY_DAY {
            for (_, (name, _)) in DAYS.iter().enumerate().filter(|(index, _)| self.days & (1 << index) != 0) {
                write!(f, "{name} ")?;
            }
        }
        write!(f, "{}-", self.from.strftime("%H:%M"))?;
        if self.to == Time::midnight() {
            f.write_str("24:00")
        } else {
            write!(f, "{}", self.to.strftime("%H:%M"))
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialOrd for Hours {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hours {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instant::Instant;

    fn is_open(hours: &str, at: &str) -> bool {
        hours.parse::<Hours>().unwrap().contain(at.parse::<Instant>().unwrap().0)
    }

    #[test]
    fn a_window_begins_with_its_first_instant_and_ends_before_its_last() {
        for (at, open) in [
            ("2026-11-23T07:59:59.999999999Z", false),
            ("2026-11-23T08:00:00Z", true),
            ("2026-11-23T16:59:59.999999999Z", true),
            ("2026-11-23T17:00:00Z", false),
        ] {
            assert_eq!(is_open("UTC 08:00-17:00", at), open, "{at}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins_on() {
        // 2026-11-27 is a Friday.
        for (at, open) in [
            ("2026-11-27T16:29:59Z", false),
            ("2026-11-27T16:30:00Z", true),
            ("2026-11-28T00:29:59Z", true),
            ("2026-11-28T00:30:00Z", false),
            ("2026-11-28T16:30:00Z", false),
            ("2026-11-27T00:10:00Z", false),
        ] {
            assert_eq!(is_open("UTC fri 16:30-00:30", at), open, "{at}");
        }
    }

    #[test]
    fn weekdays_are_those_of_the_window_s_zone() {
        // Friday 17:00 UTC is Saturday 01:00 in Shanghai, Sunday 17:00 UTC is Monday there.
        assert!(is_open("Asia/Shanghai sat sun 00:00-24:00", "2026-11-27T17:00:00Z"));
        assert!(!is_open("UTC sat sun 00:00-24:00", "2026-11-27T17:00:00Z"));
        assert!(!is_open("Asia/Shanghai sat sun 00:00-24:00", "2026-11-29T17:00:00Z"));
        assert!(is_open("Asia/Shanghai mon-fri 00:00-08:00", "2026-11-29T17:00:00Z"));
    }

    #[test]
    fn clocks_that_change_move_the_window_with_them() {
        assert!(is_open("Europe/Berlin 08:00-09:00", "2026-07-01T06:30:00Z"));
        assert!(is_open("Europe/Berlin 08:00-09:00", "2026-12-01T07:30:00Z"));
        assert!(!is_open("Europe/Berlin 08:00-09:00", "2026-12-01T06:30:00Z"));
    }

    #[test]
    fn hours_are_kept_in_one_form_and_anything_else_is_refused_with_its_reason() {
        let kept = |text: &str| text.parse::<Hours>().map(|hours| hours.to_string());
        assert_eq!(kept("UTC  FRI-mon 1:00-24:00").unwrap(), "UTC mon fri sat sun 01:00-24:00");
        assert_eq!(kept("UTC 00:00-00:00").unwrap(), "UTC 00:00-24:00");
        assert_eq!(kept("Mars/Base 00:00-01:00"), Err(NoHours::Zone("Mars/Base".to_owned())));
        assert_eq!(kept("UTC someday 00:00-01:00"), Err(NoHours::Weekday("someday".to_owned())));
        for times in ["1-2", "25:00-26:00", "00:00", "00:00-xx"] {
            assert_eq!(kept(&format!("UTC {times}")), Err(NoHours::Times(times.to_owned())));
        }
        assert_eq!(kept("UTC"), Err(NoHours::Empty));
    }
}
