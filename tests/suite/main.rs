//! The suite: one file per behaviour, each through real Envoy, the real control plane and a simulated provider.
//! A test is named after what must hold. No sleeps: every wait is for a condition.
#![expect(clippy::indexing_slicing, reason = "a test that finds less than it expects has failed")]

mod bare_envoy;
mod simulator;
mod stream_usage;
mod traps;
