//! What stands behind a number of a report: the calls or tasks that it counts, as filters of their lists. A column says
//! which of them it counts, a row of whom; together with the report's time that is an address. What no filter can say
//! has none.

use super::{Cell, Column, Filter, Range};
use protocol::UnixNanos;

/// Filters of a list: parameters and the texts that they ask for. An empty text asks for absence.
pub type ListFilters = Vec<(&'static str, Box<str>)>;

/// The list that shows what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Calls, by when they started.
    Calls,
    /// Tasks, by when their newest call started.
    Tasks,
}

/// What a column counts: those of a list that its filters leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    list: List,
    filters: &'static [(&'static str, &'static str)],
}

const ENDED: (&str, &str) = ("state", "finished,orphaned");

impl Behind {
    /// Calls that went to a provider and ended.
    pub const CALLS: Self = Self::calls(&[ENDED]);
    /// Those that were refused.
    pub const REFUSED: Self = Self::calls(&[("state", "refused")]);
    /// Those that ended in an error, a timeout or broken JSON.
    pub const ERRORS: Self = Self::calls(&[ENDED, ("outcome", "error,timed_out,invalid_json")]);
    /// Those without a known cost.
    pub const UNPRICED: Self = Self::calls(&[ENDED, ("pricing", "unpriced,ceiling")]);
    /// Those whose usage is estimated, in part or whole.
    pub const ESTIMATED: Self = Self::calls(&[ENDED, ("usage_source", "estimated,mixed")]);
    /// Those that were served elsewhere than where they were first sent.
    pub const FALLBACK: Self = Self::calls(&[ENDED, ("fallback", "true")]);
    /// Those whose cost, but for attempts that were lost before, bought an error or a timeout,
    pub const FAILED: Self = Self::calls(&[ENDED, ("outcome", "error,timed_out")]);
    /// broken JSON,
    pub const INVALID: Self = Self::calls(&[ENDED, ("outcome", "invalid_json")]);
    /// or an answer that nobody waited for.
    pub const ABORTED: Self = Self::calls(&[ENDED, ("outcome", "client_aborted")]);
    /// Those whose provider said what they cost,
    pub const SAID: Self = Self::calls(&[ENDED, ("provider_cost", "true")]);
    /// of them those that the price table prices, too,
    pub const COMPUTED: Self = Self::calls(&[ENDED, ("provider_cost", "true"), ("computed_cost", "true")]);
    /// and those that it does not.
    pub const UNCOMPUTED: Self = Self::calls(&[ENDED, ("provider_cost", "true"), ("computed_cost", "false")]);
    /// Those that have not ended.
    pub const OPEN: Self = Self::calls(&[("state", "open")]);
    /// Whatever calls the row says.
    pub const OF_ROW: Self = Self::calls(&[]);
    /// All tasks.
    pub const TASKS: Self = Self::tasks(&[]);
    /// Those that were worth it,
    pub const SUCCEEDED: Self = Self::tasks(&[("outcome", "succeeded")]);
    /// those that were not,
    pub const FAILED_TASKS: Self = Self::tasks(&[("outcome", "failed")]);
    /// and those whose end nobody waited for.
    pub const ABANDONED: Self = Self::tasks(&[("outcome", "abandoned")]);

    const fn calls(filters: &'static [(&'static str, &'static str)]) -> Self {
        Self { list: List::Calls, filters }
    }

    const fn tasks(filters: &'static [(&'static str, &'static str)]) -> Self {
        Self { list: List::Tasks, filters }
    }

    /// As the filters of a row that is about these calls alone.
    pub fn filters(self) -> ListFilters {
        self.filters.iter().map(|(name, text)| (*name, Box::from(*text))).collect()
    }
}

/// The list behind one number of a row of a report on these calls, and the filters to ask it with.
pub fn behind(
    range: Range,
    about: &Filter,
    columns: &[Column],
    row: &[Cell],
    column: &Column,
) -> Option<(List, Vec<(&'static str, String)>)> {
    let Behind { list, filters } = column.behind?;
    let mut subjects = columns.iter().zip(row).filter_map(|(_, cell)| match cell {
        Cell::Subject { filters, .. } => Some(filters),
        _ => None,
    });
    // A row without one is of whom no filter can say.
    let first = subjects.next()?;
    let of_row: Vec<_> =
        first.iter().chain(subjects.flatten()).map(|(name, text)| (*name, text.to_string())).collect();
    let of_column = filters.iter().map(|(name, text)| (*name, (*text).to_owned()));
    // A row may be about a time of its own.
    let time = [("from", instant(range.from)), ("to", instant(range.to))]
        .into_iter()
        .filter(|(name, _)| !of_row.iter().any(|(known, _)| known == name));
    let mut asked: Vec<(&'static str, String)> =
        time.chain(of_row.iter().cloned()).chain(of_column).collect();
    for (name, text) in about.pairs() {
        // What the row says of it is the same or narrower.
        if !asked.iter().any(|(known, _)| *known == name) {
            asked.push((name, text.to_owned()));
        }
    }
    Some((list, asked))
}

/// A day where it is the first instant of one.
pub(super) fn instant(at: UnixNanos) -> String {
    let text = crate::instant::Instant(at).to_string();
    text.strip_suffix("T00:00:00.000000000Z").map(ToOwned::to_owned).unwrap_or(text)
}
