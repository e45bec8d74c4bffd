//! How a refusal is worded: a local reply in the shape that the dialect's own SDKs turn into their errors. It names
//! the cap, its window and its reset, and never the prompt.

use crate::{
    admission::{Looped, Refused, RefusingCap},
    dialect::{Dialect, ErrorShape},
};
use protocol::{UnixNanos, cap::Unit, event::Refusal, ids::CallId, loop_guard::LoopRule, money::PicoUsd};
use serde_json::{Value, json};

/// What Envoy answers instead of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// The status.
    pub status: u16,
    /// Headers, lower-case.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
    /// Envoy's `%RESPONSE_CODE_DETAILS%`.
    pub details: &'static str,
}

/// Words a refusal.
pub fn reply(dialect: Dialect, refused: &Refused, call: CallId, now: UnixNanos) -> LocalReply {
    let retry = Retry::of(refused, now);
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("x-bursar-call", call.to_string()),
        ("x-bursar-refused", refused.reason.as_str().to_owned()),
    ];
    if let Some(cap) = &refused.cap {
        headers.push(("x-bursar-budget", hundredths(cap.fullness_percent)));
    }
    if let Some(seconds) = retry.after_s {
        headers.push(("retry-after", seconds.to_string()));
    }
    if !retry.soon {
        // OpenAI's and Anthropic's SDKs retry a 429 unless told otherwise.
        headers.push(("x-should-retry", "false".to_owned()));
    }
    let (code, details) = match refused.reason {
        Refusal::Cap => ("bursar_cap_reached", "bursar_refused_cap"),
        Refusal::LoopGuard => ("bursar_loop_guard", "bursar_refused_loop_guard"),
        Refusal::Unattributed => ("bursar_unattributed", "bursar_refused_unattributed"),
        Refusal::Unpriced => ("bursar_unpriced", "bursar_refused_unpriced"),
        Refusal::Unreachable => ("bursar_unreachable", "bursar_refused_unreachable"),
    };
    let message = format!("{} (call {call})", message(refused));
    let shape = dialect.format().error;
    let status = status(dialect, refused);
    if shape == ErrorShape::Aws {
        let kind = match status {
            429 => "ThrottlingException",
            503 => "ServiceUnavailableException",
            400 => "ServiceQuotaExceededException",
            _ => "AccessDeniedException",
        };
        headers.push(("x-amzn-errortype", kind.to_owned()));
    }
    let body = body(shape, status, retry.soon, code, &message).to_string();
    LocalReply { status, headers, body, details }
}

/// An error that the dialect's own SDKs take for a limit that is reached, or for what is forbidden.
fn body(shape: ErrorShape, status: u16, soon: bool, code: &str, message: &str) -> Value {
    match shape {
        ErrorShape::OpenAi => {
            let kind = if soon { "rate_limit_error" } else { "insufficient_quota" };
            json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        }
        ErrorShape::Anthropic => {
            let kind = match status {
                503 => "overloaded_error",
                429 => "rate_limit_error",
                _ => "permission_error",
            };
            json!({"type": "error", "error": {"type": kind, "message": message, "code": code}})
        }
        ErrorShape::Google => {
            let kind = match status {
                503 => "UNAVAILABLE",
                429 => "RESOURCE_EXHAUSTED",
                _ => "PERMISSION_DENIED",
            };
            json!({"error": {"code": status, "message": message, "status": kind, "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "bursar"},
            ]}})
        }
        ErrorShape::Aws | ErrorShape::Cohere => json!({"message": message, "code": code}),
        ErrorShape::Ollama => json!({"error": message}),
    }
}

/// The status of a refusal: 429 is what SDKs know as a limit; 403 is for what no waiting mends.
pub fn status(dialect: Dialect, refused: &Refused) -> u16 {
    let waiting_helps = refused.cap.as_ref().is_some_and(|cap| cap.waiting_helps && !cap.larger_than_cap);
    match refused.reason {
        // AWS's SDKs try again at every 429; its own quotas are a 400.
        Refusal::Cap | Refusal::LoopGuard if dialect.format().error == ErrorShape::Aws && !waiting_helps => {
            400
        }
        Refusal::Cap | Refusal::LoopGuard => 429,
        Refusal::Unattributed | Refusal::Unpriced => 403,
        Refusal::Unreachable => 503,
    }
}

