//! What really happened, kept outside of the system, and what must hold of it after every step. docs/CAPS.md says the
//! same in words.

mod counters;

use crate::{
    control_plane::{ControlPlane, Shares},
    plan::{CLOCK_ERROR, Count, SECOND},
    planted::Planted,
};
pub(crate) use counters::{Expected, Hold};
use protocol::{
    UnixNanos,
    allowance::{GRANT_MARGIN_NS, GRANT_TTL_MS, Horizon, LISTEN_NS},
    cap::Amount,
};
use std::collections::{BTreeMap, BTreeSet};

/// What was broken.
pub(crate) type Broken = String;

/// Gives up with a text unless it holds.
macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(format!($($text)+));
        }
    };
}
pub(crate) use ensure;

pub(crate) const TTL: u64 = GRANT_TTL_MS * 1_000_000;
/// How much two clocks may move against each other between two looks at both.
pub(crate) const CLOCKS_APART: u64 = 4 * CLOCK_ERROR;
/// What is left of the margin for a report: use that could not be reported for so long may be handed out again.
pub(crate) const REPORT_TIME: u64 = GRANT_MARGIN_NS - CLOCKS_APART;

/// What one process did in one window of one count. Calls that died with their process count as what they held.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Spent, and held by open calls, within an allowance.
    pub(crate) granted: Amount,
    /// The same of calls that were held before the first grant,
    pub(crate) initial: Amount,
    /// of those that were let through without an allowance,
    pub(crate) forced: Amount,
    /// and of those that the node counted in another window than the ledger does.
    pub(crate) misplaced: Amount,
    /// What calls cost above what they held.
    pub(crate) debt: Amount,
    /// What the ledger charged of calls that held nothing, since the node's policy was older or newer.
    pub(crate) uncounted: Amount,
    /// What was in counters that made room for others before it could be reported.
    pub(crate) lost_count: Amount,
    /// What was handed out again although it had been used: see `REPORT_TIME`.
    pub(crate) cut_off: Amount,
    shortfall: Amount,
}

impl Tally {
    /// All that was spent and is held.
    pub(crate) fn used(&self) -> Amount {
        self.granted + self.initial + self.forced + self.misplaced + self.debt
    }

    /// What others may have been given although it was used.
    fn given_again(&self) -> Amount {
        self.uncounted + self.lost_count + self.cut_off
    }
}

/// One window of one count.
#[derive(Debug)]
pub(crate) struct WindowTruth {
    pub(crate) boots: BTreeMap<u32, Tally>,
    used_before: Amount,
}

impl Default for WindowTruth {
    fn default() -> Self {
        Self { boots: BTreeMap::new(), used_before: Amount::MIN }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) windows: BTreeMap<(usize, UnixNanos), WindowTruth>,
    pub(crate) expected: BTreeMap<(u32, usize), Expected>,
    pub(crate) holds: BTreeMap<u64, Vec<Hold>>,
    pub(crate) crashed: BTreeSet<u32>,
    /// When the control plane last came back.
    pub(crate) up_since: UnixNanos,
    /// When a process was last answered.
    pub(crate) answered: BTreeMap<(u32, usize), UnixNanos>,
    /// Limits with the time from which they were in force, by cap.
    pub(crate) limits: BTreeMap<Box<str>, Vec<(UnixNanos, Amount)>>,
    touched: BTreeSet<(usize, UnixNanos)>,
}

impl Truth {
    pub(crate) fn tally(&mut self, count: usize, window: UnixNanos, boot: u32) -> &mut Tally {
        self.touched.insert((count, window));
        self.windows.entry((count, window)).or_default().boots.entry(boot).or_default()
    }

    /// The highest limit that can still be in use somewhere.
    fn limit(&self, count: &Count, now: UnixNanos) -> Amount {
        let limits = &self.limits[&count.cap];
        let old = now.saturating_sub(TTL + GRANT_MARGIN_NS);
        let in_use = limits
            .iter()
            .enumerate()
            .filter(|(index, _)| limits.get(index + 1).is_none_or(|(until, _)| *until > old));
        in_use.map(|(_, (_, limit))| *limit).max().unwrap()
    }

    /// What must hold after each step.
    pub(crate) fn check(
        &mut self,
        now: UnixNanos,
        control_plane: &ControlPlane,
        listening_since: UnixNanos,
        counts: &[Count],
        planted: Option<Planted>,
    ) -> Result<(), Broken> {
        for (index, count) in counts.iter().enumerate() {
            let at = now.saturating_add_signed(control_plane.offset);
            let (window, _) = count.window_of(at);
            if control_plane.up {
                let parts = control_plane.parts(index, window);
                let horizon = control_plane.horizon(&parts, at, planted);
                self.check_return((index, count), &parts, now, &horizon)?;
                self.check_cover((index, window), &parts, now, &horizon, listening_since)?;
            }
        }
        for (index, window) in std::mem::take(&mut self.touched) {
            self.check_used(&counts[index], (index, window), now)?;
        }
        Ok(())
    }

