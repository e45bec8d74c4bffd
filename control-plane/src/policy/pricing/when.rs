//! Since when or until when something in a policy holds: an instant, or the begin of a day in UTC.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use protocol::UnixNanos;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, fmt, str::FromStr};

/// A day, which is its first instant in UTC, or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct When(pub UnixNanos);

impl FromStr for When {
    type Err = crate::instant::NotAnInstant;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|crate::instant::Instant(at)| Self(at))
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::MAX);
        let zoned = at.to_zoned_datetime(TimeZone::UTC);
        let day: Date = zoned.date();
        let is_day = zoned.start_of_day().is_ok_and(|start| start == zoned);
        if is_day { write!(f, "{day}") } else { write!(f, "{at}") }
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "A day or an RFC 3339 instant.", "type": "string", "format": "instant"})
    }
}
