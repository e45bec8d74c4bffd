//! What the filter makes of real providers' answers.

mod counts;
mod estimates;
mod recordings;
