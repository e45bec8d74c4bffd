//! Reconciliation: what a provider says that we used and owe, beside what the ledger says, and a name for every part of the
//! difference. Reading exports (`formats`), reading the ledger (`ours`) and comparing (`compare`) know nothing of each other;
//! `compare` is pure, and its parts add up to the difference exactly.

mod answer;
mod compare;
mod formats;
mod names;
mod ours;
mod propose;
mod report;
mod theirs;
mod wanted;

pub use answer::{Answer, Failure, Request, TextFile, answer};
pub use compare::{Cause, Compared, Group, Rates, Seen, compare};
pub use formats::{Provider, UnknownProvider, read};
pub use names::Names;
pub use ours::{Asked, CALLS_MAX, Ours, OursCell, ours};
pub use propose::{Correction, corrections, yaml};
pub use report::report;
pub use theirs::{Day, Fault, Place, Theirs, TheirsCell};
pub use wanted::Wanted;

#[cfg(test)]
mod tests;
