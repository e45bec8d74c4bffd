//! Messages on their way: of one matter, and all of them as a list.

use super::tables::{DEAD, DELIVERED};
use crate::{
    instant::Instant,
    store::{StoreError, unix},
};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use std::str::FromStr;
use utoipa::ToSchema;

/// A message on its way to a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Delivery {
    /// Its name in the policy.
    pub destination: String,
    /// queued, delivered or dead.
    pub state: &'static str,
    /// Tries since it was queued.
    pub attempts: i64,
    /// When it is tried next.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Instant>,
    /// When it was tried last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Instant>,
    /// What was answered; null: nothing.
    pub last_status: Option<i64>,
    /// What went wrong.
    pub last_error: Option<String>,
}

/// A message on its way to a destination, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sent {
    /// Its webhook-id.
    pub message: String,
    /// Of the alert in its headline; weekly_report: it is a report.
    pub kind: String,
    /// Its headline.
    pub title: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Instant,
    /// Where it goes.
    #[serde(flatten)]
    pub delivery: Delivery,
}

/// A place in the list: a message, and a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    message: i64,
    destination: String,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.message, self.destination)
    }
}

impl FromStr for Position {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts =
            text.split_once('.').and_then(|(message, to)| Some((message.parse().ok()?, to.to_owned())));
        let (message, destination) = parts.ok_or("is not what `next` gave")?;
        Ok(Self { message, destination })
    }
}

const COLUMNS: &str = "destination, state, attempts, next_at, last_at, last_status, last_error";

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let at = |at: Option<i64>| at.map(|at| Instant(unix(at)));
    Ok(Delivery {
        destination: row.get("destination")?,
        state: match row.get::<_, i64>("state")? {
            DELIVERED => "delivered",
            DEAD => "dead",
            _ => "queued",
        },
        attempts: row.get("attempts")?,
        next_at: at(row.get("next_at")?),
        last_at: at(row.get("last_at")?),
        last_status: row.get("last_status")?,
        last_error: row.get("last_error")?,
    })
}

/// Where a message went, by destination.
pub(super) fn deliveries(store: &Connection, message: i64) -> Result<Vec<Delivery>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM alert_deliveries WHERE message = ?1 ORDER BY destination");
    let mut statement = store.prepare_cached(&sql)?;
    let rows = statement.query_map([message], delivery)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All that was sent or is to be, the newest message first, and the cursor of the next page.
pub fn sent(
    store: &Connection,
    after: Option<&Position>,
    limit: u32,
) -> Result<(Vec<Sent>, Option<Position>), StoreError> {
    let sql = format!(
        "SELECT message, name, kind, at, coalesce(body ->> '$.data.title', body ->> '$.data.headline', ''), {COLUMNS}
         FROM alert_deliveries JOIN alert_messages ON alert_messages.id = message
         WHERE message < ?1 OR (message = ?1 AND destination > ?2)
         ORDER BY message DESC, destination LIMIT ?3"
    );
    let mut statement = store.prepare_cached(&sql)?;
    let (message, destination) =
        after.map_or((i64::MAX, ""), |after| (after.message, after.destination.as_str()));
    let values = params![message, destination, i64::from(limit).saturating_add(1)];
    let rows = statement.query_map(values, |row| {
        let (kind, delivery) = (row.get(2)?, delivery(row)?);
        let position = Position { message: row.get(0)?, destination: delivery.destination.clone() };
        let (message, title) = (row.get(1)?, row.get(4)?);
        Ok((position, Sent { message, kind, title, at: Instant(unix(row.get(3)?)), delivery }))
    })?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| is_more).map(|(position, _)| position.clone());
    Ok((rows.into_iter().map(|(_, sent)| sent).collect(), next))
}
