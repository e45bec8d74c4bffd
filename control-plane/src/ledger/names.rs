//! The words under which states, endings and outcomes are stored and shown.

use protocol::{
    event::{Ending, Outcome, Refusal},
    meters::UsageSource,
    price::MatchedBy,
    rating::Unpriced,
};

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It started and has not ended.
    Open,
    /// It ended.
    Finished,
    /// Nobody ever said how it ended.
    Orphaned,
    /// It was refused.
    Refused,
}

impl State {
    /// The number in the store.
    pub fn code(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Finished => 1,
            Self::Orphaned => 2,
            Self::Refused => 3,
        }
    }

    /// From the number in the store.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Open, Self::Finished, Self::Orphaned, Self::Refused]
            .into_iter()
            .find(|state| state.code() == code)
    }

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Finished => "finished",
            Self::Orphaned => "orphaned",
            Self::Refused => "refused",
        }
    }
}

pub(super) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete => "complete",
        Ending::ClientAbort => "client_abort",
        Ending::UpstreamReset => "upstream_reset",
        Ending::Timeout => "timeout",
        Ending::LocalReply => "local_reply",
        Ending::Orphaned => "orphaned",
    }
}

pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::InvalidJson => "invalid_json",
        Outcome::Truncated => "truncated",
        Outcome::RefusedByModel => "refused_by_model",
        Outcome::ContentFiltered => "content_filtered",
        Outcome::Error => "error",
        Outcome::ClientAborted => "client_aborted",
        Outcome::TimedOut => "timed_out",
        Outcome::RefusedByCap => "refused_by_cap",
        Outcome::RefusedByLoopGuard => "refused_by_loop_guard",
        Outcome::RefusedByPolicy => "refused_by_policy",
    }
}

/// All outcomes of calls.
pub(super) const OUTCOMES: [Outcome; 11] = [
    Outcome::Ok,
    Outcome::InvalidJson,
    Outcome::Truncated,
    Outcome::RefusedByModel,
    Outcome::ContentFiltered,
    Outcome::Error,
    Outcome::ClientAborted,
    Outcome::TimedOut,
    Outcome::RefusedByCap,
    Outcome::RefusedByLoopGuard,
    Outcome::RefusedByPolicy,
];

/// All reasons for which a call is refused.
pub(super) const REFUSALS: [Refusal; 5] =
    [Refusal::Cap, Refusal::LoopGuard, Refusal::Unattributed, Refusal::Unpriced, Refusal::Unreachable];

/// Whether a call with that outcome counts among the errors.
pub(super) fn is_error(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Error | Outcome::TimedOut | Outcome::InvalidJson)
}

/// The words of the outcomes that count among the errors, for the rebuild.
pub(super) const ERRORS: [&str; 3] = ["error", "timed_out", "invalid_json"];

pub(super) fn usage_source(source: UsageSource) -> &'static str {
    match source {
        UsageSource::Reported => "reported",
        UsageSource::Estimated => "estimated",
        UsageSource::Mixed => "mixed",
        UsageSource::None => "none",
    }
}

/// The word for why a cost is not known.
pub fn unpriced(reason: &Unpriced) -> String {
    match reason {
        Unpriced::NoModel => "no_model".to_owned(),
        Unpriced::NoRate(meter) => format!("no_rate:{meter}"),
        Unpriced::OutsideWindow => "outside_window".to_owned(),
        Unpriced::NoUsage => "no_usage".to_owned(),
        Unpriced::TooLarge(meter) => format!("too_large:{meter}"),
    }
}

/// The number in the store of the rule that found a call's prices: its place among all rules.
pub(super) fn matched_code(matched: MatchedBy) -> i64 {
    MATCHED.iter().position(|known| *known == matched).map_or(-1, |place| i64::try_from(place).unwrap_or(-1))
}

/// The word for it.
pub(super) fn matched(code: i64) -> Option<&'static str> {
    usize::try_from(code).ok().and_then(|place| MATCHED.get(place)).map(|matched| matched.as_str())
}

/// Never reordered: the store knows them by their places.
const MATCHED: [MatchedBy; 6] = [
    MatchedBy::ServedModel,
    MatchedBy::ServedAlias,
    MatchedBy::ServedPrefix,
    MatchedBy::RequestedModel,
    MatchedBy::RequestedAlias,
    MatchedBy::RequestedPrefix,
];
