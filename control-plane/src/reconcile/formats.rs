//! The exports that are read, by provider. A text is taken for what its shape is, never for what its name says.

mod anthropic;
mod charges;
mod decimal;
mod openai;
mod openrouter;
mod pages;
mod table;

use super::theirs::{Day, Fault, Theirs, day_of};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{fmt, str::FromStr};

/// Whose exports are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Organization usage of completions, and costs.
    OpenAi,
    /// The messages usage report, and the cost report.
    Anthropic,
    /// The activity.
    OpenRouter,
    /// AWS: CUR, CUR 2.0 or FOCUS.
    Bedrock,
    /// FOCUS.
    Azure,
    /// FOCUS.
    Vertex,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::OpenAi, Self::Anthropic, Self::OpenRouter, Self::Bedrock, Self::Azure, Self::Vertex];

    /// The ledger's name of it.
    pub fn in_ledger(self) -> &'static str {
        match self {
            Self::Vertex => "vertex_ai",
            other => other.as_str(),
        }
    }

    /// Whether its exports describe models in words of their own, and do not name them as calls do.
    pub fn describes_models(self) -> bool {
        matches!(self, Self::Bedrock | Self::Azure | Self::Vertex)
    }

    /// The word in commands and requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::OpenRouter => "openrouter",
            Self::Bedrock => "bedrock",
            Self::Azure => "azure",
            Self::Vertex => "vertex",
        }
    }

    /// The formats that are known of it.
    fn formats(self) -> &'static str {
        match self {
            Self::OpenAi => {
                "pages of /v1/organization/usage/completions and of /v1/organization/costs (JSON)"
            }
            Self::Anthropic => {
                "pages of /v1/organizations/usage_report/messages and of /v1/organizations/cost_report (JSON)"
            }
            Self::OpenRouter => "the activity as JSON (/api/v1/activity) or CSV",
            Self::Bedrock => "AWS CUR and CUR 2.0 (CSV), FOCUS 1.0 to 1.2 (CSV)",
            Self::Azure | Self::Vertex => "FOCUS 1.0 to 1.2 (CSV)",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No provider of that name has an export that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is none of: openai, anthropic, openrouter, bedrock, azure, vertex")]
pub struct UnknownProvider;

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text).ok_or(UnknownProvider)
    }
}

/// Reads one file into what is known so far.
pub fn read(
    provider: Provider,
    (file, text): (&str, &str),
    zone: &TimeZone,
    theirs: &mut Theirs,
) -> Result<(), Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let unknown = || {
        Fault::at(
            file,
            0,
            format!("is no export of {provider} that is known; there are: {}", provider.formats()),
        )
    };
    let source = Source { file, text, zone };
    let is_json = text.trim_start().starts_with(['{', '[']);
    match provider {
        Provider::OpenAi if is_json => openai::read(&source, theirs, unknown),
        Provider::Anthropic if is_json => anthropic::read(&source, theirs, unknown),
        Provider::OpenRouter if is_json => openrouter::read_json(&source, theirs, unknown),
        Provider::OpenRouter => openrouter::read_csv(&source, theirs, unknown),
        Provider::Bedrock | Provider::Azure | Provider::Vertex if !is_json => {
            charges::read(provider, &source, theirs, unknown)
        }
        Provider::OpenAi | Provider::Anthropic | Provider::Bedrock | Provider::Azure | Provider::Vertex => {
            Err(unknown())
        }
    }
}

/// One file.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
    zone: &'a TimeZone,
}

impl Source<'_> {
    /// As a document of some shape. Serde says at which line it is another.
    fn json<'t, T: Deserialize<'t>>(&'t self) -> Result<T, Fault> {
        serde_json::from_str(self.text).map_err(|error| self.unread(&error, 1))
    }

    /// A part of it, which begins in that line.
    fn part<'t, T: Deserialize<'t>>(&self, part: &'t RawValue, line: u64) -> Result<T, Fault> {
        serde_json::from_str(part.get()).map_err(|error| self.unread(&error, line))
    }

    fn unread(&self, error: &serde_json::Error, begin: u64) -> Fault {
        let line = begin.saturating_add(u64::try_from(error.line()).unwrap_or(0)).saturating_sub(1);
        let text = error.to_string();
        Fault::at(self.file, line.max(1), text.split(" at line ").next().unwrap_or(&text))
    }

    /// What the document looks like, without its numbers.
    fn shape(&self) -> Result<Value, Fault> {
        self.json()
    }

    /// The day of an instant.
    fn day(&self, at: Timestamp) -> Day {
        day_of(at.to_zoned_datetime(self.zone.clone()).date())
    }

    /// The day that a span lies in; a fault where it lies in several, or in none.
    fn day_between(&self, from: Timestamp, to: Timestamp, line: u64) -> Result<Day, Fault> {
        let last = to.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(to);
        let day = self.day(from);
        if from < to && self.day(last) == day {
            return Ok(day);
        }
        let zone = self.zone.iana_name().unwrap_or("the zone that is given");
        Err(self.fault(
            line,
            format!("is of {from} until before {to}, which is no part of one day in {zone}: days of another zone are given by its name (time_zone)"),
        ))
    }

    /// The day of a text: a date, or a time with or without a zone.
    fn day_of(&self, text: &str) -> Option<Day> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(self.day(at));
        }
        let date = text.get(..10)?.parse::<Date>().ok()?;
        let rest = text.get(10..)?;
        (rest.is_empty() || rest.starts_with([' ', 'T'])).then(|| day_of(date))
    }

    fn fault(&self, line: u64, message: impl Into<String>) -> Fault {
        Fault::at(self.file, line, message)
    }

    fn too_large(&self, line: u64) -> Fault {
        self.fault(line, "makes a sum that is too large to count")
    }
}

/// The first page of a document that is one, or a list of them.
fn first_result(shape: &Value) -> Option<&Value> {
    let pages = shape.as_array().map_or(std::slice::from_ref(shape), Vec::as_slice);
    let mut buckets = pages.iter().filter_map(|page| page.get("data")?.as_array()).flatten();
    buckets.find_map(|bucket| bucket.get("results")?.as_array()?.first())
}
