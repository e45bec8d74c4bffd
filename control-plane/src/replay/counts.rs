//! The counts of caps while calls pass: what is spent and held of each subject in its window, and which calls are under
//! way.

use super::{ReplayError, Sum};
use protocol::{UnixNanos, cap::Amount};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

/// So many counts are kept, and so many calls under way: some hundred bytes each.
pub(super) const KEPT_MAX: usize = 1_000_000;

/// Every count, and every call that is under way.
#[derive(Debug, Default)]
pub(super) struct Counts {
    by_cap: HashMap<usize, HashMap<Box<str>, usize>>,
    counts: Vec<Count>,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    /// By which calls that end at one instant are told apart.
    number: u64,
}

/// The count of one subject of a cap.
#[derive(Clone, Debug)]
pub(super) struct Count {
    index: usize,
    pub(super) cap: usize,
    pub(super) subject: Box<str>,
    /// From when until when it counts.
    pub(super) window: (UnixNanos, UnixNanos),
    spent: Amount,
    held: Amount,
    /// What found no room.
    pub(super) reached: Sum,
    /// When the first did.
    pub(super) first_at: Option<UnixNanos>,
    /// What became of it.
    pub(super) tried: Option<Tried>,
}

/// What becomes of a call for which a cap has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tried {
    /// It is refused.
    Refused,
    /// It passes: the cap only watches.
    Shadow,
    /// It passes on the cap's cheaper model.
    Downgraded,
    /// It asked for that model by itself, and passes.
    Cheapest,
}

/// What a call holds of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    index: usize,
    window_start: UnixNanos,
    amount: Amount,
    settled: Amount,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct UnderWay {
    until: UnixNanos,
    number: u64,
    held: Vec<Held>,
}

impl Counts {
    /// The count of a subject, in the window that `window` says.
    pub(super) fn of(
        &mut self,
        cap: usize,
        subject: Box<str>,
        window: impl FnOnce(&Count) -> (UnixNanos, UnixNanos),
    ) -> Result<&mut Count, ReplayError> {
        let subjects = self.by_cap.entry(cap).or_default();
        let index = match subjects.get(&subject) {
            Some(index) => *index,
            None => {
                let index = self.counts.len();
                if index >= KEPT_MAX {
                    return Err(ReplayError::TooMuch);
                }
                subjects.insert(subject.clone(), index);
                self.counts.push(Count::new(index, cap, subject));
                index
            }
        };
        let count = self.counts.get_mut(index).ok_or(ReplayError::TooMuch)?;
        let window = window(count);
        if count.window != window {
            (count.window, count.spent, count.held) = (window, 0, 0);
        }
        Ok(count)
    }

    /// A call holds what it holds until it ends, and one that has not ended for good. One that ended at once is settled.
    pub(super) fn under_way(
        &mut self,
        ends_at: Option<UnixNanos>,
        at_once: Option<UnixNanos>,
        held: Vec<Held>,
    ) -> Result<(), ReplayError> {
        let Some(until) = at_once.or(ends_at).filter(|_| !held.is_empty()) else { return Ok(()) };
        if self.under_way.len() >= KEPT_MAX {
            return Err(ReplayError::TooMuch);
        }
        self.number = self.number.saturating_add(1);
        self.under_way.push(Reverse(UnderWay { until, number: self.number, held }));
        Ok(())
    }

    /// Settles every call that has ended by then.
    pub(super) fn settle_until(&mut self, now: UnixNanos) {
        while self.under_way.peek().is_some_and(|Reverse(call)| call.until <= now) {
            let Some(Reverse(call)) = self.under_way.pop() else { return };
            for held in &call.held {
                self.release(held, held.settled);
            }
        }
    }

    /// What was held is not.
    pub(super) fn give_back(&mut self, held: &[Held]) {
        held.iter().for_each(|held| self.release(held, 0));
    }

    fn release(&mut self, held: &Held, spent: Amount) {
        // What was held in a window that is over is of no count any more.
        let of_window = |count: &&mut Count| count.window.0 == held.window_start;
        if let Some(count) = self.counts.get_mut(held.index).filter(of_window) {
            count.held = count.held.saturating_sub(held.amount);
            count.spent = count.spent.saturating_add(spent);
        }
    }

    /// The counts for which a call found no room.
    pub(super) fn reached(&self) -> impl Iterator<Item = &Count> {
        self.counts.iter().filter(|count| count.reached.calls > 0)
    }
}

impl Count {
    fn new(index: usize, cap: usize, subject: Box<str>) -> Self {
        Self {
            index,
            cap,
            subject,
            window: (0, 0),
            spent: 0,
            held: 0,
            reached: Sum::default(),
            first_at: None,
            tried: None,
        }
    }

    pub(super) fn is_in_window(&self, at: UnixNanos) -> bool {
        (self.window.0..self.window.1).contains(&at)
    }

    pub(super) fn has_room(&self, amount: Amount, limit: Amount) -> bool {
        self.spent.saturating_add(self.held).saturating_add(amount) <= limit
    }

    pub(super) fn hold(&mut self, amount: Amount, settled: Amount) -> Held {
        self.held = self.held.saturating_add(amount);
        Held { index: self.index, window_start: self.window.0, amount, settled }
    }

    pub(super) fn reached(&mut self, tried: Tried, cost: Option<Amount>, at: UnixNanos) {
        // What asked for the cheapest model is no other than it was.
        if tried == Tried::Cheapest {
            return;
        }
        self.reached.add(cost);
        self.first_at = self.first_at.or(Some(at));
        self.tried = self.tried.or(Some(tried));
    }
}
