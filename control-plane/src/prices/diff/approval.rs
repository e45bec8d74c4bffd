//! Putting a proposal in force.

use super::timeline::{free_from, overlap};
use crate::prices::{PriceRow, Status, is_own};
use protocol::{UnixNanos, price::PriceId};

/// What approving a proposal does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The rows whose time ends, and when.
    pub closed: Vec<(PriceId, UnixNanos)>,
    /// The proposal, in use.
    pub opened: PriceRow,
}

/// Puts a proposal in force from `at` on, whenever it was made: what was rated until then stays as it is. One with a
/// beginning of its own, later or in a past of which no row says anything, begins there. `None` when the row is no
/// proposal.
pub fn approve<'a>(
    proposal: &PriceRow,
    rows: impl IntoIterator<Item = &'a PriceRow>,
    at: UnixNanos,
) -> Option<Approval> {
    if proposal.status != Status::Proposed {
        return None;
    }
    // An own file's row lies over a catalogue's and closes none of them, nor the other way round.
    let own = is_own(&proposal.source.name);
    let of_key: Vec<&PriceRow> = rows
        .into_iter()
        .filter(|row| row.key == proposal.key && row.status == Status::Active && row.id != proposal.id)
        .collect();
    // Until it was imported is no beginning of its own; it waited since.
    let wanted =
        if proposal.effective_from == proposal.source.imported_at { at } else { proposal.effective_from };
    let held = of_key.iter().filter(|row| row.effective_from < at && overlap(row, proposal)).copied();
    let from = free_from(held, wanted, at);
    let opened = PriceRow { status: Status::Active, effective_from: from, ..proposal.clone() };
    let replaced = of_key.iter().filter(|row| is_own(&row.source.name) == own && overlap(row, &opened));
    let closed = replaced.map(|row| (row.id, row.effective_from.max(from))).collect();
    Some(Approval { closed, opened })
}
