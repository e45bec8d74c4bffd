//! Bursar's control plane: takes usage events, rates and books them, hands out allowances, answers questions.
//!
//! | room | holds |
//! |---|---|
//! | `cli`, `config`, `serve` | the commands, their arguments, the running service |
//! | `app` | the store, the clock and the rules in force, wired |
//! | `access` | who may do what: keys, roles, sessions |
//! | `clock`, `instant` | the time; how it is written |
//! | `policy`, `prices` | what people decided: plans, customers, caps, rules; what providers charge |
//! | `hold`, `explain`, `replay` | what a call would hold; which rules it meets; a policy over what was recorded |
//! | `policy_diff` | what one policy says otherwise than another; the versions there were |
//! | `watch` | the policy's files, read again when they change |
//! | `catalogue` | taking prices in |
//! | `calculator` | what a plan leaves at some usage, typed in or measured |
//! | `rules` | policy and prices in force, in the form that booking needs |
//! | `ledger` | calls, tasks, outcomes, aggregates: what happened and what it cost |
//! | `ratios` | bytes of text per token, learned from the ledger |
//! | `allowances` | how much of each cap each Envoy may use |
//! | `alerts` | thresholds that are passed, said once and delivered |
//! | `snapshot` | what filters are told |
//! | `reports`, `console` | what people read: tables and pages |
//! | `sheet` | comma-separated values |
//! | `reconcile` | what providers say that we used and owe, beside the ledger |
//! | `focus` | what FinOps tools read: the FOCUS export |
//! | `api`, `metrics` | HTTP |
//! | `store` | SQLite |
//!
//! A request goes api → room → store and back; rooms do not know HTTP, and the store does not know what is right.
pub mod access;
pub mod alerts;
pub mod allowances;
pub mod api;
pub mod app;
pub mod calculator;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod explain;
pub mod focus;
pub mod hold;
pub mod instant;
pub mod ledger;
pub mod metrics;
mod percent;
pub mod policy;
pub mod policy_diff;
pub mod prices;
mod printable;
pub mod ratios;
pub mod reconcile;
pub mod replay;
pub mod reports;
pub mod rules;
pub mod serve;
pub mod sheet;
pub mod snapshot;
pub mod store;
pub mod watch;
