//! What tasks were worth: what applications report, in revisions, and what a task's last call lets one think.

use crate::{
    ledger::{aggregates::WorthDeltas, prepare::texts::TEXT_BYTES_MAX},
    printable::printable,
    store::{StoreError, Write, instant},
};
use protocol::{
    UnixNanos,
    event::ItemResult,
    outcome::{TaskOutcome, TaskReport},
};
use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use utoipa::ToSchema;

/// What a word says: one that was reported, or the outcome of a task's last call.
pub fn outcome_of(word: &str, is_reported: bool) -> Option<TaskOutcome> {
    if is_reported { TaskOutcome::from_word(word) } else { inferred(word) }
}

/// From the outcome of a task's newest call.
pub(super) fn inferred(call: &str) -> Option<TaskOutcome> {
    match call {
        "ok" => Some(TaskOutcome::Succeeded),
        "client_aborted" => Some(TaskOutcome::Abandoned),
        "" => None,
        _ => Some(TaskOutcome::Failed),
    }
}

/// The same of a row of `by_task`, in the words of SQL.
pub(super) fn worth(quiet_since: UnixNanos) -> String {
    format!(
        "coalesce((SELECT outcome FROM outcomes o WHERE o.task = by_task.task ORDER BY revision DESC LIMIT 1),
         iif(last_at <= {} AND last_outcome <> 0
             AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.task = by_task.task AND c.task <> 0 AND c.state = 0),
             CASE (SELECT text FROM words WHERE id = last_outcome)
                 WHEN 'ok' THEN 'succeeded' WHEN 'client_aborted' THEN 'abandoned' ELSE 'failed' END,
             NULL))",
        instant(quiet_since)
    )
}

/// The report of an outcome that stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) outcome: Option<TaskOutcome>,
    pub(super) reason: Option<String>,
    pub(super) revision: Option<i64>,
}

pub(super) fn standing(connection: &Connection, task: i64) -> Result<Option<Reported>, StoreError> {
    let mut newest = connection.prepare_cached(
        "SELECT outcome, reason, revision FROM outcomes WHERE task = ?1 ORDER BY revision DESC LIMIT 1",
    )?;
    let found = newest.query_row([task], |row| {
        let word: String = row.get(0)?;
        let outcome = TaskOutcome::from_word(&word);
        Ok(Reported { outcome, reason: row.get(1)?, revision: Some(row.get(2)?) })
    });
    Ok(found.optional()?)
}

/// Revisions count up from 1. More than any clock's milliseconds, and what a number in JSON can be everywhere.
pub const REVISION_MAX: i64 = (1 << 53) - 1;

/// What an application says a task was worth.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeReport {
    /// succeeded, failed, abandoned or voided.
    #[schema(value_type = String)]
    pub outcome: TaskOutcome,
    /// In the application's words: at most 512 bytes; what cannot be printed becomes `U+FFFD`.
    #[serde(default)]
    pub reason: Option<String>,
    /// Counts up with each report of the task, to 2^53 - 1 at most; absent: the next one.
    #[serde(default)]
    pub revision: Option<i64>,
}

/// What a report may not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutcomeError {
    /// A novel.
    #[error("reason is longer than {TEXT_BYTES_MAX} bytes")]
    ReasonTooLong,
    /// Nothing could follow it, or it is below all.
    #[error("revision is no number from 0 to {REVISION_MAX}")]
    Revision,
}

impl OutcomeReport {
    /// As it can be kept: what cannot be printed, as ends of lines, leaves a mark, as in events.
    pub fn checked(mut self) -> Result<Self, OutcomeError> {
        let reason = self.reason.as_deref().unwrap_or_default();
        if reason.len() > TEXT_BYTES_MAX {
            Err(OutcomeError::ReasonTooLong)
        } else if self.revision.is_some_and(|revision| !(0..=REVISION_MAX).contains(&revision)) {
            Err(OutcomeError::Revision)
        } else {
            self.reason = self.reason.map(|reason| printable(&reason).into());
            Ok(self)
        }
    }
}

/// Books what an application's own backend said in the head of an answer. Its revision is the millisecond in which it
/// said so, which lies above any that an application counts.
pub fn heard(write: &mut Write<'_>, said: &TaskReport, now: UnixNanos) -> Result<ItemResult, StoreError> {
    let TaskReport { task, outcome, reason, at } = said;
    let revision = i64::try_from(at / 1_000_000).ok();
    let said = OutcomeReport { outcome: *outcome, reason: reason.as_deref().map(str::to_owned), revision };
    Ok(match report(write, task.as_str(), &said, now)? {
        Reporting::Taken => ItemResult::Accepted,
        Reporting::Conflict | Reporting::LastStands => ItemResult::Conflict,
    })
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reporting {
    /// Taken now, or before with the same content.
    Taken,
    /// Another report has that revision.
    Conflict,
    /// The standing one has the highest revision that there is, so that none comes after it.
    LastStands,
}

/// Takes a report. The highest revision stands, in whatever order they arrive.
pub fn report(
    write: &mut Write<'_>,
    name: &str,
    report: &OutcomeReport,
    now: UnixNanos,
) -> Result<Reporting, StoreError> {
    let task = write.word(Some(name))?;
    let standing = standing(write.connection(), task)?;
    let same = |stored: &Reported| stored.outcome == Some(report.outcome) && stored.reason == report.reason;
    let revision = match (report.revision, &standing) {
        (Some(revision), _) => revision,
        (None, Some(stored)) if same(stored) => return Ok(Reporting::Taken),
        (None, Some(stored)) => match stored.revision.unwrap_or(0) {
            REVISION_MAX.. => return Ok(Reporting::LastStands),
            before => before.saturating_add(1),
        },
        (None, None) => 1,
    };
    let mut worth = WorthDeltas::default();
    let written = worth.around(write, task, || {
        write.execute(
            "INSERT INTO outcomes (task, revision, outcome, reason, at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            (task, revision, report.outcome.as_str(), &report.reason, instant(now)),
        )
    })?;
    worth.flush(write)?;
    if written > 0 {
        return Ok(Reporting::Taken);
    }
    let mut known =
        write.statement("SELECT outcome, reason FROM outcomes WHERE task = ?1 AND revision = ?2")?;
    let known: (String, Option<String>) =
        known.query_row([task, revision], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let is_same = known.0 == report.outcome.as_str() && known.1 == report.reason;
    Ok(if is_same { Reporting::Taken } else { Reporting::Conflict })
}
