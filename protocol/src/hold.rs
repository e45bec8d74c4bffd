//! The bounds of what a call holds of caps while it runs. The filter decides by them; the control plane foretells and
//! replays by the same.

use crate::cap::Amount;

/// What a request may generate where neither it nor the price table says: the limit most models of 2024 had.
pub const OUTPUT_TOKENS_ASSUMED: u64 = 4_096;

/// Where the request sets no output limit, its hold is no more than this part of the cap: the model's maximum would
/// lock a small cap that the call, most likely, does not come near. What it costs beyond is kept as debt.
pub const ASSUMED_HOLD_PART: Amount = 10;

/// No call holds more: 10,000 USD each for input and output. What is above comes from an absurd limit.
pub const HOLD_PICO_MAX: i128 = 10_000_000_000_000_000;
