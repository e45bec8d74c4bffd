//! Where a row belongs among those of its key. The past is only written where nothing was written: calls have been rated
//! by what stands there.

use super::{Comparison, Known, priced_by};
use crate::prices::PriceRow;
use protocol::UnixNanos;

/// Whether a row's time is over.
pub(super) fn is_past(row: &PriceRow, now: UnixNanos) -> bool {
    row.effective_to.is_some_and(|end| end <= now)
}

/// Whether two rows hold at the same instant.
pub(super) fn overlap(a: &PriceRow, b: &PriceRow) -> bool {
    let ends_by = |a: &PriceRow, b: &PriceRow| a.effective_to.is_some_and(|end| end <= b.effective_from);
    !ends_by(a, b) && !ends_by(b, a)
}

/// Whether anything of a row that lies in the past is left to say.
pub(super) fn has_room(row: &PriceRow, known: &Known<'_>, comparison: &Comparison<'_>) -> bool {
    let placed = placed(row.clone(), known, comparison);
    placed.effective_to.is_none_or(|end| placed.effective_from < end)
}

/// The row with its beginning: its own; where that is past, the end of what held until now.
pub(super) fn placed(row: PriceRow, known: &Known<'_>, comparison: &Comparison<'_>) -> PriceRow {
    let taking = comparison.taking;
    let from = match row.effective_from == comparison.at {
        false => row.effective_from,
        // History without a beginning.
        true if is_past(&row, taking.at) => 0,
        true => match taking.since {
            // Somebody says from when on, and means it.
            Some(since) if since > taking.at || taking.backdate => since,
            _ if known.mine.iter().any(|mine| mine.is_in_force(taking.at)) => taking.at,
            Some(since) => since,
            None if comparison.priced.contains(&priced_by(&row.key)) => taking.at,
            None => 0,
        },
    };
    let row = PriceRow { effective_from: from, ..row };
    if taking.backdate {
        return row;
    }
    let known = known.past.iter().filter(|past| overlap(past, &row));
    PriceRow { effective_from: free_from(known.copied(), from, taking.at), ..row }
}

/// The first instant not before `from` after which none of some rows holds until now.
pub(super) fn free_from<'a>(
    rows: impl Iterator<Item = &'a PriceRow>,
    from: UnixNanos,
    now: UnixNanos,
) -> UnixNanos {
    rows.map(|row| row.effective_to.unwrap_or(now).min(now)).fold(from, UnixNanos::max)
}
