//! A catalogue against the table: what it adds, changes and no longer has, and what has to wait. Applying it closes rows
//! and opens others; no row is ever edited but for its end, and nothing that a row said of the past is unsaid.

mod approval;
mod timeline;
mod unread;

pub use approval::{Approval, approve};

use super::{HoldReason, Import, Matching, PriceKey, PriceRow, Status, guard, is_own};
use crate::policy::Apply;
use protocol::{UnixNanos, meters::Meter, money::PicoUsdPerUnit, price::PriceId};
use std::collections::{BTreeMap, BTreeSet};
use unread::Unread;

/// How a catalogue is taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taking {
    /// Now.
    pub at: UnixNanos,
    /// Where rows begin that say nothing of it and whose key nothing is in force for. Absent: now; or since ever, where
    /// nobody has priced what they price before, because no older price is known and calls of it were not free.
    pub since: Option<UnixNanos>,
    /// What is put in force without anybody's approval.
    pub apply: Apply,
    /// Rows that begin in the past do so although other rows of their key held then.
    pub backdate: bool,
}

/// What an import would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Rows of keys that nothing is in force for.
    pub added: Vec<PriceRow>,
    /// Rows that replace one in force.
    pub changed: Vec<Change>,
    /// Rows in force that the catalogue no longer has.
    pub removed: Vec<PriceRow>,
    /// Such rows, where nothing changes without approval.
    pub leaving: Vec<PriceRow>,
    /// How many rows say what is in force already.
    pub unchanged: u64,
    /// Rows that wait for approval. What is in force stays so until then.
    pub held: Vec<HeldRow>,
    /// Earlier proposals that this catalogue no longer makes.
    pub withdrawn: Vec<PriceId>,
    /// The rows whose time ends, and when.
    pub ends: BTreeMap<PriceId, UnixNanos>,
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
        self.opened().next().is_none()
            && self.ends.is_empty()
            && self.leaving.is_empty()
            && self.withdrawn.is_empty()
    }

    /// The rows to write, the proposed ones among them.
    pub fn opened(&self) -> impl Iterator<Item = &PriceRow> {
        self.opened_with_reasons().map(|(row, _)| row)
    }

    /// The rows to write, and why the proposed ones wait.
    pub fn opened_with_reasons(&self) -> impl Iterator<Item = (&PriceRow, Option<HoldReason>)> {
        let changed = self.changed.iter().map(|change| (&change.after, None));
        let held =
            self.held.iter().filter(|held| held.row.id == 0).map(|held| (&held.row, Some(held.reason)));
        self.added.iter().map(|row| (row, None)).chain(changed).chain(held)
    }
}

/// The rows of one key in the table.
#[derive(Default)]
struct Known<'a> {
    /// Of the same catalogue, in use at some time.
    mine: Vec<&'a PriceRow>,
    /// Of the same catalogue, waiting.
    proposed: Vec<&'a PriceRow>,
    /// Of others, in force now or later.
    others: Vec<&'a PriceRow>,
    /// Of anybody, in use at some time until now.
    past: Vec<&'a PriceRow>,
}

/// Compares a catalogue with the table's rows, as one that is taken from now on and held by the guards alone.
pub fn compare<'a>(rows: impl IntoIterator<Item = &'a PriceRow>, import: Import, at: UnixNanos) -> Diff {
    compare_as(rows, import, &Taking { at, since: Some(at), apply: Apply::Guarded, backdate: false })
}

