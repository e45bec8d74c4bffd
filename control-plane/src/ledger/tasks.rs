//! Tasks: what they cost so far, and what they were worth. An outcome is what the application reports; where it
//! reports none it is inferred from the task's newest call, and marked so.

use crate::{
    instant::Instant,
    store::{StoreError, Write, instant, unix, word_id, word_text},
};
use protocol::{UnixNanos, money::PicoUsd};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a task was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskOutcome {
    /// The customer got what the task was for.
    Succeeded,
    /// Not.
    Failed,
    /// Nobody waited for the end.
    Abandoned,
    /// It does not count.
    Voided,
}

impl TaskOutcome {
    const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Abandoned, Self::Voided];

    /// The word in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::Voided => "voided",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }

    /// From the outcome of a task's newest call.
    fn inferred(call: &str) -> Option<Self> {
        match call {
            "ok" => Some(Self::Succeeded),
            "client_aborted" => Some(Self::Abandoned),
            "" => None,
            _ => Some(Self::Failed),
        }
    }
}

/// A task with its totals.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Task {
    /// As the application names it.
    pub id: String,
    /// Who its first call was for.
    pub customer: Option<String>,
    /// Inside what.
    pub workspace: Option<String>,
    /// For which part of the product.
    pub feature: Option<String>,
    /// The customer's plan then.
    pub plan: Option<String>,
    /// What it was worth; null where nobody knows.
    pub outcome: Option<TaskOutcome>,
    /// reported or inferred.
    pub outcome_source: Option<&'static str>,
    /// What the application said with it.
    pub outcome_reason: Option<String>,
    /// Of the report that stands.
    pub revision: Option<i64>,
    /// Calls that are open.
    pub open: i64,
    /// Calls that ended.
    pub calls: i64,
    /// Calls that were refused.
    pub refused: i64,
    /// Calls that ended in an error.
    pub errors: i64,
    /// Calls whose cost is not known: not in `cost_usd`.
    pub unpriced: i64,
    /// Calls whose units are estimates.
    pub estimated: i64,
    /// All prompt tokens.
    pub tokens_in: i64,
    /// All generated tokens.
    pub tokens_out: i64,
    /// The cost of its calls.
    #[schema(value_type = String)]
    pub cost_usd: PicoUsd,
    /// When its first call started; null where none has ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_at: Option<Instant>,
    /// When its newest call started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Instant>,
}

/// Which tasks.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Newest call then or later,
    pub from: Option<UnixNanos>,
    /// and before then.
    pub to: Option<UnixNanos>,
    /// customer, workspace, feature or plan, and the text in it; an empty text is absence.
    pub words: Vec<(&'static str, String)>,
    /// After this one, which ended the page before.
    pub before: Option<Position>,
}

/// A place in a list: when the newest call of its task started, and the task's key.
pub type Position = (i64, i64);

/// The columns that tasks can be filtered by.
pub const FILTERS: [&str; 4] = ["customer", "workspace", "feature", "plan"];

const COLUMNS: &str = "task, customer, workspace, feature, plan, calls, refused, errors, unpriced, estimated, \
    tokens_in, tokens_out, cost_pico, first_at, last_at";

/// Lists tasks, those with the newest calls first, and says where the next page begins.
pub fn list(
    connection: &Connection,
    filter: &Filter,
    limit: u32,
) -> Result<(Vec<Task>, Option<Position>), StoreError> {
    let mut conditions = vec!["1".to_owned()];
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    for (condition, at) in [("last_at >= ?", filter.from), ("last_at < ?", filter.to)] {
        if let Some(at) = at {
            conditions.push(condition.to_owned());
            values.push(Box::new(instant(at)));
        }
    }
    for (column, text) in &filter.words {
        let id = if text.is_empty() { Some(0) } else { word_id(connection, text)? };
        let Some(id) = id else { return Ok((Vec::new(), None)) };
        conditions.push(format!("{column} = ?"));
        values.push(Box::new(id));
    }
    if let Some((last_at, task)) = filter.before {
        conditions.push("(last_at, task) < (?, ?)".to_owned());
        values.push(Box::new(last_at));
        values.push(Box::new(task));
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM by_task WHERE {} ORDER BY last_at DESC, task DESC LIMIT {}",
        conditions.join(" AND "),
        i64::from(limit).saturating_add(1)
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut tasks, mut last, mut next) = (Vec::new(), None, None);
    while let Some(row) = rows.next()? {
        if tasks.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            next = last;
            break;
        }
        last = Some((row.get("last_at")?, row.get("task")?));
        tasks.push(read(connection, row)?);
    }
    Ok((tasks, next))
}

