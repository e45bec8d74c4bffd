//! What the filter makes of real providers' answers.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds less than it expects has failed"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its tables are for a person")]

mod counts;
mod estimates;
mod recordings;
