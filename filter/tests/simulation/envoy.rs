//! One Envoy: workers that share the counters of their process, on a clock of its own. What decides is the filter's
//! own code (`admission`, `counters`) and the protocol's; the rest does what `filter/src/envoy` does with them.

use crate::plan::{Count, MS, SECOND};
use filter::{
    admission::{Held, Needs},
    counters::{self, SharedData, Unavailable},
};
use protocol::{
    UnixNanos,
    allowance::{Counter, CounterReport},
    cap::Amount,
    snapshot::Snapshot,
};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// How long an answer is waited for.
pub(crate) const PATIENCE: u64 = 2 * SECOND;
/// Reports and events go up with every tick; Envoy's are more frequent, which loses less.
pub(crate) const TICK: u64 = 500 * MS;
const AWAY: u64 = SECOND;
const IDLE: u64 = 15 * SECOND;
const RENEW: u64 = 10 * SECOND;

/// Shared data: versions, and no deletion.
#[derive(Debug, Default)]
pub(crate) struct Shared(RefCell<BTreeMap<String, (Vec<u8>, u32)>>);

impl SharedData for Shared {
    fn read(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Unavailable> {
        Ok(self.0.borrow().get(key).cloned())
    }

    fn swap(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<bool, Unavailable> {
        let mut values = self.0.borrow_mut();
        let current = values.get(key).map(|(_, version)| *version);
        let same = current == version;
        if same {
            values.insert(key.to_owned(), (value.to_vec(), current.unwrap_or(0) + 1));
        }
        Ok(same)
    }
}

/// What is told of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Started(u64),
    Finished(u64),
}

/// A call that is not decided on yet.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) id: u64,
    pub(crate) needs: Needs,
    pub(crate) times: u32,
}

/// A call that was admitted.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) worker: usize,
    pub(crate) held: Vec<Held>,
    pub(crate) cost: Amount,
}

/// Something an answer is awaited for.
#[derive(Debug)]
pub(crate) enum Ask {
    Report,
    Call(Waiting),
    Events(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Worker {
    in_use: BTreeMap<usize, InUse>,
    pub(crate) outbox: Vec<Note>,
    pub(crate) asks: BTreeMap<u64, Ask>,
    pub(crate) ticking: bool,
    away_until: UnixNanos,
}

#[derive(Debug)]
struct InUse {
    wanted: Amount,
    used_at: UnixNanos,
    reported_revision: u64,
}

#[derive(Debug)]
pub(crate) struct Envoy {
    pub(crate) up: bool,
    /// No message passes to or from it.
    pub(crate) cut: bool,
    /// Its process; all that follows is new with each.
    pub(crate) boot: u32,
    pub(crate) offset: i64,
    pub(crate) snapshot: Rc<Snapshot>,
    pub(crate) shared: Shared,
    pub(crate) workers: Vec<Worker>,
    pub(crate) open: BTreeMap<u64, Open>,
}

impl Envoy {
    pub(crate) fn new(boot: u32, workers: usize, offset: i64, snapshot: Rc<Snapshot>) -> Self {
        Self {
            up: true,
            cut: false,
            boot,
            offset,
            snapshot,
            shared: Shared::default(),
            workers: (0..workers).map(|_| Worker::default()).collect(),
            open: BTreeMap::new(),
        }
    }

    /// The counter as it stands; one that is not there is as new.
    pub(crate) fn counter(&self, count: &Count, now: UnixNanos) -> Counter {
        self.change(count, now, |counter| *counter)
    }

    pub(crate) fn change<R>(
        &self,
        count: &Count,
        now: UnixNanos,
        change: impl FnMut(&mut Counter) -> R,
    ) -> R {
        counters::update(&self.shared, &count.cap, &count.subject, now, change).unwrap()
    }

    /// `Node::due_reports`.
    pub(crate) fn due_reports(
        &mut self,
        worker: usize,
        counts: &[Count],
        now: UnixNanos,
    ) -> Vec<CounterReport> {
        let mut reports = Vec::new();
        let mut in_use = std::mem::take(&mut self.workers[worker].in_use);
        in_use.retain(|count, used| {
            let count = &counts[*count];
            let counter = self.counter(count, now);
            let idle = now.saturating_sub(used.used_at) > IDLE;
            if idle && counter.held == 0 && counter.revision == used.reported_revision {
                return false;
            }
            let low = counter.room(now, 0) < used.wanted && now >= counter.denied_until;
            let ending = counter.expires_at < now + RENEW;
            if counter.revision != used.reported_revision || (!idle && (low || ending)) {
                let want = if idle { 0 } else { used.wanted };
                used.reported_revision = counter.revision;
                reports.push(counter.report(&count.cap, &count.subject, want));
            }
            true
        });
        self.workers[worker].in_use = in_use;
        reports
    }

    /// `Node::apply_grants`, for one.
    pub(crate) fn apply(
        &mut self,
        worker: usize,
        (index, count): (usize, &Count),
        now: UnixNanos,
        mut apply: impl FnMut(&mut Counter),
    ) {
        let (before, after) = self.change(count, now, |counter| {
            let before = counter.revision;
            apply(counter);
            (before, counter.revision)
        });
        if let Some(used) = self.workers[worker].in_use.get_mut(&index)
            && used.reported_revision == before
        {
            used.reported_revision = after;
        }
    }
}

impl Worker {
    /// `Node::uses`.
    pub(crate) fn uses(&mut self, count: usize, wanted: Amount, now: UnixNanos) {
        let new = InUse { wanted, used_at: now, reported_revision: 0 };
        let used = self.in_use.entry(count).or_insert(new);
        (used.wanted, used.used_at) = (wanted, now);
    }

    /// `Node::may_ask`.
    pub(crate) fn may_ask(&mut self, now: UnixNanos) -> bool {
        let tries = self.away_until == 0 || now >= self.away_until;
        if tries && self.away_until != 0 {
            self.away_until = now + PATIENCE + AWAY;
        }
        tries
    }

    /// `Node::answered`.
    pub(crate) fn answered(&mut self, did: bool, now: UnixNanos) {
        self.away_until = if did { 0 } else { now + AWAY };
        if !did {
            self.in_use.values_mut().for_each(|used| used.reported_revision = 0);
        }
    }

    pub(crate) fn awaits(&self, is_it: fn(&Ask) -> bool) -> bool {
        self.asks.values().any(is_it)
    }

    /// Nothing will happen here until a call comes.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.in_use.is_empty() && self.outbox.is_empty() && self.asks.is_empty()
    }
}
