//! A task's calls on a time line: one row per call, one bar per attempt.

use super::axis::{Axis, WIDTH};
use crate::{
    console::{
        attempts::{fate_class, fate_words, reason_words},
        overview::badge,
        page::{duration, moment, usd},
    },
    ledger::view::{Attempt, Call},
};
use protocol::UnixNanos;

/// The height of one attempt's lane.
const LANE: u64 = 12;

/// A call, ready for its template.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) began: String,
    /// Since the task's first call.
    pub(super) offset: String,
    pub(super) badge: &'static str,
    pub(super) word: String,
    pub(super) model: String,
    pub(super) took: String,
    pub(super) cost: Option<String>,
    pub(super) is_open: bool,
    /// Of the drawing.
    pub(super) height: u64,
    pub(super) bars: Vec<Bar>,
    /// What the drawing shows, for those who do not see it.
    pub(super) spoken: String,
    /// Each attempt where there are several.
    pub(super) attempts: Vec<String>,
}

/// A part of an attempt: until the head of its answer, and since.
pub(super) struct Bar {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) class: &'static str,
    pub(super) title: String,
}

/// Where idle time was cut.
pub(super) struct Cut {
    pub(super) x: u64,
    pub(super) title: String,
}

/// All rows in the order of time, and where time was cut.
pub(super) fn rows(calls: &[Call], now: UnixNanos) -> (Vec<Row>, Vec<Cut>) {
    let mut calls: Vec<&Call> = calls.iter().collect();
    calls.sort_by_key(|call| (call.started_at.0, call.id));
    let axis = Axis::of(calls.iter().map(|call| (call.started_at.0, end(call, now))).collect());
    let first = calls.first().map_or(0, |call| call.started_at.0);
    let cut =
        |(x, length): &(u64, u64)| Cut { x: *x, title: format!("{} without a call", duration(*length)) };
    let cuts = axis.cuts.iter().map(cut).collect();
    (calls.into_iter().map(|call| row(call, &axis, first, now)).collect(), cuts)
}

fn end(call: &Call, now: UnixNanos) -> UnixNanos {
    call.finished_at.map_or(now, |at| at.0).max(call.started_at.0)
}

fn row(call: &Call, axis: &Axis, first: UnixNanos, now: UnixNanos) -> Row {
    let refused = call.refused.map(|reason| format!("refused_{reason}"));
    let (badge, word) = badge(call.state, refused.as_deref().or(call.outcome));
    let seen: Vec<&Attempt> = call.attempts.iter().filter(|attempt| attempt.started_at.is_some()).collect();
    let words: Vec<String> = call.attempts.iter().map(attempt_words).collect();
    let bars = match &*seen {
        [] => whole(call, axis, badge, &word, now),
        seen => (0..).zip(seen).flat_map(|(lane, attempt)| attempt_bars(attempt, lane, axis)).collect(),
    };
    let lanes = u64::try_from(seen.len()).unwrap_or(u64::MAX).max(1);
    let took = duration(end(call, now).saturating_sub(call.started_at.0));
    Row {
        id: call.id.to_string(),
        began: moment(call.started_at.0),
        offset: format!("+{}", duration(call.started_at.0.saturating_sub(first))),
        spoken: format!("{word}, {took}. {}", words.join("; ")),
        badge,
        word,
        model: call
            .response_model
            .as_ref()
            .or(call.request_model.as_ref())
            .unwrap_or(&call.provider)
            .to_string(),
        took,
        cost: call.cost_usd.map(usd),
        is_open: call.state == "open",
        height: lanes.saturating_mul(LANE),
        bars,
        attempts: if words.len() > 1 { words } else { Vec::new() },
    }
}

/// A call of which no attempt was seen: until its first token, and since.
fn whole(call: &Call, axis: &Axis, badge: &str, word: &str, now: UnixNanos) -> Vec<Bar> {
    let (from, to) = (call.started_at.0, end(call, now));
    let class = match badge {
        "bad" | "refused" => "t-bad",
        "open" => "t-wait",
        _ => "t-good",
    };
    match call.first_token_at.map(|at| at.0) {
        Some(token) => vec![
            bar(axis, (from, token), 0, "t-wait", format!("{} to the first token", span(from, token))),
            bar(axis, (token, to), 0, class, format!("{word}: {} more to the end", span(token, to))),
        ],
        None => vec![bar(axis, (from, to), 0, class, format!("{word}: {}", span(from, to)))],
    }
}

fn span(from: UnixNanos, to: UnixNanos) -> String {
    duration(to.saturating_sub(from))
}

fn attempt_bars(attempt: &Attempt, lane: u64, axis: &Axis) -> Vec<Bar> {
    let nanos = |milliseconds: Option<u64>| milliseconds.unwrap_or(0).saturating_mul(1_000_000);
    let from = attempt.started_at.map_or(0, |at| at.0);
    let to = from.saturating_add(nanos(attempt.latency_ms));
    let (y, title, class) = (lane.saturating_mul(LANE), attempt_words(attempt), fate_class(attempt));
    match attempt.answered_ms {
        Some(answered) => {
            let answered = from.saturating_add(nanos(Some(answered)));
            vec![
                bar(axis, (from, answered), y, "t-wait", format!("{title}; waited {}", span(from, answered))),
                bar(axis, (answered, to), y, class, title),
            ]
        }
        None => vec![bar(axis, (from, to), y, class, title)],
    }
}

fn bar(axis: &Axis, (from, to): (UnixNanos, UnixNanos), y: u64, class: &'static str, title: String) -> Bar {
    // The shortest is still seen, and the last too.
    let x = axis.at(from).min(WIDTH.saturating_sub(4));
    Bar { x, y, width: axis.at(to).saturating_sub(x).max(4), class, title }
}

/// `2, because the status was 503: azure, 200, ok, 1.20 s`
fn attempt_words(attempt: &Attempt) -> String {
    let mut words = format!("attempt {}", attempt.number);
    if let Some(reason) = &attempt.reason {
        words.push_str(&format!(", because {}", reason_words(reason)));
    }
    words.push_str(&format!(": {}", attempt.provider));
    if attempt.status > 0 {
        words.push_str(&format!(", status {}", attempt.status));
    }
    words.push_str(&format!(", {}", fate_words(attempt)));
    if let Some(took) = attempt.latency_ms {
        words.push_str(&format!(", {}", duration(took.saturating_mul(1_000_000))));
    }
    words
}
