//! Bursar's control plane: takes usage events, rates and books them, hands out allowances, answers questions.
//!
//! | room | holds |
//! |---|---|
//! | `config`, `cli`, `clock` | arguments and environment; the commands; the time |
//! | `policy`, `prices` | what people decided: plans, customers, caps, rules; what providers charge |
//! | `rules` | policy and prices in force, in the form that booking needs |
//! | `ledger` | calls, tasks, outcomes, aggregates: what happened and what it cost |
//! | `allowances` | how much of each cap each Envoy may use |
//! | `snapshot` | what filters are told |
//! | `reports`, `console` | what people read: tables and pages |
//! | `api`, `metrics` | HTTP |
//! | `store` | SQLite |
//!
//! A request goes api → room → store and back; rooms do not know HTTP, and the store does not know what is right.
pub mod allowances;
pub mod clock;
pub mod console;
pub mod ledger;
pub mod policy;
pub mod prices;
pub mod reports;
pub mod rules;
pub mod snapshot;
pub mod store;
