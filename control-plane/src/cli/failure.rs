//! How a command ends: yes, no, wrong usage, out of reach.

use crate::{policy::LoadError, store::StoreError};
use std::{fmt, io};

/// What a command that did its work answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done; or yes.
    Yes,
    /// A check failed; a diff is not empty.
    No,
}

impl Answer {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
        }
    }
}

/// Why a command did not end well. Its text goes to standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The answer is no.
    No(String),
    /// Wrong usage or bad input.
    Usage(String),
    /// Something could not be reached.
    Unreachable(String),
}

impl Failure {
    /// With what would help.
    #[must_use]
    pub fn hint(self, hint: &str) -> Self {
        let with = |text: String| format!("{text}\n  hint: {hint}");
        match self {
            Self::No(text) => Self::No(with(text)),
            Self::Usage(text) => Self::Usage(with(text)),
            Self::Unreachable(text) => Self::Unreachable(with(text)),
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::No(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No(text) | Self::Usage(text) | Self::Unreachable(text) => f.write_str(text),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let text = error.to_string();
        match error {
            LoadError::Faulty(faults) => {
                let count = match faults.len() {
                    1 => "the policy has a fault".to_owned(),
                    count => format!("the policy has {count} faults"),
                };
                Self::No(format!("{text}\n{count}"))
            }
            LoadError::Unreadable { .. } | LoadError::Empty { .. } | LoadError::TooLarge { .. } => {
                Self::Usage(text)
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::Unreachable(error.to_string());
        match error {
            StoreError::InUse { .. } => {
                failure.hint("a control plane is running on it; ask that one with --server URL")
            }
            StoreError::Directory { .. } => {
                failure.hint("--data-dir takes the directory that `bursar serve` uses")
            }
            StoreError::Older { .. } => failure.hint("`bursar serve` of this version brings it up to date"),
            StoreError::Sqlite(_)
            | StoreError::Newer { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Closed => failure,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(format!("the answer cannot be written: {error}"))
    }
}
