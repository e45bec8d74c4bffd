//! Reading calls: lists by time and dimension, and one call with all that is known of it. Writes nothing.

mod customers;
mod filter;
mod path;

pub use customers::Customers;
pub(crate) use filter::{Conditions, conditions};
pub use filter::{Filter, WordColumn, Wrong};

use super::{Pricing, view::Call};
use crate::store::{StoreError, unix};
use protocol::{
    UnixNanos, codec,
    event::{CallEnd, CallHead},
    ids::CallId,
    rating::Line,
};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

/// A place in a list, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// When the call started.
    pub started_at: UnixNanos,
    /// The call.
    pub id: CallId,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.started_at, self.id)
    }
}

impl std::str::FromStr for Position {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "is not what `next` gave";
        let (started_at, id) = text.split_once('.').ok_or(wrong)?;
        let started_at = started_at.parse().map_err(|_| wrong)?;
        Ok(Self { started_at, id: id.parse().map_err(|_| wrong)? })
    }
}

/// Lists calls, newest first, and says where the next page begins.
pub fn list(
    connection: &Connection,
    filter: &Filter,
    limit: u32,
) -> Result<(Vec<Call>, Option<Position>), StoreError> {
    let Some((ids, values)) = newest(connection, filter, limit)? else { return Ok((Vec::new(), None)) };
    let sql = format!(
        "SELECT {COLUMNS} FROM ({ids}) JOIN standing USING (id) JOIN details USING (id)
         ORDER BY started_at DESC, id DESC"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        calls.push(Booked::read(row)?);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = calls.len() > limit;
    calls.truncate(limit);
    let last = calls.last().filter(|_| is_more);
    let next = last.map(|call| Position { started_at: call.head.started_at, id: call.head.id });
    let calls = calls.into_iter().filter(|call| match &filter.request_id {
        // The index knows a fingerprint; the text decides.
        Some(wanted) => call.head.request_id.as_deref() == Some(wanted),
        None => true,
    });
    Ok((calls.map(|call| Call::of(connection, call)).collect::<Result<_, _>>()?, next))
}

/// A query of the ids of the newest calls, by what an index has, and its values: only calls that are shown are then read
/// whole. There is one more than asked for where another page follows. `None`: no call can match.
pub(crate) fn newest(
    connection: &Connection,
    filter: &Filter,
    limit: u32,
) -> Result<Option<Conditions>, StoreError> {
    let Some((conditions, values)) = conditions(connection, filter)? else { return Ok(None) };
    let (from, more) = (path::shortest(connection, filter)?, i64::from(limit).saturating_add(1));
    let ids =
        format!("SELECT id FROM {from} WHERE {conditions} ORDER BY started_at DESC, id DESC LIMIT {more}");
    Ok(Some((ids, values)))
}

/// One call, with its corrections.
pub fn find(connection: &Connection, id: CallId) -> Result<Option<Call>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM standing JOIN details USING (id) WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row([id.as_bytes()], |row| Ok(Booked::read(row))).optional()?;
    let Some(booked) = found.transpose()? else { return Ok(None) };
    let mut call = Call::of(connection, booked)?;
    call.corrections = super::view::corrections(connection, id)?;
    Ok(Some(call))
}

/// A call as the store has it.
#[derive(Debug)]
pub(super) struct Booked {
    pub(super) state: super::State,
    pub(super) head: CallHead,
    pub(super) end: Option<CallEnd>,
    pub(super) lines: Vec<Line>,
    pub(super) plan: i64,
    pub(super) ending: i64,
    pub(super) usage_source: i64,
    pub(super) unpriced: i64,
    /// Of all attempts.
    pub(super) tokens_in: i64,
    pub(super) tokens_out: i64,
    pub(super) finished_at: Option<UnixNanos>,
    pub(super) pricing: Option<i64>,
    pub(super) matched: Option<i64>,
    /// Since the last correction,
    pub(super) cost_pico: Option<i64>,
    /// and as it was booked.
    pub(super) original_pico: Option<i64>,
    pub(super) computed_pico: Option<i64>,
    pub(super) settled_pico: Option<i64>,
}

const COLUMNS: &str = "id, state, started_at, finished_at, plan, ending, usage_source, tokens_in, tokens_out, \
    pricing, matched, cost_pico, rerated, standing_pico, standing_unpriced, standing_lines, settled_pico, \
    standing_computed, head, end, lines";

impl Booked {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let state: i64 = row.get("state")?;
        let is_rerated = row.get::<_, Option<i64>>("rerated")?.is_some();
        // What a re-rating gave a cost is priced, whatever it was before.
        let pricing = if is_rerated { Some(Pricing::Priced.code()) } else { row.get("pricing")? };
        Ok(Self {
            state: super::State::from_code(state)
                .ok_or_else(|| StoreError::corrupt("a call's state", state))?,
            head: blob(row, "head")?.ok_or_else(|| StoreError::corrupt("a call's head", "is absent"))?,
            end: blob(row, "end")?,
            lines: blob(row, if is_rerated { "standing_lines" } else { "lines" })?.unwrap_or_default(),
            plan: row.get("plan")?,
            ending: row.get("ending")?,
            usage_source: row.get("usage_source")?,
            unpriced: row.get("standing_unpriced")?,
            tokens_in: row.get("tokens_in")?,
            tokens_out: row.get("tokens_out")?,
            finished_at: row.get::<_, Option<i64>>("finished_at")?.map(unix),
            pricing,
            matched: row.get("matched")?,
            cost_pico: row.get("standing_pico")?,
            original_pico: row.get("cost_pico")?,
            computed_pico: row.get("standing_computed")?,
            settled_pico: row.get("settled_pico")?,
        })
    }
}

fn blob<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>, StoreError> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    let decode = |bytes: Vec<u8>| codec::decode(&bytes);
    bytes.map(decode).transpose().map_err(|error| StoreError::corrupt("a call's detail", error))
}
