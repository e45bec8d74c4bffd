//! Reads what only the console shows: the last calls, and everything that is known of one.

use super::{CallRow, Correction};
use crate::{
    ledger::{
        self, State,
        calls::{Filter, Position, newest},
        view::Attempt,
    },
    store::{NO_WORD, StoreError, unix, word_text},
};
use protocol::{
    UnixNanos, codec,
    event::{CallEnd, CallHead},
    ids::CallId,
    money::PicoUsd,
    rating::Line,
};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::de::DeserializeOwned;

/// Calls, the newest first, and where the next page begins.
pub(super) fn calls(
    store: &Connection,
    filter: &Filter,
    limit: u32,
) -> Result<(Vec<CallRow>, Option<Position>), StoreError> {
    let Some((ids, values)) = newest(store, filter, limit)? else { return Ok((Vec::new(), None)) };
    let mut statement = store.prepare_cached(&format!(
        "SELECT id, started_at, customer, feature, provider, model, state, outcome, refused, tokens_in, tokens_out,
             standing_pico, usage_source
         FROM ({ids}) JOIN standing USING (id) ORDER BY started_at DESC, id DESC"
    ))?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut calls, mut last, mut next) = (Vec::new(), None, None);
    while let Some(row) = rows.next()? {
        if calls.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            next = last;
            break;
        }
        let (id, started_at) = (CallId::from_bytes(row.get(0)?), unix(row.get(1)?));
        last = Some(Position { started_at, id });
        calls.push(one(store, row, id, started_at)?);
    }
    Ok((calls, next))
}

fn one(store: &Connection, row: &Row<'_>, id: CallId, started_at: UnixNanos) -> Result<CallRow, StoreError> {
    let state = state(row.get(6)?)?;
    let refused = word(store, row.get(8)?)?;
    let outcome = match refused {
        Some(reason) => Some(format!("refused_{reason}")),
        None => word(store, row.get(7)?)?,
    };
    Ok(CallRow {
        id: id.to_string(),
        started_at,
        customer: word(store, row.get(2)?)?,
        feature: word(store, row.get(3)?)?,
        provider: word(store, row.get(4)?)?.unwrap_or_default(),
        model: word(store, row.get(5)?)?,
        state: state.as_str().to_owned(),
        outcome,
        tokens_in: unix(row.get(9)?),
        tokens_out: unix(row.get(10)?),
        cost: money(row, 11)?,
        estimated: word(store, row.get(12)?)?
            .is_some_and(|source| source == "estimated" || source == "mixed"),
    })
}

/// One call as the ledger has it.
pub(super) struct Call {
    pub(super) head: CallHead,
    pub(super) end: Option<CallEnd>,
    pub(super) lines: Vec<Line>,
    pub(super) state: State,
    pub(super) plan: Option<String>,
    pub(super) unpriced: Option<String>,
    pub(super) cost: Option<PicoUsd>,
    pub(super) settled: Option<PicoUsd>,
    pub(super) corrections: Vec<Correction>,
    pub(super) matched: Option<&'static str>,
    pub(super) attempts: Vec<Attempt>,
}

/// The call of that id.
pub(super) fn call(store: &Connection, id: CallId) -> Result<Option<Call>, StoreError> {
    let mut statement = store.prepare_cached(
        "SELECT head, end, iif(rerated IS NULL, lines, standing_lines), state, plan, standing_unpriced, standing_pico,
             settled_pico
         FROM standing JOIN details USING (id) WHERE id = ?1",
    )?;
    let found = statement
        .query_row([id.as_bytes()], |row| {
            let blobs = (row.get::<_, Vec<u8>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?);
            let money = (row.get::<_, Option<i64>>(6)?, row.get::<_, Option<i64>>(7)?);
            let words = (row.get::<_, i64>(4)?, row.get::<_, i64>(5)?);
            Ok((blobs, row.get::<_, Option<Vec<u8>>>(2)?, row.get::<_, i64>(3)?, words, money))
        })
        .optional()?;
    let Some(((head, end), lines, code, (plan, unpriced), (cost, settled))) = found else { return Ok(None) };
    let pico = |pico: Option<i64>| pico.map(|pico| PicoUsd::new(i128::from(pico)));
    let shown = ledger::calls::find(store, id)?;
    Ok(Some(Call {
        head: decode(&head)?,
        end: end.as_deref().map(decode).transpose()?,
        lines: lines.as_deref().map(decode).transpose()?.unwrap_or_default(),
        state: state(code)?,
        plan: word(store, plan)?,
        unpriced: word(store, unpriced)?,
        cost: pico(cost),
        settled: pico(settled),
        corrections: corrections(store, id)?,
        matched: shown.as_ref().and_then(|call| call.price_match),
        attempts: shown.map(|call| call.attempts).unwrap_or_default(),
    }))
}

fn corrections(store: &Connection, id: CallId) -> Result<Vec<Correction>, StoreError> {
    let mut statement = store.prepare_cached(
        "SELECT at, cause, before_pico, after_pico FROM corrections WHERE call = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([id.as_bytes()])?;
    let mut corrections = Vec::new();
    while let Some(row) = rows.next()? {
        let (at, cause) = (unix(row.get(0)?), row.get(1)?);
        corrections.push(Correction { at, cause, before: money(row, 2)?, after: money(row, 3)? });
    }
    Ok(corrections)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    codec::decode(bytes).map_err(|error| StoreError::corrupt("a call's details", error))
}

fn state(code: i64) -> Result<State, StoreError> {
    State::from_code(code).ok_or_else(|| StoreError::corrupt("a call's state", code))
}

fn money(row: &Row<'_>, index: usize) -> Result<Option<PicoUsd>, StoreError> {
    Ok(row.get::<_, Option<i64>>(index)?.map(|pico| PicoUsd::new(i128::from(pico))))
}

fn word(store: &Connection, id: i64) -> Result<Option<String>, StoreError> {
    if id == NO_WORD { Ok(None) } else { word_text(store, id) }
}
