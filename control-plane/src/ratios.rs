//! Bytes of text per token, from the ledger's sums of the last days: what filters estimate cut streams and holds by.
//! Decides what is enough to go by, and what is different enough to be told. Reads no call, and no float is made.

use crate::{
    ledger::text::{self, Evidence},
    store::{StoreError, instant},
};
use protocol::{
    UnixNanos,
    ratio::{TextRatio, TextRatios},
};
use rusqlite::Connection;

/// How far back calls count: long enough for a model that is used on some days only, short enough that what prompts
/// were like last season is forgotten.
const DAYS: u64 = 30;
const DAY_NS: u64 = 86_400_000_000_000;

/// What is enough to go by: so many calls, since one may be all digits or all Chinese, or so many tokens, since a long
/// text is as good as many short ones.
const CALLS_MIN: u64 = 10;
const TOKENS_MIN: u64 = 2_000;

/// Half a byte per token. Less is delivered per token only where a model hides most of what it thinks; taken as it is,
/// a cut stream of a kilobyte would be billed as tens of thousands of tokens.
const BYTES_PER_KILOTOKEN_MIN: u64 = 500;
/// Twenty bytes per token. Words of the common vocabularies have four to six bytes; what counts fewer tokens for a text
/// does not count tokens.
const BYTES_PER_KILOTOKEN_MAX: u64 = 20_000;

/// A rate that moves by more than one part in so many is told: 2 %. An estimate is rarely that good.
const MOVE_PARTS: u32 = 50;

/// What the calls of the last days say.
pub fn learn(connection: &Connection, now: UnixNanos) -> Result<TextRatios, StoreError> {
    let first_day = (now / DAY_NS).saturating_sub(DAYS);
    let mut ratios = TextRatios::default();
    for ((provider, model), (request, text)) in text::evidence(connection, instant(first_day))? {
        let ratio =
            TextRatio { request_bytes_per_kilotoken: rate(request), text_bytes_per_kilotoken: rate(text) };
        if ratio != TextRatio::default() {
            ratios.models.entry(provider).or_default().insert(model, ratio);
        }
    }
    Ok(ratios)
}

/// What filters are told from now on: what is learned, where it is new, gone, or far enough from what they have.
pub fn settle(told: &TextRatios, mut learned: TextRatios) -> TextRatios {
    for (provider, models) in &mut learned.models {
        for (model, ratio) in models {
            let Some(told) = told.models.get(provider).and_then(|models| models.get(model)) else { continue };
            keep(told.request_bytes_per_kilotoken, &mut ratio.request_bytes_per_kilotoken);
            keep(told.text_bytes_per_kilotoken, &mut ratio.text_bytes_per_kilotoken);
        }
    }
    learned
}

/// Keeps a rate as it was told, where the new one is hardly another.
fn keep(told: u32, learned: &mut u32) {
    if *learned > 0 && learned.abs_diff(told).saturating_mul(MOVE_PARTS) <= told {
        *learned = told;
    }
}

/// Bytes per 1,000 tokens; 0 where not enough is known.
fn rate(evidence: Evidence) -> u32 {
    let Evidence { calls, bytes, tokens } = evidence;
    if tokens == 0 || (calls < CALLS_MIN && tokens < TOKENS_MIN) {
        return 0;
    }
    // In 128 bits nothing is lost: both sums are below 2^64.
    let rate = u128::from(bytes).saturating_mul(1_000) / u128::from(tokens);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    u32::try_from(rate.clamp(BYTES_PER_KILOTOKEN_MIN, BYTES_PER_KILOTOKEN_MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