/// The value of `x-bursar-budget`.
pub fn hundredths(percent: i64) -> String {
    let percent = percent.max(0);
    format!("{}.{:02}", percent.checked_div(100).unwrap_or(0), percent.checked_rem(100).unwrap_or(0))
}

struct Retry {
    after_s: Option<u64>,
    /// Waiting for the calls that are open may be enough.
    soon: bool,
}

impl Retry {
    fn of(refused: &Refused, now: UnixNanos) -> Self {
        match (&refused.cap, refused.reason) {
            (_, Refusal::Unreachable) => Self { after_s: Some(1), soon: true },
            (_, Refusal::LoopGuard) => {
                let seconds =
                    |looped: &Looped| looped.until.saturating_sub(now).div_ceil(1_000_000_000).max(1);
                let soon = refused.looped.is_some_and(|looped| looped.throttled);
                Self { after_s: refused.looped.as_ref().map(seconds), soon }
            }
            (Some(cap), _) if cap.larger_than_cap => Self { after_s: None, soon: false },
            (Some(cap), _) if cap.waiting_helps => Self { after_s: Some(1), soon: true },
            (Some(RefusingCap { resets_at: Some(end), .. }), _) => {
                let seconds = end.saturating_sub(now).div_ceil(1_000_000_000).max(1);
                Self { after_s: Some(seconds), soon: false }
            }
            _ => Self { after_s: None, soon: false },
        }
    }
}

fn message(refused: &Refused) -> String {
    match (&refused.cap, refused.reason) {
        (_, Refusal::Unreachable) => {
            "Bursar cannot reach its control plane, and the policy refuses calls meanwhile".to_owned()
        }
        (Some(cap), _) => {
            let limit = limit(cap);
            if cap.larger_than_cap {
                return format!(
                    "This call alone needs more than the cap \"{}\" of {limit} ever allows: set a lower output limit",
                    cap.name
                );
            }
            let reset = match cap.resets_at {
                Some(at) => format!("it resets at {}", rfc_3339(at)),
                None => "it does not reset".to_owned(),
            };
            if cap.waiting_helps {
                return format!(
                    "The cap \"{}\" of {limit} is held by calls that are still open; {reset}",
                    cap.name
                );
            }
            format!("The cap \"{}\" of {limit} is reached; {reset}", cap.name)
        }
        (None, Refusal::Unattributed) => match refused.missing {
            Some(missing) => format!("This call names no {missing}, and each call has to name one"),
            None => "This call names no customer, and the policy refuses such calls".to_owned(),
        },
        (None, Refusal::Unpriced) => {
            "This model has no price, and the policy refuses such calls under a cap".to_owned()
        }
        (None, Refusal::Cap | Refusal::LoopGuard) => {
            let found = refused.looped.map_or("it repeats itself", |looped| in_words(looped.rule));
            format!("The loop guard stopped this task: {found}")
        }
    }
}

fn in_words(rule: LoopRule) -> &'static str {
    match rule {
        LoopRule::IdenticalRequests => "the same request came too often",
        LoopRule::IdenticalToolCalls => "the model asked for the same tool call too often",
        LoopRule::CallsPerMinute => "it makes too many calls a minute",
        LoopRule::Calls => "it has made too many calls",
        LoopRule::Cost => "it has cost too much",
        LoopRule::ConsecutiveFailures => "too many of its calls in a row failed",
    }
}

fn limit(cap: &RefusingCap) -> String {
    let window = cap.window.as_str().replace('_', " ");
    match cap.unit {
        Unit::Usd => format!("{} USD per {window}", PicoUsd::new(i128::from(cap.limit))),
        Unit::Tokens => format!("{} tokens per {window}", cap.limit),
        Unit::Calls => format!("{} calls per {window}", cap.limit),
    }
}

/// An instant to the second, in UTC, by the civil calendar of Howard Hinnant's `civil_from_days`.
fn rfc_3339(at: UnixNanos) -> String {
    let seconds = at / 1_000_000_000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let leap_days =
        (day_of_era / 1_460).saturating_sub(day_of_era / 36_524).saturating_add(day_of_era / 146_096);
    let year_of_era = day_of_era.saturating_sub(leap_days) / 365;
    let year_days =
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(year_days);
    let shifted_month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let month_days = shifted_month.saturating_mul(153).saturating_add(2) / 5;
    let day = day_of_year.saturating_sub(month_days).saturating_add(1);
    let month =
        if shifted_month < 10 { shifted_month.saturating_add(3) } else { shifted_month.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(u64::from(month <= 2));
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests;