/// Compares a catalogue with the table's rows. A row that came from somewhere else is neither replaced nor removed; where
/// another catalogue has a key already, it keeps it. People's own files are laid over catalogues when prices are looked
/// up, so the two do not meet here.
pub fn compare_as<'a>(rows: impl IntoIterator<Item = &'a PriceRow>, import: Import, taking: &Taking) -> Diff {
    let own = is_own(&import.source);
    let (mut priced, mut in_use, mut plain) = (BTreeSet::new(), 0_usize, BTreeMap::new());
    let mut table: BTreeMap<&PriceKey, Known<'_>> = BTreeMap::new();
    for row in rows {
        let is_mine = row.source.name == import.source;
        let known = table.entry(&row.key).or_default();
        match row.status {
            Status::Active => {
                priced.insert(priced_by(&row.key));
                if row.is_in_force(taking.at) && is_plain(&row.key) {
                    plain.insert(plain_by(&row.key), row.rate);
                }
                if row.effective_from < taking.at {
                    known.past.push(row);
                }
                if is_mine {
                    in_use = in_use.saturating_add(usize::from(lasts(row, taking.at)));
                    known.mine.push(row);
                } else if is_own(&row.source.name) == own && lasts(row, taking.at) {
                    known.others.push(row);
                }
            }
            Status::Proposed if is_mine => known.proposed.push(row),
            Status::Proposed | Status::Retired => {}
        }
    }
    let unread = Unread::new(import.unreadable, &import.contradicted);
    let contradicted: BTreeSet<PriceKey> = import.contradicted.into_iter().map(|row| row.key).collect();
    // A catalogue that is wrong throughout agrees with itself: what is in force says more, where something is.
    for row in import.rows.iter().filter(|row| is_plain(&row.key)) {
        plain.entry(plain_by(&row.key)).or_insert(row.rate);
    }
    let mut comparison = Comparison { taking, at: import.at, priced, plain, unread, diff: Diff::default() };
    let mut wanted = import.rows.into_iter().peekable();
    while let Some(first) = wanted.next() {
        let key = first.key.clone();
        let mut of_key = vec![first];
        while let Some(row) = wanted.next_if(|row| row.key == key) {
            of_key.push(row);
        }
        let known = table.remove(&key).unwrap_or_default();
        comparison.key(of_key, &known, contradicted.contains(&key));
    }
    let mut gone: Vec<Known<'_>> = table.into_values().collect();
    gone.iter_mut().for_each(|known| comparison.keep_unread(known));
    let waits = taking.apply == Apply::Nothing || is_truncated(&gone, in_use, taking.at);
    for known in gone {
        comparison.gone(&known, waits);
    }
    comparison.diff
}

/// A catalogue that does without so many of its rows at once was more likely cut than cleaned.
const GONE_ROWS_MIN: usize = 50;
/// Even of a small one.
const ALL_ROWS_MIN: usize = 3;
/// One in so many.
const GONE_PART: usize = 10;

fn is_truncated(gone: &[Known<'_>], in_use: usize, now: UnixNanos) -> bool {
    let rows = gone.iter().flat_map(|known| &known.mine).filter(|row| lasts(row, now)).count();
    let most = rows >= GONE_ROWS_MIN && rows.saturating_mul(GONE_PART) > in_use;
    most || (rows >= ALL_ROWS_MIN && rows == in_use)
}

/// Whether a row holds now or later.
fn lasts(row: &PriceRow, now: UnixNanos) -> bool {
    row.effective_to.is_none_or(|end| end > now)
}

/// What a rate is asked for by, whatever else decides which of several it is.
type Priced<'a> = (&'a str, &'a str, Matching, Meter, Option<&'a str>, Option<&'a str>);

fn priced_by(key: &PriceKey) -> Priced<'_> {
    (&key.provider, &key.model, key.matching, key.meter, key.tier.as_deref(), key.contract.as_deref())
}

/// A meter of a model, whatever the conditions.
type Plain = (Box<str>, Box<str>, Matching, Meter);

fn plain_by(key: &PriceKey) -> Plain {
    (key.provider.clone(), key.model.clone(), key.matching, key.meter)
}

fn is_plain(key: &PriceKey) -> bool {
    let PriceKey { tier, region, threshold, hours, contract, .. } = key;
    (tier, region, threshold, hours, contract) == (&None, &None, &None, &None, &None)
}

