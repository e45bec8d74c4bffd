//! How events are written and read.

use super::{CallEnd, CallHead, UsageEvent};
use crate::outcome::TaskReport;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// How an event is written: `kind`, `head` and, when it finished, `end`. A plain record, because serde buffers what
/// a tagged or flattened one holds, and every call is written once and read once. Of parts that whoever tells it keeps.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename = "UsageEvent")]
pub struct Written<'a> {
    kind: Kind,
    head: &'a CallHead,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'a CallEnd>,
}

impl<'a> Written<'a> {
    /// [`UsageEvent::Started`].
    pub fn started(head: &'a CallHead) -> Self {
        Self { kind: Kind::Started, head, end: None }
    }

    /// [`UsageEvent::Finished`].
    pub fn finished(head: &'a CallHead, end: &'a CallEnd) -> Self {
        Self { kind: Kind::Finished, head, end: Some(end) }
    }
}

#[derive(Deserialize)]
#[serde(rename = "UsageEvent")]
struct Read {
    kind: Kind,
    #[serde(default)]
    head: Option<CallHead>,
    #[serde(default)]
    end: Option<Box<CallEnd>>,
    #[serde(default)]
    outcome: Option<TaskReport>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Started,
    Finished,
    Outcome,
}

impl Serialize for UsageEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Started { head } => Written::started(head).serialize(serializer),
            Self::Finished { head, end } => Written::finished(head, end).serialize(serializer),
            Self::Outcome { report } => WrittenOutcome::of(report).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for UsageEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { kind, head, end, outcome } = Read::deserialize(deserializer)?;
        match (kind, head, end, outcome) {
            (Kind::Started, Some(head), None, _) => Ok(Self::Started { head }),
            (Kind::Finished, Some(head), Some(end), _) => Ok(Self::Finished { head, end }),
            (Kind::Outcome, _, _, Some(report)) => Ok(Self::Outcome { report }),
            (Kind::Started, Some(_), Some(_), _) => Err(D::Error::custom("a started event has no `end`")),
            (Kind::Finished, Some(_), None, _) => Err(D::Error::missing_field("end")),
            (Kind::Started | Kind::Finished, None, ..) => Err(D::Error::missing_field("head")),
            (Kind::Outcome, _, _, None) => Err(D::Error::missing_field("outcome")),
        }
    }
}

#[derive(Serialize)]
#[serde(rename = "UsageEvent")]
struct WrittenOutcome<'a> {
    kind: Kind,
    outcome: &'a TaskReport,
}

impl<'a> WrittenOutcome<'a> {
    fn of(outcome: &'a TaskReport) -> Self {
        Self { kind: Kind::Outcome, outcome }
    }
}

/// [`UsageEvent::Outcome`].
pub fn written_outcome(report: &TaskReport) -> impl Serialize {
    WrittenOutcome::of(report)
}
