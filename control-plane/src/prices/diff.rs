//! A catalogue against what is in force: what it adds, changes and no longer has, and what has to wait. Applying it
//! closes rows and opens others at one instant; no row is ever edited.

use super::{HoldReason, Import, PriceKey, PriceRow, Status, guard};
use protocol::{UnixNanos, price::PriceId};
use std::collections::BTreeMap;

/// What an import would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Rows of keys that nothing is in force for.
    pub added: Vec<PriceRow>,
    /// Rows that replace one in force.
    pub changed: Vec<Change>,
    /// Rows in force that the catalogue no longer has.
    pub removed: Vec<PriceRow>,
    /// How many rows say what is in force already.
    pub unchanged: u64,
    /// Rows that wait for approval. What is in force stays so until then.
    pub held: Vec<HeldRow>,
    /// Earlier proposals that this catalogue no longer makes.
    pub withdrawn: Vec<PriceId>,
}

/// A row and the one it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// In force.
    pub before: PriceRow,
    /// From now on.
    pub after: PriceRow,
}

/// A row that waits, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRow {
    /// Proposed. Its id is not 0 when an earlier import proposed the same.
    pub row: PriceRow,
    /// Why it waits.
    pub reason: HoldReason,
    /// What is in force instead.
    pub before: Option<PriceRow>,
}

impl Diff {
    /// Whether applying it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.opened().next().is_none() && self.closed().next().is_none() && self.withdrawn.is_empty()
    }

    /// The rows to write, the proposed ones among them.
    pub fn opened(&self) -> impl Iterator<Item = &PriceRow> {
        let changed = self.changed.iter().map(|change| &change.after);
        let held = self.held.iter().map(|held| &held.row).filter(|row| row.id == 0);
        self.added.iter().chain(changed).chain(held)
    }

    /// The rows whose time ends with the instant of the import.
    pub fn closed(&self) -> impl Iterator<Item = PriceId> {
        let changed = self.changed.iter().map(|change| change.before.id);
        changed.chain(self.removed.iter().map(|row| row.id))
    }
}

/// Compares a catalogue with the table's rows, of which those of the same catalogue count: a row that came from
/// somewhere else is neither replaced nor removed.
pub fn compare<'a>(rows: impl IntoIterator<Item = &'a PriceRow>, import: Import, at: UnixNanos) -> Diff {
    let mut in_force: BTreeMap<PriceKey, PriceRow> = BTreeMap::new();
    let mut proposed: BTreeMap<PriceKey, PriceRow> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.source.name == import.source) {
        if row.is_in_force(at) {
            in_force.insert(row.key.clone(), row.clone());
        } else if row.status == Status::Proposed {
            proposed.insert(row.key.clone(), row.clone());
        }
    }
    let mut diff = Diff::default();
    let contradicted: Vec<PriceRow> = import.contradicted;
    for mut row in import.rows {
        let before = in_force.remove(&row.key);
        let against = contradicted.iter().any(|other| other.key == row.key);
        let reason =
            if against { Some(HoldReason::Contradicted) } else { guard::hold(&row, before.as_ref()) };
        if before.as_ref().is_some_and(|before| before.says_the_same(&row)) {
            diff.unchanged = diff.unchanged.saturating_add(1);
        } else if let Some(reason) = reason {
            row.status = Status::Proposed;
            match proposed.remove(&row.key) {
                Some(earlier) if earlier.says_the_same(&row) => row = earlier,
                Some(earlier) => diff.withdrawn.push(earlier.id),
                None => {}
            }
            diff.held.push(HeldRow { row, reason, before });
        } else if let Some(before) = before {
            diff.changed.push(Change { before, after: row });
        } else {
            diff.added.push(row);
        }
    }
    diff.removed = in_force.into_values().collect();
    diff.withdrawn.extend(proposed.into_values().map(|row| row.id));
    diff
}

/// What approving a proposal does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The rows in force whose time ends.
    pub closed: Vec<PriceId>,
    /// The proposal, in use from now on.
    pub opened: PriceRow,
}

/// Puts a proposal in force from `at` on, whenever it was made: what was rated until then stays as it is. `None`
/// when the row is no proposal.
pub fn approve<'a>(
    proposal: &PriceRow,
    rows: impl IntoIterator<Item = &'a PriceRow>,
    at: UnixNanos,
) -> Option<Approval> {
    if proposal.status != Status::Proposed {
        return None;
    }
    let replaced = rows.into_iter().filter(|row| row.key == proposal.key && row.is_in_force(at));
    let opened = PriceRow { status: Status::Active, effective_from: at, ..proposal.clone() };
    Some(Approval { closed: replaced.map(|row| row.id).collect(), opened })
}
