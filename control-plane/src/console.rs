//! The console: pages for people, made on the server, which need no script. What they show comes from the ledger,
//! the aggregates, the price table and the report functions; nothing is computed here but where things stand on a page.
//! What they change goes through `prices/decide.rs` and `policy/draft.rs`; and an alert may be sent again.

mod access;
mod alerts;
mod attempts;
mod calculator;
mod call;
mod calls;
mod chart;
mod customer;
mod download;
mod extract;
mod filter;
mod find;
mod guard;
mod meter;
mod overview;
mod page;
mod policy;
mod prices;
mod read;
mod reconciliation;
mod report;
mod routes;
mod same_site;
mod sign_in;
mod tasks;

pub use call::{CallPage, Correction, Decision, Fact, LineRow};
pub use chart::{Bar, Chart, Measure};
pub use overview::{CallRow, Overview, Span};
pub use page::{Page, STYLESHEET, not_found};
pub(crate) use page::{nowhere, refused};
pub use report::report_page;
pub use routes::routes;
pub(crate) use same_site::is_foreign;

#[cfg(test)]
mod tests;
