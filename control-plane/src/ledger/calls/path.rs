//! By which index a list of calls is read: the one with the fewest calls to look through, which SQLite cannot know.

use super::{Filter, WordColumn};
use crate::{
    ledger::State,
    store::{NO_WORD, StoreError, word_id},
};
use rusqlite::Connection;

/// More calls than this are not counted: all indexes that long serve as well.
const COUNTED_MAX: i64 = 20_000;

/// The table, and `INDEXED BY …` but where SQLite is to choose: by time, or by what it knows to be few.
pub(super) fn shortest(connection: &Connection, filter: &Filter) -> Result<String, StoreError> {
    if filter.is_of_standing() {
        return Ok("standing".to_owned());
    }
    if filter.request_id.is_some() {
        return Ok("calls".to_owned());
    }
    // As many as there are at work at once.
    if *filter.states == [State::Open] {
        return Ok("calls INDEXED BY calls_open".to_owned());
    }
    let few = match *filter.states {
        [state] if are_few(state) => Some(("calls_by_state", "state", state.code())),
        _ => None,
    };
    let mut ways: Vec<(&str, &str, i64)> = few.into_iter().collect();
    for (column, text) in &filter.words {
        // Calls without a name are not in all of the indexes; several names at once are looked for by time.
        let Some(id) = word_id(connection, text)?.filter(|id| *id != NO_WORD) else { continue };
        ways.extend(match column {
            WordColumn::Refused => Some(("calls_by_state", "state", State::Refused.code())),
            column => index(*column).map(|index| (index, column.as_str(), id)),
        });
    }
    let mut best: Option<(i64, &str)> = None;
    for (index, column, id) in ways {
        let partial = match column {
            "state" => " AND state IN (2, 3)",
            _ => "",
        };
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM calls INDEXED BY {index}
             WHERE {column} = ?1 AND {column} <> 0{partial} LIMIT {COUNTED_MAX})"
        );
        let count: i64 = connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?;
        if best.is_none_or(|(least, _)| count < least) {
            best = Some((count, index));
        }
    }
    let short = best.filter(|(count, _)| *count < COUNTED_MAX);
    Ok(short.map_or_else(|| "calls".to_owned(), |(_, index)| format!("calls INDEXED BY {index}")))
}

/// States that few calls are in: an index has them alone.
pub(super) fn are_few(state: State) -> bool {
    matches!(state, State::Orphaned | State::Refused)
}

fn index(column: WordColumn) -> Option<&'static str> {
    match column {
        WordColumn::Customer => Some("calls_by_customer"),
        WordColumn::Workspace => Some("calls_by_workspace"),
        WordColumn::User => Some("calls_by_user"),
        WordColumn::Feature => Some("calls_by_feature"),
        WordColumn::Task => Some("calls_by_task"),
        WordColumn::Model => Some("calls_by_model"),
        WordColumn::Route => Some("calls_by_route"),
        WordColumn::Outcome => Some("calls_by_outcome"),
        WordColumn::Plan
        | WordColumn::Provider
        | WordColumn::Refused
        | WordColumn::UsageSource
        | WordColumn::UnpricedReason => None,
    }
}
