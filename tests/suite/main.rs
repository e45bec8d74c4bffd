//! The suite: one file per behaviour, each through real Envoy, the real control plane and a simulated provider.
//! A test is named after what must hold. No sleeps: every wait is for a condition.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that finds less than it expects has failed"
)]

mod access;
mod alerts;
mod attempts;
mod away;
mod bad_input;
mod bare_envoy;
mod browser;
mod caps;
mod console;
mod delivery;
mod dialects;
mod downgrade;
mod endings;
mod envoy_files;
mod hammer;
mod identity;
mod loops;
mod metering;
mod metrics;
mod module;
mod official_clients;
mod orphans;
mod outcomes;
mod overrun;
mod policy_files;
mod policy_page;
mod price_cases;
mod prices;
mod privacy;
mod reconciliation;
mod refusal;
mod reload;
mod routes;
mod scripted_day;
mod simulator;
mod storm;
mod stream_usage;
mod tidy;
mod traps;
mod up;
mod weekly_report;
