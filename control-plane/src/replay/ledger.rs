//! The calls of the ledger in the order in which they started, with what caps need to know of them and nothing else.

use crate::{
    hold::Most,
    ledger::State,
    store::{NO_WORD, StoreError, instant, unix, word_text},
};
use protocol::{
    UnixNanos,
    attribution::Attribution,
    cap::Amount,
    codec,
    meters::{Meter, Units, Usage},
    money::PicoUsd,
};
use rusqlite::{Connection, Row, params};
use serde::Deserialize;

/// After which call a page begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor(UnixNanos, [u8; 16]);

impl Cursor {
    /// Before every call that started at that instant or later.
    pub(super) fn at(from: UnixNanos) -> Self {
        Self(from, [0; 16])
    }
}

/// A call.
#[derive(Debug)]
pub(super) struct Recorded {
    id: [u8; 16],
    pub(super) head: Head,
    pub(super) started_at: UnixNanos,
    /// Absent while it is open.
    pub(super) ended_at: Option<UnixNanos>,
    /// Why it was refused, where it was.
    pub(super) refused: Option<Box<str>>,
    is_priced: bool,
    /// As it stands since its last correction; `None` where it is not known.
    pub(super) cost: Option<Amount>,
    /// What money caps were charged.
    pub(super) settled: Amount,
    /// Of the prompt and of the answer.
    pub(super) tokens: u64,
    /// What it used, where that is asked for.
    pub(super) units: Units,
}

/// What a head says that caps ask for. The rest is skipped, which is most of the time that reading takes.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    #[serde(default)]
    pub(super) attribution: Attribution,
    pub(super) provider: Box<str>,
    #[serde(default)]
    pub(super) route: Option<Box<str>>,
    #[serde(default)]
    request_model: Option<Box<str>>,
    #[serde(default)]
    downgraded_to: Option<Box<str>>,
    #[serde(default)]
    routed_to: Option<Box<str>>,
    #[serde(default)]
    output_tokens_max: Option<u64>,
    #[serde(default)]
    input_tokens_estimate: u64,
    #[serde(default)]
    hold: Option<PicoUsd>,
    #[serde(default)]
    hold_input: Option<PicoUsd>,
}

#[derive(Deserialize)]
struct End {
    #[serde(default)]
    usage: Usage,
}

impl Head {
    /// As `CallHead::model`.
    pub(super) fn model(&self) -> Option<&str> {
        self.routed_to.as_deref().or(self.downgraded_to.as_deref()).or(self.request_model.as_deref())
    }

    /// What the filter took it to come to at most.
    pub(super) fn most(&self) -> Most {
        Most {
            input_tokens: self.input_tokens_estimate,
            output_tokens: self.output_tokens_max.unwrap_or(protocol::hold::OUTPUT_TOKENS_ASSUMED),
            is_limited: self.output_tokens_max.is_some(),
            cost: self.hold.map(PicoUsd::pico),
            input_cost: self.hold_input.or(self.hold).map(PicoUsd::pico),
        }
    }
}

impl Recorded {
    pub(super) fn cursor(&self) -> Cursor {
        Cursor(self.started_at, self.id)
    }

    /// Whether anybody knew its price: when it ended, or, where it did not, when it began.
    pub(super) fn is_priced(&self) -> bool {
        self.is_priced
    }

    fn of(connection: &Connection, row: &Row<'_>, needs_units: bool) -> Result<Self, StoreError> {
        let corrupt = |error| StoreError::corrupt("a call", error);
        let state = State::from_code(row.get(1)?).unwrap_or(State::Finished);
        let bytes = |column: usize| row.get_ref(column).map(|value| value.as_blob().unwrap_or_default());
        let head: Head = codec::decode(bytes(9)?).map_err(corrupt)?;
        let end = bytes(10)?;
        let units = match state {
            State::Finished if needs_units && !end.is_empty() => {
                codec::decode::<End>(end).map_err(corrupt)?.usage.units
            }
            // What the ledger books for it.
            State::Orphaned => Units::from([(Meter::Input, head.input_tokens_estimate)]),
            State::Open | State::Finished | State::Refused => Units::new(),
        };
        let refused = match row.get(4)? {
            NO_WORD => None,
            word => word_text(connection, word)?.map(Into::into),
        };
        let has_ended = matches!(state, State::Finished | State::Orphaned);
        let is_priced =
            if has_ended { row.get::<_, Option<i64>>(5)? == Some(0) } else { head.hold.is_some() };
        Ok(Self {
            id: row.get(0)?,
            started_at: unix(row.get(2)?),
            ended_at: row.get::<_, Option<i64>>(3)?.map(unix).filter(|_| state != State::Open),
            refused,
            is_priced,
            cost: row.get::<_, Option<i64>>(6)?.filter(|_| has_ended),
            settled: row.get::<_, Option<i64>>(7)?.unwrap_or(0),
            tokens: row.get::<_, i64>(8).map(unix)?,
            head,
            units,
        })
    }
}

/// The calls after a cursor that started before an instant; so many at most.
pub(super) fn page(
    connection: &Connection,
    Cursor(from, id): Cursor,
    (to, calls_max): (UnixNanos, u32),
    needs_units: bool,
) -> Result<Vec<Recorded>, StoreError> {
    let mut find = connection.prepare_cached(
        "SELECT c.id, c.state, c.started_at, c.finished_at, c.refused, c.pricing,
            coalesce((SELECT after_pico FROM corrections WHERE cause = 'rerate'
                AND id = (SELECT max(id) FROM corrections WHERE call = c.id)), c.cost_pico),
            c.settled_pico, c.tokens_in + c.tokens_out, d.head, iif(?5, d.end, NULL)
         FROM calls c JOIN details d USING (id)
         WHERE (c.started_at, c.id) > (?1, ?2) AND c.started_at < ?3 ORDER BY c.started_at, c.id LIMIT ?4",
    )?;
    let mut rows = find.query(params![instant(from), id, instant(to), calls_max, needs_units])?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        calls.push(Recorded::of(connection, row, needs_units)?);
    }
    Ok(calls)
}