    /// What a process did not use comes back when its last allowance is over.
    fn check_return(
        &self,
        (index, count): (usize, &Count),
        parts: &Shares,
        now: UnixNanos,
        horizon: &Horizon,
    ) -> Result<(), Broken> {
        if now < self.up_since + LISTEN_NS + CLOCKS_APART {
            return Ok(());
        }
        for (boot, share) in parts {
            let answered_at = self.answered.get(&(*boot, index)).copied().unwrap_or(0);
            let known = (share.spent + share.held).max(share.ledger);
            ensure!(
                now < answered_at + TTL + GRANT_MARGIN_NS + CLOCKS_APART || share.committed(horizon) <= known,
                "what process {boot} was handed of {}/{} does not come back: {share:?}",
                count.cap,
                count.subject
            );
        }
        Ok(())
    }

    /// What a process used is covered by what the control plane counts for it, but for what is stated.
    fn check_cover(
        &mut self,
        (count, window): (usize, UnixNanos),
        parts: &Shares,
        now: UnixNanos,
        horizon: &Horizon,
        listening_since: UnixNanos,
    ) -> Result<(), Broken> {
        let Some(truth) = self.windows.get_mut(&(count, window)) else { return Ok(()) };
        for (boot, tally) in &mut truth.boots {
            let share = parts.get(boot).copied().unwrap_or_default();
            let own = (tally.granted - tally.lost_count).max(0);
            let ever = share.allowance.max(share.spent + share.held).max(share.ledger);
            let crashed = self.crashed.contains(boot);
            ensure!(
                crashed || own <= ever + tally.cut_off,
                "process {boot} used {own} of count {count} and was given {ever}: {tally:?} {share:?}"
            );
            let shortfall = (own - share.committed(horizon)).max(0);
            let more = shortfall - tally.shortfall;
            tally.shortfall = shortfall;
            if more > 0 {
                let expected = self.expected.get(&(*boot, count));
                let unreported = expected.and_then(|expected| expected.unreported.first());
                let since = unreported.map_or(now, |(_, at)| *at).max(listening_since);
                ensure!(
                    crashed || now.saturating_sub(since) >= REPORT_TIME,
                    "{more} of what process {boot} used of count {count} are not counted any more, and it had not been cut off: {tally:?} {share:?} listening for {} ms",
                    now.saturating_sub(listening_since) / 1_000_000
                );
                tally.cut_off += more;
            }
        }
        Ok(())
    }

    /// What is really spent and held never passes the limit, but for what is stated; and where a limit was lowered
    /// below it, it does not grow once the grants of that time are over.
    fn check_used(&mut self, count: &Count, key: (usize, UnixNanos), now: UnixNanos) -> Result<(), Broken> {
        let limit = self.limit(count, now);
        let Some(truth) = self.windows.get_mut(&key) else { return Ok(()) };
        let within: Amount = truth.boots.values().map(|tally| tally.granted).sum();
        let again: Amount = truth.boots.values().map(Tally::given_again).sum();
        ensure!(
            within <= (limit + again).max(truth.used_before),
            "{within} of {}/{} are used within allowances, the limit is {limit} and {again} were given again: {:?}",
            count.cap,
            count.subject,
            truth.boots
        );
        truth.used_before = within;
        Ok(())
    }
}

/// A grant was asked for at `asked_at`; this is when nobody can take it to be alive any more, whatever the clocks do.
pub(crate) fn surely_over(asked_at: UnixNanos) -> UnixNanos {
    asked_at + TTL + CLOCKS_APART / 2 + SECOND / 1_000
}

/// A decision gives more than a process had only where the sum of what is committed stays within the limit.
pub(crate) fn check_grant(
    limit: Amount,
    boot: u32,
    before: &Shares,
    after: &Shares,
    horizon: &Horizon,
) -> Result<(), Broken> {
    let own = after.get(&boot).copied().unwrap_or_default();
    let had = before.get(&boot).map_or(0, |share| share.committed(horizon));
    let used = (own.spent + own.held).max(own.ledger);
    let sum: Amount = after.values().map(|share| share.committed(horizon)).sum();
    ensure!(
        own.committed(horizon) <= had.max(used) || sum <= limit,
        "process {boot} was given more, and then {sum} of {limit} are handed out: {before:?} {after:?}"
    );
    Ok(())
}
