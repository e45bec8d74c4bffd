//! Pages about prices: what is in force, what was, and what waits for somebody to approve it.

mod decide;
mod history;
mod list;
mod proposals;
mod waiting_file;
mod words;

pub(super) use decide::{Decision, decide};
pub(super) use history::PriceHistory;
pub(super) use list::{PriceFilter, PriceList};
pub(super) use proposals::{Notice, Proposals, waiting};
pub(super) use words::{address, ago, meter_words, rate_words, reason_words, terms};

use crate::prices::{PriceTable, Status};

/// How many rows wait.
pub(super) fn waiting_count(table: &PriceTable) -> usize {
    table.rows().filter(|row| row.status == Status::Proposed).count()
}
