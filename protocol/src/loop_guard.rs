//! What the loop guard is told to stop: tasks that repeat themselves, fail again and again, or call and call.

use crate::{UnixNanos, cap::Amount};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The loop guard's limits, compiled from the policy. An absent limit limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopSpec {
    /// So many identical requests may be made within `within_ns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identical_requests: Option<u32>,
    /// So many times a model may ask for the identical tool call within `within_ns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identical_tool_calls: Option<u32>,
    /// See above.
    pub within_ns: u64,
    /// So many calls in a clock minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_minute: Option<u32>,
    /// So many calls in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
    /// So much money in all, in pico-dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_pico: Option<Amount>,
    /// So many errors or broken JSON answers in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_failures: Option<u32>,
    /// A task that was stopped, or that has been quiet for so long, begins anew.
    pub release_after_ns: u64,
    /// What happens to a call above a limit.
    pub action: LoopAction,
    /// Tasks that somebody released by hand, and when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub released: BTreeMap<Box<str>, UnixNanos>,
}

/// What happens to a call above a limit of the loop guard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopAction {
    /// It is refused, and so are all later ones of its task until the task is released.
    #[default]
    Refuse,
    /// It is refused with the time after which the next one may pass; later ones are looked at anew.
    Throttle,
    /// It passes, and its response says so.
    Warn,
    /// It passes, and only the ledger knows.
    Shadow,
}

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopRule {
    /// The same request again and again.
    IdenticalRequests,
    /// The same tool call again and again.
    IdenticalToolCalls,
    /// Too many calls in a minute.
    CallsPerMinute,
    /// Too many calls.
    Calls,
    /// Too much money.
    Cost,
    /// One failure after the other.
    ConsecutiveFailures,
}

impl LoopRule {
    /// All of them, in the order they are looked at.
    pub const ALL: [Self; 6] = [
        Self::IdenticalRequests,
        Self::IdenticalToolCalls,
        Self::CallsPerMinute,
        Self::Calls,
        Self::Cost,
        Self::ConsecutiveFailures,
    ];

    /// The word in JSON, headers and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdenticalRequests => "identical_requests",
            Self::IdenticalToolCalls => "identical_tool_calls",
            Self::CallsPerMinute => "calls_per_minute",
            Self::Calls => "calls",
            Self::Cost => "cost",
            Self::ConsecutiveFailures => "consecutive_failures",
        }
    }
}

/// What the loop guard said of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopVerdict {
    /// Which limit it is above.
    pub rule: LoopRule,
    /// What happened to it.
    pub action: LoopAction,
}
