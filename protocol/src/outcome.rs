//! What tasks were worth.

use crate::{UnixNanos, ids::Name};
use serde::{Deserialize, Serialize};

/// What a task was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOutcome {
    /// The customer got what the task was for.
    Succeeded,
    /// Not.
    Failed,
    /// Nobody waited for the end.
    Abandoned,
    /// It does not count.
    Voided,
}

impl TaskOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Abandoned, Self::Voided];

    /// The word in JSON, in headers and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::Voided => "voided",
        }
    }

    /// By its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// What an application's own backend says of a task in the head of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    /// The task.
    pub task: Name,
    /// What it was worth.
    pub outcome: TaskOutcome,
    /// In the application's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// When it was said. Its millisecond is the report's revision: what is said later stands.
    pub at: UnixNanos,
}
