//! What a call was worth, as far as what crossed the wire tells.

use crate::response::ResponseFacts;
use protocol::event::{Ending, Outcome};

/// In the words of all dialects, in small letters.
const TRUNCATED: &[&str] = &[
    "length",
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "model_length",
    "model_context_window_exceeded",
];
const FILTERED: &[&str] = &[
    "content_filter",
    "content_filtered",
    "guardrail_intervened",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "image_safety",
    "image_prohibited_content",
    "image_recitation",
    "model_armor",
    "language",
    "error_toxic",
    "sensitive",
];
/// What providers answer with whose filter stops a prompt before the model sees it.
const FILTER_ERRORS: &[&str] =
    &["content_filter", "content_policy_violation", "moderation_blocked", "ResponsibleAIPolicyViolation"];
const REFUSED: &[&str] = &["refusal"];
const FAILED: &[&str] = &["error", "failed", "error_limit", "cancelled"];
/// Gemini's word for a call of a function whose arguments do not parse.
const MALFORMED: &[&str] = &["malformed_function_call", "malformed_response"];

pub(super) fn of(facts: &ResponseFacts, ending: Ending, status: u16) -> Outcome {
    let finished = |words: &[&str]| {
        let reasons = facts.finish_reasons.iter().chain(&facts.stopped_by);
        reasons.into_iter().any(|reason| words.iter().any(|word| reason.eq_ignore_ascii_case(word)))
    };
    let filtered = |error: &&str| FILTER_ERRORS.iter().any(|known| known.eq_ignore_ascii_case(error));
    match ending {
        Ending::ClientAbort => Outcome::ClientAborted,
        Ending::Timeout => Outcome::TimedOut,
        Ending::UpstreamReset | Ending::LocalReply | Ending::Orphaned => Outcome::Error,
        Ending::Complete if facts.error_type.as_deref().filter(filtered).is_some() => {
            Outcome::ContentFiltered
        }
        Ending::Complete if !(200..300).contains(&status) || facts.error_type.is_some() => Outcome::Error,
        Ending::Complete if finished(FAILED) => Outcome::Error,
        Ending::Complete if finished(FILTERED) => Outcome::ContentFiltered,
        Ending::Complete if facts.text.refused || finished(REFUSED) => Outcome::RefusedByModel,
        Ending::Complete if finished(TRUNCATED) => Outcome::Truncated,
        Ending::Complete if finished(MALFORMED) || facts.text.is_invalid_json() => Outcome::InvalidJson,
        Ending::Complete => Outcome::Ok,
    }
}
