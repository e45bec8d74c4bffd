//! Attempts in words: each try of a call, why it was made, how far it came, what it cost.

use super::page::{count, duration, usd, written};
use crate::ledger::view::Attempt;
use protocol::meters::Units;

/// An attempt, ready for its template.
pub(super) struct AttemptRow {
    pub(super) number: u32,
    pub(super) decides: bool,
    pub(super) class: &'static str,
    pub(super) fate: String,
    pub(super) reason: String,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) place: String,
    pub(super) status: String,
    pub(super) began: String,
    pub(super) answered: String,
    pub(super) took: String,
    pub(super) tokens: String,
    pub(super) cost: String,
    pub(super) limits: String,
}

impl AttemptRow {
    pub(super) fn new(attempt: &Attempt) -> Self {
        let place = [attempt.cluster.as_deref(), attempt.upstream.as_deref()];
        let mut place: Vec<&str> = place.into_iter().flatten().collect();
        place.dedup();
        let milliseconds = |time: Option<u64>| {
            time.map_or_else(|| "–".to_owned(), |time| duration(time.saturating_mul(1_000_000)))
        };
        let flags = match &*attempt.response_flags {
            "" => String::new(),
            flags => format!(" {flags}"),
        };
        Self {
            number: attempt.number,
            decides: attempt.decides,
            class: match fate_class(attempt) {
                "t-good" => "good",
                "t-bad" => "bad",
                _ => "plain",
            },
            fate: fate_words(attempt),
            reason: attempt.reason.as_deref().map(reason_words).unwrap_or_default(),
            provider: attempt.provider.to_string(),
            model: attempt.model.as_deref().unwrap_or_default().to_owned(),
            place: place.join(", "),
            status: match attempt.status {
                0 => format!("none{flags}"),
                status => format!("{status}{flags}"),
            },
            began: attempt.started_at.map_or_else(|| "–".to_owned(), |at| written(at.0, "%H:%M:%S.%3f")),
            answered: milliseconds(attempt.answered_ms),
            took: milliseconds(attempt.latency_ms),
            tokens: tokens(&attempt.tokens),
            cost: attempt.cost_usd.map_or_else(|| "unpriced".to_owned(), usd),
            limits: limits(attempt),
        }
    }
}

fn tokens(units: &Units) -> String {
    let words: Vec<String> = units
        .iter()
        .map(|(meter, units)| format!("{} {}", count(*units), meter.to_string().replace('_', " ")))
        .collect();
    words.join(", ")
}

fn limits(attempt: &Attempt) -> String {
    let Some(limit) = attempt.rate_limit else { return String::new() };
    let left = |what: &str, left: Option<u64>| left.map(|left| format!("{} {what} left", count(left)));
    let words = [
        left("requests", limit.requests_left),
        left("tokens", limit.tokens_left),
        limit.retry_after_s.map(|seconds| format!("again after {seconds} s")),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Why an attempt was made, as the end of a sentence.
pub(super) fn reason_words(reason: &str) -> String {
    match reason {
        "per_try_timeout" => "the one before took too long".to_owned(),
        "connect_failure" => "the one before could not connect".to_owned(),
        "reset" => "the connection of the one before broke".to_owned(),
        "hedged" => "the one before was slow, and both went on".to_owned(),
        "application" => "the application went there by itself".to_owned(),
        other => match other.strip_prefix("status_") {
            Some(status) => format!("the one before got status {status}"),
            None => other.replace('_', " "),
        },
    }
}

/// How far it came.
pub(super) fn fate_words(attempt: &Attempt) -> String {
    match attempt.outcome {
        "failed" if !attempt.decides => "answered with an error".to_owned(),
        "unsent" => "never got the request".to_owned(),
        "lost" => "no answer came".to_owned(),
        "answered" => "nobody took the answer".to_owned(),
        outcome => outcome.replace('_', " "),
    }
}

/// The class of its bar.
pub(super) fn fate_class(attempt: &Attempt) -> &'static str {
    match (attempt.decides, attempt.outcome) {
        (true, "ok") => "t-good",
        (_, "error" | "timed_out" | "invalid_json" | "failed" | "unsent" | "lost") => "t-bad",
        _ => "t-plain",
    }
}