/// One task: also one that has open calls only, or an outcome and no calls yet.
pub fn find(connection: &Connection, name: &str) -> Result<Option<Task>, StoreError> {
    let Some(id) = word_id(connection, name)? else { return Ok(None) };
    let sql = format!("SELECT {COLUMNS} FROM by_task WHERE task = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row([id], |row| Ok(read(connection, row))).optional()?;
    if let Some(task) = found {
        return task.map(Some);
    }
    let (open, reported) = (open_calls(connection, id)?, standing(connection, id)?);
    if open == 0 && reported.is_none() {
        return Ok(None);
    }
    let reported = reported.unwrap_or_default();
    Ok(Some(Task {
        id: name.to_owned(),
        customer: None,
        workspace: None,
        feature: None,
        plan: None,
        outcome_source: reported.outcome.map(|_| "reported"),
        outcome: reported.outcome,
        outcome_reason: reported.reason,
        revision: reported.revision,
        open,
        calls: 0,
        refused: 0,
        errors: 0,
        unpriced: 0,
        estimated: 0,
        tokens_in: 0,
        tokens_out: 0,
        cost_usd: PicoUsd::ZERO,
        first_at: None,
        last_at: None,
    }))
}

fn read(connection: &Connection, row: &Row<'_>) -> Result<Task, StoreError> {
    let id: i64 = row.get("task")?;
    let word = |column: &str| word_text(connection, row.get(column)?);
    let reported = standing(connection, id)?;
    let inferred = match reported {
        Some(_) => None,
        None => newest_outcome(connection, id)?.and_then(|word| TaskOutcome::inferred(&word)),
    };
    let source = match (&reported, inferred) {
        (Some(_), _) => Some("reported"),
        (None, Some(_)) => Some("inferred"),
        (None, None) => None,
    };
    let reported = reported.unwrap_or_default();
    Ok(Task {
        id: word_text(connection, id)?.unwrap_or_default(),
        customer: word("customer")?,
        workspace: word("workspace")?,
        feature: word("feature")?,
        plan: word("plan")?,
        outcome: reported.outcome.or(inferred),
        outcome_source: source,
        outcome_reason: reported.reason,
        revision: reported.revision,
        open: open_calls(connection, id)?,
        calls: row.get("calls")?,
        refused: row.get("refused")?,
        errors: row.get("errors")?,
        unpriced: row.get("unpriced")?,
        estimated: row.get("estimated")?,
        tokens_in: row.get("tokens_in")?,
        tokens_out: row.get("tokens_out")?,
        cost_usd: PicoUsd::new(i128::from(row.get::<_, i64>("cost_pico")?)),
        first_at: Some(Instant(unix(row.get("first_at")?))),
        last_at: Some(Instant(unix(row.get("last_at")?))),
    })
}

fn open_calls(connection: &Connection, task: i64) -> Result<i64, StoreError> {
    let mut count = connection
        .prepare_cached("SELECT count(*) FROM calls WHERE task = ?1 AND task <> 0 AND state = 0")?;
    Ok(count.query_row([task], |row| row.get(0))?)
}

fn newest_outcome(connection: &Connection, task: i64) -> Result<Option<String>, StoreError> {
    let mut newest = connection.prepare_cached(
        "SELECT coalesce((SELECT text FROM words WHERE id = outcome), '') FROM calls
         WHERE task = ?1 AND task <> 0 AND state <> 0 ORDER BY started_at DESC LIMIT 1",
    )?;
    Ok(newest.query_row([task], |row| row.get(0)).optional()?)
}

/// The report of an outcome that stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reported {
    outcome: Option<TaskOutcome>,
    reason: Option<String>,
    revision: Option<i64>,
}

fn standing(connection: &Connection, task: i64) -> Result<Option<Reported>, StoreError> {
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

/// What an application says a task was worth.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeReport {
    /// succeeded, failed, abandoned or voided.
    pub outcome: TaskOutcome,
    /// In the application's words.
    #[serde(default)]
    pub reason: Option<String>,
    /// Counts up with each report of the task; absent: the next one.
    #[serde(default)]
    pub revision: Option<i64>,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reporting {
    /// Taken now, or before with the same content.
    Taken,
    /// Another report has that revision.
    Conflict,
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
        (None, Some(stored)) => stored.revision.unwrap_or(0).saturating_add(1),
        (None, None) => 1,
    };
    let written = write.execute(
        "INSERT INTO outcomes (task, revision, outcome, reason, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
        (task, revision, report.outcome.as_str(), &report.reason, instant(now)),
    )?;
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
