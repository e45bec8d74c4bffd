//! The control plane: a store that survives its crashes, and the protocol's own `allowance::grant` over what is in it.
//! A message is taken whole or not at all, as in the one transaction of `control-plane/src/allowances.rs`.

use crate::{ledger::Ledger, plan::Count, planted::Planted};
use protocol::{
    UnixNanos,
    allowance::{self, CounterReport, Grant, Horizon, Moment, Share},
    cap::{Amount, CapSpec},
};
use std::collections::BTreeMap;

/// The shares of one count and window, by boot.
pub(crate) type Shares = BTreeMap<u32, Share>;

#[derive(Debug)]
pub(crate) struct ControlPlane {
    pub(crate) up: bool,
    pub(crate) offset: i64,
    /// On its own clock.
    listening_since: UnixNanos,
    /// In the store: policy, shares, ledger.
    pub(crate) caps: Vec<CapSpec>,
    pub(crate) removed: Vec<Box<str>>,
    shares: BTreeMap<(usize, UnixNanos), Shares>,
    pub(crate) ledger: Ledger,
}

impl ControlPlane {
    pub(crate) fn new(caps: Vec<CapSpec>) -> Self {
        Self {
            up: true,
            offset: 0,
            listening_since: 0,
            caps,
            removed: Vec::new(),
            shares: BTreeMap::new(),
            ledger: Ledger::default(),
        }
    }

    pub(crate) fn limit(&self, count: &Count) -> Amount {
        self.caps.iter().find(|cap| cap.id == count.cap).unwrap().limit
    }

    pub(crate) fn has(&self, count: &Count) -> bool {
        !self.removed.contains(&count.cap)
    }

    /// `allowances::parts`: the shares of a window with what the ledger shows for each.
    pub(crate) fn parts(&self, count: usize, window: UnixNanos) -> Shares {
        let mut parts = self.shares.get(&(count, window)).cloned().unwrap_or_default();
        for (boot, (settled, held)) in self.ledger.usage(count, window).into_iter().flatten() {
            parts.entry(*boot).or_default().ledger = settled + held;
        }
        parts
    }

    /// `allowances::answer`, for one counter of a cap in force.
    pub(crate) fn answer(
        &mut self,
        (index, count): (usize, &Count),
        boot: u32,
        report: &CounterReport,
        now: UnixNanos,
        planted: Option<Planted>,
    ) -> Grant {
        let window = count.window_of(now);
        let mut parts = self.parts(index, window.0);
        let mut own = parts.remove(&boot).unwrap_or_default();
        let mut others: Vec<Share> = parts.into_values().collect();
        if let Some(planted) = planted {
            planted.before_grant(&mut own, &mut others, now);
        }
        let untold = planted == Some(Planted::ForgottenIsForgotten);
        let report = CounterReport { since: if untold { 0 } else { report.since }, ..report.clone() };
        let moment = self.moment(now, planted);
        let grant = allowance::grant(self.limit(count), window, &mut own, &others, &report, moment);
        if let Some(planted) = planted {
            planted.after_grant(&mut own, &grant, now);
        }
        self.shares.entry((index, window.0)).or_default().insert(boot, own);
        grant
    }

    fn moment(&self, now: UnixNanos, planted: Option<Planted>) -> Moment {
        let at_once = planted == Some(Planted::DecidesAtOnceAfterRestart);
        Moment { now, listening_since: if at_once { 0 } else { self.listening_since } }
    }

    /// What is over now, for the shares of a window.
    pub(crate) fn horizon(&self, shares: &Shares, now: UnixNanos, planted: Option<Planted>) -> Horizon {
        Horizon::of(self.moment(now, planted), shares.values())
    }

    /// Starts again, with what is in the store.
    pub(crate) fn restart(&mut self, now: UnixNanos, planted: Option<Planted>) {
        self.up = true;
        self.listening_since = now;
        if planted == Some(Planted::SharesLostAtRestart) {
            self.shares.clear();
        }
    }
}
