//! What a call costs since its last correction, and what its lines were on the way there. What was booked first is
//! never edited.

use super::aggregates::day;
use crate::store::StoreError;
use protocol::{codec, rating::Line};
use rusqlite::{Connection, Row};

/// What a call costs, in pico-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// In all; `None` where it is not known.
    pub(super) total: Option<i64>,
    /// What the price table says, where the provider says something too.
    pub(super) computed: Option<i64>,
    /// What its wasted attempts make of it.
    pub(super) wasted: i64,
    /// What it is more than where the call was first sent; `None` where nobody knows.
    pub(super) premium: Option<i64>,
}

impl Cost {
    /// As it was booked, of a row of `calls` with these columns.
    pub(super) fn booked(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            total: row.get("cost_pico")?,
            computed: row.get("computed_pico")?,
            wasted: row.get("wasted_pico")?,
            premium: row.get("premium_pico")?,
        })
    }
}

/// The columns that [`Cost::booked`] reads.
pub(super) const COST: &str = "cost_pico, computed_pico, wasted_pico, premium_pico";

/// A call's costs, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// What it costs now.
    pub(super) cost: Cost,
    /// The day of the correction (0: booked so), and the lines since.
    pub(super) steps: Vec<(i64, Vec<Line>)>,
}

impl Standing {
    /// Of a call that was booked at that cost, with those lines.
    pub(super) fn load(
        connection: &Connection,
        id: &[u8; 16],
        booked: Cost,
        lines: Option<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        let mut standing = Self { cost: booked, steps: vec![(0, decode(lines)?)] };
        // An end that came late took back whatever had been said of the call before.
        let mut find = connection.prepare_cached(
            "SELECT at, after_pico, lines, computed_pico, wasted_pico, premium_pico FROM corrections
             WHERE call = ?1 AND cause = 'rerate'
             AND id > (SELECT coalesce(max(id), 0) FROM corrections WHERE call = ?1 AND cause <> 'rerate')
             ORDER BY id",
        )?;
        let mut rows = find.query([id])?;
        while let Some(row) = rows.next()? {
            standing.cost =
                Cost { total: row.get(1)?, computed: row.get(3)?, wasted: row.get(4)?, premium: row.get(5)? };
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
