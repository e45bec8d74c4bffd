//! Tasks: what they cost so far, what of it was of use, and what they were worth. An outcome is what the application
//! reports; where it reports none it is inferred from the task's newest call once nothing has come for a while, and
//! marked so.

mod outcomes;
mod split;

pub use outcomes::{OutcomeError, OutcomeReport, REVISION_MAX, Reporting, heard, outcome_of, report};
pub use protocol::outcome::TaskOutcome;
pub use split::{Split, Sums};

use super::calls::Wrong;
use crate::{
    instant::Instant,
    store::{StoreError, instant, unix, word_id, word_text},
};
use protocol::{UnixNanos, money::PicoUsd};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};
use serde::Serialize;
use utoipa::ToSchema;

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
    #[schema(value_type = Option<String>)]
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
    /// What it went for; the parts add up to it.
    pub split: Split,
    /// Attempts beyond the first of each call.
    pub retries: i64,
    /// Calls that were served elsewhere than where they were first sent.
    pub fallbacks: i64,
    /// Of those, how many have no known premium: not in `split`.
    pub fallbacks_unknown: i64,
    /// Whose calls they are, where they are not all of one customer and workspace: somebody gave two tasks one name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflict: Vec<Owner>,
    /// When its first call started; null where none has ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_at: Option<Instant>,
    /// When its newest call started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Instant>,
}

/// One of several that a task's calls are for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Owner {
    /// Who pays.
    pub customer: Option<String>,
    /// Inside what.
    pub workspace: Option<String>,
    /// Calls that ended.
    pub calls: i64,
    /// What those with a known cost cost.
    #[schema(value_type = String)]
    pub cost_usd: PicoUsd,
}

/// Which tasks.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Newest call then or later,
    pub from: Option<UnixNanos>,
    /// and before then.
    pub to: Option<UnixNanos>,
    /// One of [`WORDS`], and the text in it; an empty text is absence.
    pub words: Vec<(&'static str, String)>,
    /// Worth this; `Some(None)`: nobody knows what.
    pub outcome: Option<Option<TaskOutcome>>,
    /// After this one, which ended the page before.
    pub before: Option<Position>,
}

/// A place in a list: when the newest call of its task started, and the task's key.
pub type Position = (i64, i64);

/// The columns of words that tasks can be filtered by, as their first call has them.
pub const WORDS: [&str; 6] = ["customer", "workspace", "feature", "plan", "provider", "model"];

impl Filter {
    /// The names of all parameters that [`Filter::parse`] asks for.
    pub fn parameters() -> impl Iterator<Item = &'static str> {
        ["from", "to", "outcome", "cursor"].into_iter().chain(WORDS)
    }

    /// From parameters by name.
    pub fn parse<'a>(said: impl Fn(&'static str) -> Option<&'a str>) -> Result<Self, Wrong> {
        let time = |name| Wrong::parsed::<Instant>(name, said(name)).map(|at| at.map(|Instant(at)| at));
        let words = WORDS.into_iter();
        let outcome = |text| match text {
            "" => Ok(None),
            text => TaskOutcome::from_word(text).map(Some).ok_or_else(|| {
                Wrong::new(
                    "outcome",
                    "is none of: succeeded, failed, abandoned, voided; nor empty: not known",
                )
            }),
        };
        Ok(Self {
            from: time("from")?,
            to: time("to")?,
            words: words.filter_map(|column| Some((column, said(column)?.to_owned()))).collect(),
            outcome: said("outcome").map(outcome).transpose()?,
            before: said("cursor").map(position).transpose()?,
        })
    }
}

fn position(text: &str) -> Result<Position, Wrong> {
    let parts = text.split_once('.').and_then(|(at, task)| Some((at.parse().ok()?, task.parse().ok()?)));
    parts.ok_or_else(|| Wrong::new("cursor", "is not what `next` gave"))
}

const COLUMNS: &str = "task, customer, workspace, feature, plan, calls, refused, errors, unpriced, estimated, \
    tokens_in, tokens_out, cost_pico, retried_pico, failed_pico, aborted_pico, invalid_pico, fallbacks, \
    premium_unknown, premium_pico, retries, first_at, last_at, last_outcome, \
    customer_min <> customer_max OR workspace_min <> workspace_max AS conflict";

