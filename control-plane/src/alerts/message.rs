//! What is sent: a message names every alert of one matter that one evaluation raised, in the shape of Standard
//! Webhooks (`type`, `timestamp`, `data`), or as Slack shows it.

use super::{Kind, standing::Standing, words};
use crate::{instant::Instant, store};
use protocol::UnixNanos;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// So many alerts are in one message; what is more goes into another, so that no receiver's limit is met.
const ALERTS_MAX: usize = 100;
/// Slack cuts a section at 3,000 characters, a header at 150, and takes 50 blocks.
const SLACK_SECTION_MAX: usize = 2_900;
const SLACK_HEADER_MAX: usize = 148;
const SLACK_BLOCKS_MAX: usize = 45;

/// A message that is ready to be queued.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// `webhook-id`.
    pub(super) name: String,
    /// Of the alert in the headline.
    pub(super) kind: Kind,
    /// As it is sent to Standard Webhooks.
    pub(super) body: Value,
}

/// An alert that has its place in the store.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    pub(super) id: i64,
    pub(super) standing: Standing,
}

/// Those that go out together.
pub(super) fn groups(standing: Vec<(Option<i64>, Standing)>) -> Vec<Vec<(Option<i64>, Standing)>> {
    let mut matters: BTreeMap<&'static str, Vec<(Option<i64>, Standing)>> = BTreeMap::new();
    for one in standing {
        matters.entry(one.1.key.kind.matter()).or_default().push(one);
    }
    let mut groups = Vec::new();
    for mut alerts in matters.into_values() {
        // All of one subject stand together, and are not torn apart but by the bound.
        alerts.sort_by(|(_, one), (_, other)| one.key.subject.cmp(&other.key.subject));
        while !alerts.is_empty() {
            let rest = alerts.split_off(alerts.len().min(ALERTS_MAX));
            groups.push(std::mem::replace(&mut alerts, rest));
        }
    }
    groups
}

/// Writes it. `alerts` are of one matter and not empty.
pub(super) fn write(alerts: &[Raised], at: UnixNanos) -> Option<Message> {
    let mut told: BTreeMap<(Kind, String), Vec<&Raised>> = BTreeMap::new();
    for raised in alerts {
        let key = &raised.standing.key;
        told.entry((key.kind, key.subject.key())).or_default().push(raised);
    }
    let mut lines: Vec<(Kind, u32, String)> = Vec::new();
    for ((kind, _), mut same) in told {
        same.sort_by_key(|raised| raised.standing.key.threshold);
        let thresholds: Vec<u32> = same.iter().map(|raised| raised.standing.key.threshold).collect();
        if let Some(highest) = same.last() {
            let line = words::sentence(&highest.standing, &thresholds);
            lines.push((kind, highest.standing.key.threshold, line));
        }
    }
    // What has happened before what will, the highest first.
    lines.sort_by(|one, other| (one.0, other.1, &one.2).cmp(&(other.0, one.1, &other.2)));
    let (kind, _, first) = lines.first()?;
    let (kind, matter) = (*kind, kind.matter());
    let headline = match lines.len().saturating_sub(1) {
        0 => first.clone(),
        1 => format!("{first} And 1 more."),
        more => format!("{first} And {more} more."),
    };
    let lines: Vec<&str> = lines.iter().map(|(_, _, line)| line.as_str()).collect();
    let data = json!({
        "headline": headline,
        "lines": lines,
        "alerts": alerts.iter().map(shown).collect::<Vec<_>>(),
    });
    let name = name(alerts, at);
    let body = json!({"type": format!("alert.{matter}"), "timestamp": Instant(at), "data": data});
    Some(Message { name, kind, body })
}

/// A message that is about nothing.
pub(super) fn test(destination: &str, at: UnixNanos) -> Message {
    let headline =
        format!("Bursar can reach the destination {destination}. This is a test; nothing has happened.");
    let data = json!({"headline": headline, "lines": [headline], "alerts": []});
    let digest = store::digest(format!("test {destination} {at}").as_bytes());
    Message {
        name: format!("msg_{}", digest.get(..32).unwrap_or(&digest)),
        kind: Kind::MarginReached,
        body: json!({"type": "alert.test", "timestamp": Instant(at), "data": data}),
    }
}

fn shown(raised: &Raised) -> Value {
    let Standing { key, period_end, customer, figures } = &raised.standing;
    json!({
        "id": raised.id,
        "kind": key.kind.as_str(),
        "subject": key.subject,
        "customer": customer,
        "threshold": key.threshold,
        "period": {"from": Instant(key.period_start), "to": Instant(*period_end)},
        "figures": figures,
    })
}

/// The same for the same alerts, and another for all others, also of another control plane with the same receiver.
fn name(alerts: &[Raised], at: UnixNanos) -> String {
    let mut text = format!("{at}");
    for Raised { id, standing } in alerts {
        let key = &standing.key;
        text = format!("{text}\n{id} {} {} {}", key.kind.as_str(), key.threshold, key.period_start);
        text = format!("{text}\n{}", key.subject.key());
    }
    let digest = store::digest(text.as_bytes());
    format!("msg_{}", digest.get(..32).unwrap_or(&digest))
}

/// The same message for an incoming webhook of Slack.
pub(super) fn slack(body: &Value) -> Value {
    let data = body.get("data");
    let text = |key: &str| data.and_then(|data| data.get(key)).and_then(Value::as_str).unwrap_or_default();
    let lines = data.and_then(|data| data.get("lines")).and_then(Value::as_array);
    let lines: Vec<&str> = lines.into_iter().flatten().filter_map(Value::as_str).collect();
    let title = match body.get("type").and_then(Value::as_str) {
        Some("alert.margin") => "AI cost and margin",
        Some("alert.cap") => "Caps",
        Some("alert.abnormal_spend") => "Abnormal spend",
        Some("alert.unpriced") => "Unpriced traffic",
        Some("alert.stale_prices") => "Stale prices",
        Some("alert.unreachable_node") => "Unreachable Envoys",
        Some("report.weekly") => text("title"),
        _ => "Bursar",
    };
    let header: String = title.chars().take(SLACK_HEADER_MAX).collect();
    let mut blocks = vec![json!({"type": "header", "text": {"type": "plain_text", "text": header}})];
    let mut sections = vec![String::new()];
    for line in &lines {
        let line: String = format!("• {}\n", escaped(line)).chars().take(SLACK_SECTION_MAX).collect();
        if let Some(last) =
            sections.last_mut().filter(|last| last.len().saturating_add(line.len()) <= SLACK_SECTION_MAX)
        {
            last.push_str(&line);
        } else {
            sections.push(line);
        }
    }
    let sections = sections.iter().map(|section| section.trim_end()).filter(|section| !section.is_empty());
    blocks.extend(
        sections
            .take(SLACK_BLOCKS_MAX)
            .map(|section| json!({"type": "section", "text": {"type": "mrkdwn", "text": section}})),
    );
    if !text("url").is_empty() {
        let link = format!("<{}|The whole report>", escaped(text("url")));
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": link}}));
    }
    json!({"text": escaped(text("headline")), "blocks": blocks})
}

/// Slack reads three characters as its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
