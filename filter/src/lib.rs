//! Bursar's filter for Envoy: finds who a call is for, counts its tokens as the bodies stream, holds and settles
//! its cost against caps, and emits usage events.
//!
//! The core makes no host calls: bytes, headers, snapshots and `now` go in, decisions come out. Only `envoy/` names
//! the proxy-wasm ABI and is compiled for wasm32 alone, so all the rest is tested natively, byte by byte.
//! Nothing here may panic: a trap cuts every stream of its Envoy worker.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod admission;
pub mod attempts;
pub mod attribution;
pub mod backoff;
pub mod base64;
pub mod config;
pub mod counters;
pub mod dialect;
pub mod encoding;
pub mod ending;
pub mod event_stream;
pub mod exchange;
pub mod farewell;
pub mod fingerprint;
pub mod frame;
pub mod head;
pub mod json_array;
pub mod json_check;
pub mod json_scan;
pub mod loop_guard;
pub mod ndjson;
pub mod outbox;
pub mod outcome;
pub mod overrun;
pub mod refusal;
pub mod request;
pub mod response;
pub mod signature;
pub mod skim;
pub mod sse;
pub mod text;
pub mod want;

#[cfg(target_arch = "wasm32")]
mod envoy;