/// Lists tasks, those with the newest calls first, and says where the next page begins. What nothing was heard of since
/// that instant is taken to be over.
pub fn list(
    connection: &Connection,
    filter: &Filter,
    limit: u32,
    quiet_since: UnixNanos,
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
    if let Some(outcome) = filter.outcome {
        conditions.push(format!("{} IS ?", outcomes::worth(quiet_since)));
        values.push(Box::new(outcome.map(TaskOutcome::as_str)));
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
        tasks.push(read(connection, row, quiet_since)?);
    }
    Ok((tasks, next))
}

/// One task: also one that has open calls only, or an outcome and no calls yet.
pub fn find(connection: &Connection, name: &str, quiet_since: UnixNanos) -> Result<Option<Task>, StoreError> {
    let Some(id) = word_id(connection, name)? else { return Ok(None) };
    let sql = format!("SELECT {COLUMNS} FROM by_task WHERE task = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row([id], |row| Ok(read(connection, row, quiet_since))).optional()?;
    if let Some(task) = found {
        return task.map(Some);
    }
    let (open, reported) = (open_calls(connection, id)?, outcomes::standing(connection, id)?);
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
        split: Split::default(),
        retries: 0,
        fallbacks: 0,
        fallbacks_unknown: 0,
        conflict: Vec::new(),
        first_at: None,
        last_at: None,
    }))
}

fn read(connection: &Connection, row: &Row<'_>, quiet_since: UnixNanos) -> Result<Task, StoreError> {
    let id: i64 = row.get("task")?;
    let word = |column: &str| word_text(connection, row.get(column)?);
    let (reported, open) = (outcomes::standing(connection, id)?, open_calls(connection, id)?);
    let (last_at, last_outcome) = (unix(row.get("last_at")?), word("last_outcome")?);
    let is_over = open == 0 && last_at <= quiet_since;
    let inferred = match (&reported, last_outcome) {
        (None, Some(word)) if is_over => outcomes::inferred(&word),
        _ => None,
    };
    let source = match (&reported, inferred) {
        (Some(_), _) => Some("reported"),
        (None, Some(_)) => Some("inferred"),
        (None, None) => None,
    };
    let reported = reported.unwrap_or_default();
    let (outcome, sums) = (reported.outcome.or(inferred), Sums::read(row)?);
    Ok(Task {
        id: word_text(connection, id)?.unwrap_or_default(),
        customer: word("customer")?,
        workspace: word("workspace")?,
        feature: word("feature")?,
        plan: word("plan")?,
        outcome,
        outcome_source: source,
        outcome_reason: reported.reason,
        revision: reported.revision,
        open,
        calls: row.get("calls")?,
        refused: row.get("refused")?,
        errors: row.get("errors")?,
        unpriced: row.get("unpriced")?,
        estimated: row.get("estimated")?,
        tokens_in: row.get("tokens_in")?,
        tokens_out: row.get("tokens_out")?,
        cost_usd: sums.cost,
        split: sums.split(outcome),
        retries: row.get("retries")?,
        fallbacks: row.get("fallbacks")?,
        fallbacks_unknown: row.get("premium_unknown")?,
        conflict: if row.get("conflict")? { owners(connection, id)? } else { Vec::new() },
        first_at: Some(Instant(unix(row.get("first_at")?))),
        last_at: Some(Instant(last_at)),
    })
}

fn owners(connection: &Connection, task: i64) -> Result<Vec<Owner>, StoreError> {
    let mut find = connection.prepare_cached(
        "SELECT customer, workspace, count(*), sum(coalesce(standing_pico, 0)) FROM standing
         WHERE task = ?1 AND task <> 0 AND state <> 0 GROUP BY customer, workspace ORDER BY 3 DESC",
    )?;
    let rows = find.query_map([task], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    rows.map(|row| {
        let (customer, workspace, calls, cost): (i64, i64, i64, i64) = row?;
        Ok(Owner {
            customer: word_text(connection, customer)?,
            workspace: word_text(connection, workspace)?,
            calls,
            cost_usd: PicoUsd::new(i128::from(cost)),
        })
    })
    .collect()
}

fn open_calls(connection: &Connection, task: i64) -> Result<i64, StoreError> {
    let mut count = connection
        .prepare_cached("SELECT count(*) FROM calls WHERE task = ?1 AND task <> 0 AND state = 0")?;
    Ok(count.query_row([task], |row| row.get(0))?)
}
