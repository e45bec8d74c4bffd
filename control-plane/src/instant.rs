//! Instants as people and APIs write them: RFC 3339 in UTC. Which instant it is now is the clock's business.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use protocol::UnixNanos;
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// An instant, shown with nanoseconds: `2026-11-24T03:28:49.000000000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub UnixNanos);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::MAX);
        write!(f, "{at:.9}")
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither an RFC 3339 time (2026-11-24T03:28:49Z) nor a day (2026-11-24)")]
pub struct NotAnInstant;

impl FromStr for Instant {
    type Err = NotAnInstant;

    /// An RFC 3339 time, or a day, which is its first instant in UTC.
    fn from_str(text: &str) -> Result<Self, NotAnInstant> {
        let at = text.parse::<Timestamp>().or_else(|_| {
            // Jiff would take the day out of a time without a zone, which is another instant.
            let day = if text.contains(['T', 't', ' ']) { "" } else { text };
            let day = day.parse::<Date>()?;
            day.to_zoned_datetime(TimeZone::UTC).map(|day| day.timestamp())
        });
        let nanos = at.map_err(|_| NotAnInstant)?.as_nanosecond();
        u64::try_from(nanos).map(Self).map_err(|_| NotAnInstant)
    }
}

/// An instant, or how long before another one it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ago {
    /// That instant.
    At(UnixNanos),
    /// So many nanoseconds before.
    Before(u64),
}

impl Ago {
    /// The instant itself.
    pub const NOW: Self = Self::Before(0);
    /// Seven days before.
    pub const WEEK: Self = Self::Before(7 * 86_400_000_000_000);

    /// The instant.
    pub fn before(self, now: UnixNanos) -> UnixNanos {
        match self {
            Self::At(at) => at,
            Self::Before(nanos) => now.saturating_sub(nanos),
        }
    }
}

/// Neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is neither a time before now (12h, 7d, 2w), nor an RFC 3339 time (2026-11-24T03:28:49Z), nor a day (2026-11-24)"
)]
pub struct NotAgo;

impl FromStr for Ago {
    type Err = NotAgo;

    fn from_str(text: &str) -> Result<Self, NotAgo> {
        const HOUR_NS: u64 = 3_600_000_000_000;
        let hours = [("h", 1), ("d", 24), ("w", 168)];
        let number = |unit: &str| text.strip_suffix(unit)?.parse::<u64>().ok();
        let told = hours.into_iter().find_map(|(unit, hours)| Some((number(unit)?, hours)));
        match told {
            Some((number, hours)) => {
                let nanos = number.checked_mul(hours).and_then(|hours| hours.checked_mul(HOUR_NS));
                nanos.map(Self::Before).ok_or(NotAgo)
            }
            None => text.parse().map(|Instant(at)| Self::At(at)).map_err(|_| NotAgo),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_with_nanoseconds_and_read_back_and_a_day_is_its_first_instant() {
        let at: Instant = "2026-11-24T03:28:49.5+01:00".parse().unwrap();
        assert_eq!(at.to_string(), "2026-11-24T02:28:49.500000000Z");
        assert_eq!(at.to_string().parse(), Ok(at));
        assert_eq!("2026-11-24".parse::<Instant>().unwrap().to_string(), "2026-11-24T00:00:00.000000000Z");
        for text in ["yesterday", "", "2026-11-24T03:28", "2026-11-24 03:28:49"] {
            assert_eq!(text.parse::<Instant>(), Err(NotAnInstant), "{text}");
        }
    }
    #[test]
    fn a_time_before_now_is_so_many_hours_days_or_weeks() {
        let now = 1_795_514_400_000_000_000;
        let before = |text: &str| text.parse::<Ago>().map(|ago| (now - ago.before(now)) / 3_600_000_000_000);
        assert_eq!((before("36h"), before("7d"), before("2w")), (Ok(36), Ok(168), Ok(336)));
        assert_eq!("2026-11-24".parse::<Ago>().unwrap().before(now), 1_795_478_400_000_000_000);
        for text in ["", "d", "-1d", "7", "7 d", "99999999999999999999w", "yesterday"] {
            assert_eq!(before(text), Err(NotAgo), "{text}");
        }
    }
}
