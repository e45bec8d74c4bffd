//! The part of a policy that says which reports go out by themselves, when and to whom. Sending them is the alerts room's,
//! which has the queue.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use protocol::{UnixNanos, ids::Name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which reports go out by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reports {
    /// The founder's, once a week.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<WeeklyReport>,
    /// Where people find the console; messages have a link to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "url"))]
    pub console_url: Option<Box<str>>,
}

impl Reports {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// To whom the weekly report goes, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeeklyReport {
    /// Names of destinations.
    #[schemars(with = "Vec<String>")]
    pub to: Vec<Name>,
    /// It is about the seven days before this one.
    #[serde(default)]
    pub day: Day,
    /// When on that day: hours and minutes.
    #[serde(default = "eight")]
    #[schemars(extend("format" = "time-of-day"))]
    pub at: Box<str>,
    /// The IANA zone of both.
    #[serde(default = "utc")]
    #[schemars(extend("format" = "time-zone"))]
    pub time_zone: Box<str>,
}

fn eight() -> Box<str> {
    "08:00".into()
}

fn utc() -> Box<str> {
    "UTC".into()
}

/// A day of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are known")]
pub enum Day {
    #[default]
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Seven days of which a report is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    /// Their first instant,
    pub from: UnixNanos,
    /// and the first one after them.
    pub to: UnixNanos,
}

impl WeeklyReport {
    /// The last seven days of which the report is due. They are UTC's, as in every report, with the dates of the zone; so
    /// it is not due before the last of them is over in UTC.
    pub fn due(&self, now: UnixNanos) -> Option<Week> {
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        let time = time_of_day(&self.at).unwrap_or_else(Time::midnight);
        let today = zone.to_datetime(Timestamp::from_nanosecond(i128::from(now)).ok()?).date();
        let days = today.weekday().since(self.day.weekday());
        [days, days.saturating_add(7)].into_iter().find_map(|days| {
            let date = today.checked_sub(i64::from(days).days()).ok()?;
            let due = nanos(zone.to_timestamp(date.to_datetime(time)).ok()?)?;
            let (from, to) = (midnight(date.checked_sub(7.days()).ok()?)?, midnight(date)?);
            (due.max(to) <= now).then_some(Week { from, to })
        })
    }

    /// As one text, by which another schedule is known.
    pub fn schedule(&self) -> String {
        format!("{:?} {} {}", self.day, self.at, self.time_zone)
    }
}

/// Hours and minutes.
pub(super) fn time_of_day(text: &str) -> Option<Time> {
    let is_clock = |(hours, minutes): &(&str, &str)| {
        [hours, minutes]
            .iter()
            .all(|digits| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let (hours, minutes) = text.split_once(':').filter(is_clock)?;
    Time::new(hours.parse().ok()?, minutes.parse().ok()?, 0, 0).ok()
}

fn midnight(date: Date) -> Option<UnixNanos> {
    nanos(date.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
}

fn nanos(at: Timestamp) -> Option<UnixNanos> {
    u64::try_from(at.as_nanosecond()).ok()
}

impl Day {
    fn weekday(self) -> Weekday {
        match self {
            Self::Monday => Weekday::Monday,
            Self::Tuesday => Weekday::Tuesday,
            Self::Wednesday => Weekday::Wednesday,
            Self::Thursday => Weekday::Thursday,
            Self::Friday => Weekday::Friday,
            Self::Saturday => Weekday::Saturday,
            Self::Sunday => Weekday::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixNanos {
        nanos(text.parse().unwrap()).unwrap()
    }

    /// The day after the last one that is reported.
    fn due(day: Day, time: &str, zone: &str, now: &str) -> String {
        let report = WeeklyReport { to: Vec::new(), day, at: time.into(), time_zone: zone.into() };
        let Week { from, to } = report.due(at(now)).unwrap();
        assert_eq!(to - from, 7 * 86_400_000_000_000);
        Timestamp::from_nanosecond(i128::from(to)).unwrap().to_string()
    }

    #[test]
    fn a_report_is_due_from_its_minute_on_until_the_next_one_is() {
        let monday = |now: &str| due(Day::Monday, "08:00", "UTC", now);
        // 2026-11-23 is a Monday.
        assert_eq!(monday("2026-11-23T07:59:59.999999999Z"), "2026-11-16T00:00:00Z");
        assert_eq!(monday("2026-11-23T08:00:00Z"), "2026-11-23T00:00:00Z");
        assert_eq!(monday("2026-11-30T07:59:00Z"), "2026-11-23T00:00:00Z");
        assert_eq!(due(Day::Sunday, "23:30", "UTC", "2026-11-29T23:31:00Z"), "2026-11-29T00:00:00Z");
    }

    #[test]
    fn day_and_time_are_the_zone_s_and_change_with_its_clocks() {
        let berlin = |now: &str| due(Day::Monday, "08:00", "Europe/Berlin", now);
        // Summer time ended on 25 October.
        assert_eq!(berlin("2026-10-19T06:00:00Z"), "2026-10-19T00:00:00Z");
        assert_eq!(berlin("2026-10-26T06:59:00Z"), "2026-10-19T00:00:00Z");
        assert_eq!(berlin("2026-10-26T07:00:00Z"), "2026-10-26T00:00:00Z");
        // An hour that there is not, on 29 March, is the one after it.
        let sunday = |now: &str| due(Day::Sunday, "02:30", "Europe/Berlin", now);
        assert_eq!(sunday("2026-03-29T01:29:00Z"), "2026-03-22T00:00:00Z");
        assert_eq!(sunday("2026-03-29T01:30:00Z"), "2026-03-29T00:00:00Z");
    }

    #[test]
    fn far_in_the_east_it_waits_for_the_end_of_its_last_day_in_utc() {
        let auckland = |now: &str| due(Day::Monday, "08:00", "Pacific/Auckland", now);
        // Monday, 8 o'clock, is Sunday, 19 o'clock.
        assert_eq!(auckland("2026-11-22T23:59:59Z"), "2026-11-16T00:00:00Z");
        assert_eq!(auckland("2026-11-23T00:00:00Z"), "2026-11-23T00:00:00Z");
    }

    #[test]
    fn hours_and_minutes_are_two_digits_each() {
        assert_eq!(time_of_day("23:59").unwrap().to_string(), "23:59:00");
        for text in ["", "8:00", "24:00", "08:60", "08-00", "08:00:00", "+8:00", "-1:00"] {
            assert!(time_of_day(text).is_none(), "{text}");
        }
    }
}
