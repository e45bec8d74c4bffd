//! The weekly report on a schedule: written once for each week, and sent as alerts are.
//!
//! A schedule that appears begins with the next week that ends: nobody is told of one that was over before. What was
//! missed while the control plane was away is sent when it is back, the last week alone.

mod message;

use super::{
    Delivery,
    deliveries::deliveries,
    list::{self, Resent},
    tables,
};
use crate::{
    app::App,
    instant::Instant,
    policy::{Week, WeeklyReport},
    reports::{self, Filter, Kind, Question, Range},
    store::{StoreError, Write, instant, unix},
};
use protocol::UnixNanos;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

/// The kind of its messages.
pub(super) const KIND: &str = "weekly_report";

/// Sends the report that is due, if there is one that was not sent. Says whether it did.
pub(super) async fn send_due(app: &App) -> Result<bool, StoreError> {
    let (now, rules) = (app.clock.now(), app.rules());
    let known = app.store.read(standing).await?;
    let Some(weekly) = rules.policy().reports.weekly.clone() else {
        if known.is_some() {
            let forget = |write: &mut Write<'_>| write.execute("DELETE FROM report_schedules", []);
            app.store.write(forget).await?;
        }
        return Ok(false);
    };
    let Some(week) = weekly.due(now) else { return Ok(false) };
    match known {
        Some((schedule, sent_to)) if schedule == weekly.schedule() => {
            if sent_to >= week.to {
                return Ok(false);
            }
        }
        other => {
            let sent_to = other.map_or(week.to, |(_, sent_to)| sent_to.max(week.to));
            app.store.write(move |write| keep(write, &weekly, sent_to)).await?;
            return Ok(false);
        }
    }
    let policy = rules.clone();
    let compose = move |store: &Connection| {
        let caps = reports::cap_states(store, &policy, now)?;
        let range = Range { from: week.from, to: week.to };
        let question = Question::new(Kind::Weekly, range, Filter::default());
        let report = reports::answer(store, policy.policy(), &caps, &question, now)?;
        Ok(message::body(&report, week, policy.policy().reports.console_url.as_deref(), now))
    };
    let body = app.store.read(compose).await?;
    let sent = app.store.write(move |write| queue(write, &weekly, week, &body, now)).await?;
    if sent {
        app.alerts.queued();
        app.metrics.alert(KIND, "fired");
        tracing::info!(until = %Instant(week.to), "the weekly report is on its way");
    }
    Ok(sent)
}

/// The schedule on record, and until when its reports were sent.
fn standing(store: &Connection) -> Result<Option<(String, UnixNanos)>, StoreError> {
    let mut find =
        store.prepare_cached("SELECT schedule, sent_to FROM report_schedules WHERE report = 'weekly'")?;
    Ok(find.query_row([], |row| Ok((row.get(0)?, unix(row.get(1)?)))).optional()?)
}

fn keep(write: &Write<'_>, weekly: &WeeklyReport, sent_to: UnixNanos) -> Result<(), StoreError> {
    write.execute(
        "INSERT INTO report_schedules (report, schedule, sent_to) VALUES ('weekly', ?1, ?2)
         ON CONFLICT (report) DO UPDATE SET schedule = ?1, sent_to = ?2",
        params![weekly.schedule(), instant(sent_to)],
    )?;
    Ok(())
}

/// In one transaction: that it was sent, and what is sent.
fn queue(
    write: &Write<'_>,
    weekly: &WeeklyReport,
    week: Week,
    body: &Value,
    now: UnixNanos,
) -> Result<bool, StoreError> {
    // Looked at anew, for somebody may have sent it meanwhile.
    if standing(write.connection())?.is_none_or(|(_, sent_to)| sent_to >= week.to) {
        return Ok(false);
    }
    write.execute(
        "INSERT INTO alert_messages (name, at, kind, body) VALUES (?1, ?2, ?3, ?4)",
        params![message::name(body), instant(now), KIND, body.to_string()],
    )?;
    let place = write.connection().last_insert_rowid();
    for destination in &weekly.to {
        tables::enqueue(write, place, destination.as_str(), now)?;
    }
    keep(write, weekly, week.to)?;
    Ok(true)
}

/// A report that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentReport {
    /// Of its message.
    pub id: i64,
    /// When it was written.
    pub at: UnixNanos,
    /// Its name.
    pub title: String,
    /// To whom.
    pub deliveries: Vec<Delivery>,
}

/// Reports that went out, the newest first.
pub fn sent_reports(store: &Connection, limit: u32) -> Result<Vec<SentReport>, StoreError> {
    let mut find = store.prepare_cached(
        "SELECT id, at, coalesce(body ->> '$.data.title', '') FROM alert_messages WHERE kind = ?1
         ORDER BY id DESC LIMIT ?2",
    )?;
    let rows = find.query_map(params![KIND, limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.map(|row| {
        let (id, at, title) = row?;
        Ok(SentReport { id, at: unix(at), title, deliveries: deliveries(store, id)? })
    })
    .collect()
}

/// Queues the message of a report again, as [`super::resend`] does that of an alert.
pub async fn resend_report(app: &App, id: i64) -> Result<Resent, StoreError> {
    let (now, rules) = (app.clock.now(), app.rules());
    let weekly = rules.policy().reports.weekly.iter();
    let to: Vec<String> = weekly.flat_map(|weekly| &weekly.to).map(|name| name.as_str().to_owned()).collect();
    let again = move |write: &mut Write<'_>| {
        let mut find = write.statement("SELECT count(*) FROM alert_messages WHERE id = ?1 AND kind = ?2")?;
        let found: i64 = find.query_row(params![id, KIND], |row| row.get(0))?;
        if found == 0 { Ok(Resent::NoSuchAlert) } else { list::send_again(write, id, &to, now) }
    };
    let resent = app.store.write(again).await?;
    app.alerts.queued();
    Ok(resent)
}

#[cfg(test)]
mod tests;