struct Comparison<'a> {
    taking: &'a Taking,
    /// What a row without a beginning of its own has for one.
    at: UnixNanos,
    /// What somebody has priced before.
    priced: BTreeSet<Priced<'a>>,
    /// What meters cost without conditions.
    plain: BTreeMap<Plain, PicoUsdPerUnit>,
    unread: Unread,
    diff: Diff,
}

impl Comparison<'_> {
    /// One key: what the catalogue says of it, against what is known.
    fn key<'a>(&mut self, wanted: Vec<PriceRow>, known: &Known<'a>, contradicted: bool) {
        let Taking { at: now, apply, .. } = *self.taking;
        let lasting = known.mine.iter().filter(|mine| lasts(mine, now));
        let unread = lasting.filter(|mine| self.unread.has_value_of(mine)).count();
        if unread > 0 {
            // What stands in its place, an inherited rate say, only does because it cannot be read.
            return self.unchanged(unread);
        }
        let mut left: Vec<&'a PriceRow> = known.mine.clone();
        let mut new = Vec::new();
        for row in wanted {
            match left.iter().position(|mine| self.is_same(mine, &row)) {
                Some(index) => {
                    left.remove(index);
                    self.unchanged(1);
                }
                None => new.push(row),
            }
        }
        left.retain(|mine| lasts(mine, self.begins()));
        let in_force = |rows: &[&'a PriceRow]| rows.iter().find(|row| row.is_in_force(now)).copied();
        let before = in_force(&left);
        new.retain(|row| !timeline::is_past(row, now) || timeline::has_room(row, known, self));
        if new.is_empty() && apply == Apply::Nothing {
            self.diff.leaving.extend(left.into_iter().cloned());
            return self.withdraw(known);
        }
        let elsewhere = !known.mine.iter().any(|mine| lasts(mine, now)) && !known.others.is_empty();
        let says_the_same = |row: &PriceRow| known.others.iter().any(|other| other.says_the_same(row));
        if elsewhere && !new.is_empty() && new.iter().all(says_the_same) {
            self.unchanged(new.len());
            return self.withdraw(known);
        }
        // Also what held last, or will: a row that was gone for a day is not a new one.
        let latest = |rows: &[&'a PriceRow]| rows.iter().copied().max_by_key(|row| row.effective_from);
        let last = in_force(&known.mine).or_else(|| latest(&known.mine));
        let mut previous = last.or_else(|| latest(&known.others)).or_else(|| latest(&known.past)).cloned();
        let key = new.first().map(|row| row.key.clone());
        let conditional = key.as_ref().filter(|key| !is_plain(key));
        let plain = conditional.and_then(|key| self.plain.get(&plain_by(key))).copied();
        let mut reason = None;
        for row in new.iter().filter(|row| !timeline::is_past(row, now)) {
            let found = if contradicted {
                Some(HoldReason::Contradicted)
            } else {
                let guarded = guard::hold(row, previous.as_ref(), plain);
                guarded.or_else(|| elsewhere.then_some(HoldReason::OtherSource))
            };
            reason = reason.or(found);
            previous = Some(row.clone());
        }
        if reason.is_none() && apply == Apply::Nothing && !new.is_empty() {
            reason = Some(HoldReason::Approval);
        }
        match reason {
            // One of several that follow each other may lean on the others: they wait together.
            Some(reason) => self.hold(new, known, reason, before),
            None => self.open(new, known, left, before),
        }
    }

    fn open(
        &mut self,
        new: Vec<PriceRow>,
        known: &Known<'_>,
        left: Vec<&PriceRow>,
        before: Option<&PriceRow>,
    ) {
        let now = self.taking.at;
        let mut before = before.cloned();
        for row in new {
            let row = timeline::placed(row, known, self);
            let is_past = timeline::is_past(&row, now);
            if self.taking.backdate {
                let overlapped = known.mine.iter().filter(|mine| timeline::overlap(mine, &row));
                let ends = overlapped.map(|mine| (mine.id, mine.effective_from.max(row.effective_from)));
                self.diff.ends.extend(ends);
            }
            match before.take().filter(|_| !is_past) {
                Some(before) => self.diff.changed.push(Change { before, after: row }),
                None => self.diff.added.push(row),
            }
        }
        if let Some(before) = before.filter(|_| !left.is_empty()) {
            self.diff.removed.push(before);
        }
        // What is to hold from a day to come leaves what holds until then.
        let ends_at = self.begins();
        for mine in left {
            self.diff.ends.entry(mine.id).or_insert(mine.effective_from.max(ends_at));
        }
        self.withdraw(known);
    }

    fn hold(&mut self, new: Vec<PriceRow>, known: &Known<'_>, reason: HoldReason, before: Option<&PriceRow>) {
        let mut earlier = known.proposed.clone();
        for row in new {
            let mut row = PriceRow { status: Status::Proposed, ..timeline::placed(row, known, self) };
            let begins = |row: &PriceRow| row.effective_from.max(self.begins());
            let again = |known: &&PriceRow| {
                known.says_the_same(&row)
                    && known.effective_to == row.effective_to
                    && begins(known) == begins(&row)
            };
            if let Some(place) = earlier.iter().position(again) {
                row = earlier.swap_remove(place).clone();
            }
            let instead = known.others.first().filter(|_| reason == HoldReason::OtherSource).copied();
            self.diff.held.push(HeldRow { row, reason, before: before.or(instead).cloned() });
        }
        self.diff.withdrawn.extend(earlier.into_iter().map(|row| row.id));
    }

    /// A key that the catalogue no longer has.
    fn gone(&mut self, known: &Known<'_>, waits: bool) {
        let now = self.taking.at;
        for mine in known.mine.iter().filter(|mine| lasts(mine, now)) {
            if waits {
                self.diff.leaving.push((*mine).clone());
            } else {
                self.diff.removed.push((*mine).clone());
                self.diff.ends.insert(mine.id, mine.effective_from.max(self.begins()));
            }
        }
        self.withdraw(known);
    }

    /// Rows, and proposals, of a key that the catalogue may still have where it cannot be read stay as they are.
    fn keep_unread(&mut self, known: &mut Known<'_>) {
        let (unread, now) = (&self.unread, self.taking.at);
        let lasting = known.mine.iter().filter(|mine| lasts(mine, now));
        let kept = lasting.filter(|mine| unread.covers(mine)).count();
        known.mine.retain(|mine| !unread.covers(mine));
        known.proposed.retain(|row| kept == 0 && !unread.covers(row));
        self.unchanged(kept);
    }

    fn unchanged(&mut self, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.diff.unchanged = self.diff.unchanged.saturating_add(rows);
    }

    /// When what the catalogue says of no other time begins to hold, and what it no longer says ends.
    fn begins(&self) -> UnixNanos {
        self.taking.since.map_or(self.taking.at, |since| since.max(self.taking.at))
    }

    fn withdraw(&mut self, known: &Known<'_>) {
        self.diff.withdrawn.extend(known.proposed.iter().map(|row| row.id));
    }

    /// Whether a row says already what a catalogue says of the time from now on.
    fn is_same(&self, mine: &PriceRow, wanted: &PriceRow) -> bool {
        let now = self.taking.at;
        let begins = |row: &PriceRow| row.effective_from.max(now);
        let is_dated = wanted.effective_from != self.at;
        let in_time = mine.effective_to == wanted.effective_to
            && match (timeline::is_past(wanted, now), is_dated) {
                (true, _) => true,
                (false, true) => begins(mine) == begins(wanted),
                // What holds by then does not have to begin.
                (false, false) => begins(mine) <= self.begins(),
            };
        let reaches_back = !self.taking.backdate || !is_dated || mine.effective_from <= wanted.effective_from;
        mine.says_the_same(wanted) && in_time && reaches_back
    }
}

#[cfg(test)]
mod tests;
