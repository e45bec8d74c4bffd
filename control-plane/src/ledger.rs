//! The ledger: every call exactly once, what it used, what it cost and by which price rows. Append-only in meaning: a
//! call is booked, ended once, and what is booked otherwise later leaves a correction.
//!
//! An event goes through two stages. `receive` and `prepare` do all that needs no store (decode, check, rate, find
//! the caps) on the request's own thread; `book` does the rest in the writer's transaction: it claims the id, writes
//! the row and moves the aggregates. HTTP and JSON shapes of answers are `api`'s; sums over time are `reports`'.

mod aggregates;
mod book;
pub mod calls;
mod charge;
mod hash;
mod lines;
mod names;
pub mod orphans;
mod prepare;
mod rating;
pub mod rebuild;
pub mod receive;
mod reported;
pub mod requests;
pub mod rerate;
pub mod revenue;
pub mod spans;
mod standing;
mod sums;
pub mod tasks;
pub mod text;
mod unpriced;
pub mod view;
mod waste;

pub use book::{Booked, book};
pub use charge::Charge;
pub use names::{State, unpriced as unpriced_word};
pub use prepare::{Booking, Ended, Entry, prepare};
pub use rating::{Pricing, Verdict, orphan_usage};

#[cfg(test)]
mod tests;
