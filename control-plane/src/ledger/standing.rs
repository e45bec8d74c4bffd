//! What a call costs since its last correction, and what its lines were on the way there. What was booked first is
//! never edited.

use super::aggregates::day;
use crate::store::StoreError;
use protocol::{codec, rating::Line};
use rusqlite::Connection;

/// A call's costs, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// What it costs now, in pico-dollars; `None` where it is not known.
    pub(super) cost: Option<i64>,
    /// What the price table says, where the provider says something too.
    pub(super) computed: Option<i64>,
    /// The day of the correction (0: booked so), and the lines since.
    pub(super) steps: Vec<(i64, Vec<Line>)>,
}

impl Standing {
    /// Of a call that was booked at that cost, beside that of the price table, with those lines.
    pub(super) fn load(
        connection: &Connection,
        id: &[u8; 16],
        (booked, computed): (Option<i64>, Option<i64>),
        lines: Option<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        let mut standing = Self { cost: booked, computed, steps: vec![(0, decode(lines)?)] };
        // An end that came late took back whatever had been said of the call before.
        let mut find = connection.prepare_cached(
            "SELECT at, after_pico, lines, computed_pico FROM corrections WHERE call = ?1 AND cause = 'rerate'
             AND id > (SELECT coalesce(max(id), 0) FROM corrections WHERE call = ?1 AND cause <> 'rerate')
             ORDER BY id",
        )?;
        let mut rows = find.query([id])?;
        while let Some(row) = rows.next()? {
            (standing.cost, standing.computed) = (row.get(1)?, row.get(3)?);
            standing.steps.push((day(row.get(0)?), decode(row.get(2)?)?));
        }
        Ok(standing)
    }

    /// The lines since the last correction.
    pub(super) fn lines(&self) -> &[Line] {
        self.steps.last().map_or(&[], |(_, lines)| lines)
    }
}

fn decode(bytes: Option<Vec<u8>>) -> Result<Vec<Line>, StoreError> {
    let decoded = bytes.map(|bytes| codec::decode(&bytes)).transpose();
    Ok(decoded.map_err(|error| StoreError::corrupt("a call's lines", error))?.unwrap_or_default())
}
