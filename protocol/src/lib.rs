//! What the filter and the control plane must agree on, word for word: ids, meters, money, prices and the one
//! rating function, usage events, allowances, the snapshot and the codec.
//!
//! Nothing here does I/O, reads a clock or draws a random number. Filter and control plane are upgraded apart,
//! so everything that crosses between them is written with field names and reads with unknown fields ignored.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod allowance;
pub mod attempt;
pub mod attribution;
pub mod cap;
pub mod codec;
pub mod event;
pub mod hold;
pub mod ids;
pub mod loop_guard;
pub mod meters;
pub mod money;
pub mod outcome;
pub mod price;
pub mod rating;
pub mod ratio;
pub mod route;
pub mod snapshot;

/// Nanoseconds since the Unix epoch, UTC. Good until the year 2554.
pub type UnixNanos = u64;
