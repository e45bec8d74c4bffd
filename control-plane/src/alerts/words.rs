//! Alerts as sentences. Names and figures, nothing else that anybody wrote.

use super::{
    Kind, Subject,
    standing::{CapUse, Figures, Margin, Standing},
};
use crate::{instant::Instant, reports::dollars};
use protocol::{UnixNanos, money::PicoUsd};

/// One sentence for the alerts of one kind and subject; `thresholds` rise.
pub(super) fn sentence(one: &Standing, thresholds: &[u32]) -> String {
    let subject = &one.key.subject;
    let passed = list(thresholds);
    match &one.figures {
        Figures::Margin(margin) => margin_sentence(one, margin, &passed),
        Figures::Cap(cap) => cap_sentence(subject, cap, &passed, one.period_end),
        Figures::Hour(hour) => format!(
            "{}: {} in the hour from {}, where {} is usual (median of {} days); abnormal from {} on.",
            who(subject),
            usd(hour.spent_usd),
            hour.hour.get(..16).unwrap_or(&hour.hour).replace('T', " "),
            usd(hour.usual_usd),
            hour.days,
            usd(hour.limit_usd),
        ),
        Figures::Unpriced { unpriced_calls, calls, has_price } => {
            let why = if *has_price { "although it has a price" } else { "and nobody has priced it" };
            let day = day(one.key.period_start);
            format!("{}: {unpriced_calls} of {calls} calls on {day} have no known cost, {why}.", who(subject))
        }
        Figures::Prices { age_days } => {
            format!("{}: prices were last confirmed {age_days} days ago.", who(subject))
        }
        Figures::Node { silent_minutes, open_calls } => {
            format!("{}: silent for {silent_minutes} minutes with {open_calls} calls open.", who(subject))
        }
    }
}

fn margin_sentence(one: &Standing, margin: &Margin, passed: &str) -> String {
    let subject = &one.key.subject;
    let of = match (&margin.plan, subject.name("plan"), subject.name("workspace")) {
        (Some(plan), None, Some(_)) => format!("its customer's room for AI cost (plan {plan})"),
        (Some(plan), None, None) => format!("the AI cost that plan {plan} leaves room for"),
        (None, None, _) => "the AI cost that all plans leave room for".to_owned(),
        (_, Some(_), _) => "the AI cost that its customers' prices leave room for".to_owned(),
    };
    let period = format!("{} to {}", day(one.key.period_start), day(one.period_end));
    let so_far =
        format!("{} of {}, {} %", usd(margin.spent_usd), usd(margin.budget_usd), margin.used_percent);
    let unknown = match margin.unpriced_calls {
        0 => String::new(),
        1 => "; 1 unpriced call is not in it".to_owned(),
        calls => format!("; {calls} unpriced calls are not in it"),
    };
    match (one.key.kind, margin.projected_usd, margin.projected_percent) {
        (Kind::MarginProjected, Some(projected), Some(percent)) => format!(
            "{} will pass {passed} of {of}: {} ({percent} %) at this pace, so far {so_far} in {period}{unknown}.",
            who(subject),
            usd(projected),
        ),
        _ => format!("{} has passed {passed} of {of}: {so_far} in {period}{unknown}.", who(subject)),
    }
}

fn cap_sentence(subject: &Subject, cap: &CapUse, passed: &str, resets_at: UnixNanos) -> String {
    let unit = subject.name("unit").unwrap_or_default();
    let amount = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.parse().map_or_else(|_| text.clone(), usd),
        other => format!("{other} {unit}"),
    };
    let of = subject.name("of").map(|of| format!(" of {}", of.replacen('=', " ", 1))).unwrap_or_default();
    let shadow = if cap.mode == "shadow" { ", which refuses nothing (shadow)" } else { "" };
    let resets = match cap.window {
        "lifetime" => "it never resets".to_owned(),
        window => format!("it resets at {} ({window})", moment(resets_at)),
    };
    format!(
        "Cap {}{of}{shadow} has passed {passed}: {} spent and {} held of {}; {resets}.",
        subject.name("cap").unwrap_or_default(),
        amount(&cap.spent),
        amount(&cap.held),
        amount(&cap.limit),
    )
}

/// `Customer acme, workspace default`.
fn who(subject: &Subject) -> String {
    let text = subject.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn list(thresholds: &[u32]) -> String {
    let percents: Vec<String> = thresholds.iter().map(|percent| format!("{percent} %")).collect();
    match percents.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// To the cent; what is less than a dollar finer.
fn usd(amount: PicoUsd) -> String {
    let is_small = (1..1_000_000_000_000).contains(&amount.pico().abs());
    let text = dollars(amount, if is_small { 6 } else { 2 });
    text.strip_prefix('-').map_or_else(|| format!("${text}"), |size| format!("-${size}"))
}

fn day(at: UnixNanos) -> String {
    Instant(at).to_string().chars().take(10).collect()
}

fn moment(at: UnixNanos) -> String {
    let text: String = Instant(at).to_string().chars().take(16).collect();
    format!("{} UTC", text.replace('T', " "))
}
