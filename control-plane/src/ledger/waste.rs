//! What of a call's cost was for nothing, and what it cost more than where it was first sent.

/// Of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waste {
    /// What its wasted attempts cost; 0 where its cost is not known.
    pub(super) wasted_pico: i64,
    /// Why the rest was for nothing, where it was.
    pub(super) cause: Option<Cause>,
    /// It was served elsewhere than where it was first sent.
    pub(super) fallback: bool,
    /// What it cost more there; `None` where nobody knows.
    pub(super) premium_pico: Option<i64>,
    /// Attempts beyond the first.
    pub(super) retries: i64,
}

/// Why what a call itself cost was for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It ended in an error or a timeout.
    Failed,
    /// Its client left.
    Aborted,
    /// It was to give JSON and gave none.
    Invalid,
}

impl Cause {
    /// By the word of a call's outcome.
    pub(super) fn of(outcome: Option<&str>) -> Option<Self> {
        match outcome? {
            "error" | "timed_out" => Some(Self::Failed),
            "client_aborted" => Some(Self::Aborted),
            "invalid_json" => Some(Self::Invalid),
            _ => None,
        }
    }
}
