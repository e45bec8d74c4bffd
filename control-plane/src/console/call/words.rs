//! What is known of a call's price and its corrections, in sentences.

use super::{Correction, CorrectionRow, RERATE};
use crate::{console::page::written, reports};
use protocol::{event::CallHead, money::PicoUsd};

/// Which of a call's names was looked up, in words.
pub(super) fn rule(matched: &str) -> &str {
    match matched {
        "served_model" => "the name that the response gave",
        "served_alias" => "an alias of the name that the response gave",
        "served_prefix" => "the beginning of the name that the response gave",
        "requested_model" => "the name that the request gave",
        "requested_alias" => "an alias of the name that the request gave",
        "requested_prefix" => "the beginning of the name that the request gave",
        other => other,
    }
}

/// What somebody can do about a call without a cost: in parts, of which every other one is code.
pub(super) fn advice(reason: &str, head: &CallHead) -> Vec<String> {
    let Some((_, what)) = reports::what_to_do(reason) else { return Vec::new() };
    let model = head.model().unwrap_or("this model");
    let (kind, meter) = reason.split_once(':').unwrap_or((reason, ""));
    let meter = meter.replace('_', " ");
    let why = match kind {
        "no_model" => format!("Nobody had priced {model} at {} when the call began.", head.provider),
        "no_rate" => format!("{model} has no rate for {meter}."),
        "outside_window" => format!("{model} has prices, but none for the time at which the call began."),
        "no_usage" => "Nothing is known of what the call used.".to_owned(),
        _ => format!("The units of {meter} times their rate do not fit: one of them is absurd."),
    };
    let mut text = format!("{} {what}", why.replace('`', "'"));
    if reports::is_mended_by_a_price(reason) {
        let day = |at| written(at, "%Y-%m-%d");
        let (from, to) = (day(head.started_at), day(head.started_at.saturating_add(86_400_000_000_000)));
        text.push_str(&format!(
            " Then `bursar rerate --from {from} --to {to} --dry-run` says what the calls of that day cost."
        ));
    }
    text.split('`').map(ToOwned::to_owned).collect()
}

pub(super) fn correction(correction: &Correction) -> CorrectionRow {
    let amount = |amount: Option<PicoUsd>| {
        amount.map_or_else(|| "unknown".to_owned(), |amount| format!("{amount} USD"))
    };
    CorrectionRow {
        at: written(correction.at, "%Y-%m-%d %H:%M:%S"),
        cause: match &*correction.cause {
            "late_end" => "it ended after it had been closed as orphaned".to_owned(),
            RERATE => "rated anew, by other prices".to_owned(),
            cause => cause.replace('_', " "),
        },
        before: amount(correction.before),
        after: amount(correction.after),
    }
}
