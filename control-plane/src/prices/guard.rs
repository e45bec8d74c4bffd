//! Which rows of a catalogue wait for somebody to look at them. Catalogues had prices wrong by a factor of 1,000 to
//! 1,000,000, always because somebody took one unit for another.

use super::PriceRow;
use protocol::{meters::Meter, money::PicoUsdPerUnit};
use serde::Serialize;
use std::fmt;

/// 1,000 USD per million tokens. The dearest model that is really sold generates them at 600.
const TOKEN_PICO_MAX: u64 = 1_000_000_000;
/// One USD per search, image, page or request. Searches are sold at a cent, the dearest images at a quarter of a dollar.
const PIECE_PICO_MAX: u64 = 1_000_000_000_000;
/// A tenth of a cent per second. The dearest transcription is sold at less than a third of that; what is mostly sold
/// per minute, and taken for a price per second, is above.
const SECOND_PICO_MAX: u64 = 1_000_000_000;
/// A price that moves by more than this factor is more often a mistake than a sale.
const MOVE_MAX: u64 = 3;

/// Why a row waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// Dearer than anything that is sold.
    Magnitude,
    /// Moves to more than three times or less than a third of what is in force.
    Moves,
    /// Far from what the same meter of the model costs otherwise: in other tiers, regions, hours, sizes.
    Apart,
    /// Another entry of the same catalogue says something else.
    Contradicted,
    /// Another source has priced the same before, and says something else.
    OtherSource,
    /// Everything waits that comes from there.
    Approval,
}

impl HoldReason {
    /// The word in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Magnitude => "magnitude",
            Self::Moves => "moves",
            Self::Apart => "apart",
            Self::Contradicted => "contradicted",
            Self::OtherSource => "other_source",
            Self::Approval => "approval",
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magnitude => "dearer than anything that is sold",
            Self::Moves => "moves by more than a factor of 3",
            Self::Apart => "more than 20 times, or less than a 20th, of what it costs otherwise",
            Self::Contradicted => "another entry of the catalogue says something else",
            Self::OtherSource => "another source has priced it before, and says something else",
            Self::Approval => "nothing of this source is taken without approval",
        })
    }
}

/// Tiers, regions and sizes differ by a factor of six at most.
const APART_MAX: u64 = 20;

/// Whether a row has to wait. `before` is what its key cost last; `plain` what the meter costs without conditions.
pub(super) fn hold(
    row: &PriceRow,
    before: Option<&PriceRow>,
    plain: Option<PicoUsdPerUnit>,
) -> Option<HoldReason> {
    if row.rate.pico() > limit(row.key.meter) {
        return Some(HoldReason::Magnitude);
    }
    let new = row.rate.pico();
    // From nothing to something and back are moves too: a rate that turns 0 switches every money cap off.
    let moves = |old: u64, most: u64| new > old.saturating_mul(most) || old > new.saturating_mul(most);
    match (before, plain) {
        (Some(before), _) => moves(before.rate.pico(), MOVE_MAX).then_some(HoldReason::Moves),
        // What is free otherwise says nothing, and what is free under a condition is common.
        (None, Some(plain)) if plain.pico() > 0 && new > 0 => {
            moves(plain.pico(), APART_MAX).then_some(HoldReason::Apart)
        }
        (None, _) => None,
    }
}

fn limit(meter: Meter) -> u64 {
    match meter {
        Meter::WebSearch | Meter::SearchUnits | Meter::Images | Meter::Pages | Meter::Requests => {
            PIECE_PICO_MAX
        }
        // Not a price anybody makes.
        Meter::ReportedCost => 0,
        Meter::AudioSeconds => SECOND_PICO_MAX,
        // A thousand dollars per million: no character is dearer than a token either.
        Meter::Input
        | Meter::CacheRead
        | Meter::CacheWrite5m
        | Meter::CacheWrite1h
        | Meter::Output
        | Meter::Reasoning
        | Meter::AudioIn
        | Meter::AudioOut
        | Meter::ImageIn
        | Meter::ImageOut
        | Meter::Citation
        | Meter::Characters => TOKEN_PICO_MAX,
    }
}
