//! What each counter of a node has to hold, worked out call by call: a second count, beside the filter's.

use super::{Broken, Tally, Truth, ensure, surely_over};
use crate::plan::{CLOCK_ERROR, Count};
use protocol::{UnixNanos, allowance::Counter, cap::Amount};

/// What a counter must show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    window_start: UnixNanos,
    /// Counts the times that the counter began anew.
    generation: u64,
    spent: Amount,
    held: Amount,
    /// What it had spent when it made room for others.
    forgotten: Amount,
    /// Until then a grant may be alive, whatever the clocks do.
    granted_until: UnixNanos,
    /// Changes that the control plane has not taken, with the true time.
    pub(crate) unreported: Vec<(u64, UnixNanos)>,
}

/// Why a hold was possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Granted,
    Initial,
    Forced,
    Misplaced,
}

/// What an open call holds of one count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    pub(crate) count: usize,
    /// By the ledger.
    pub(crate) window: UnixNanos,
    pub(crate) amount: Amount,
    generation: u64,
    kind: Kind,
}

impl Tally {
    fn part(&mut self, kind: Kind) -> &mut Amount {
        match kind {
            Kind::Granted => &mut self.granted,
            Kind::Initial => &mut self.initial,
            Kind::Forced => &mut self.forced,
            Kind::Misplaced => &mut self.misplaced,
        }
    }
}

impl Truth {
    /// Looks at a counter that nothing but time has changed.
    pub(crate) fn look(&mut self, boot: u32, count: usize, counter: &Counter) -> Result<(), Broken> {
        let expected = self.expected.entry((boot, count)).or_default();
        if counter.window_start != expected.window_start {
            if expected.window_start != 0 {
                ensure!(
                    counter.window_start > expected.window_start,
                    "a counter of process {boot} went back to an earlier window: {counter:?} {expected:?}"
                );
                *expected = Expected {
                    generation: expected.generation + 1,
                    granted_until: expected.granted_until,
                    // By the control plane's clock, it may not be over.
                    forgotten: expected.forgotten + expected.spent,
                    ..Expected::default()
                };
            }
            expected.window_start = counter.window_start;
            // It is told what it had spent, or that all of it was in a window that is over.
            let carried = counter.spent - expected.spent;
            ensure!(
                carried == 0 || carried <= expected.forgotten,
                "process {boot} had forgotten {} of count {count}, and is told {carried}",
                expected.forgotten
            );
            expected.spent += carried;
        }
        ensure!(
            (counter.spent, counter.held) == (expected.spent, expected.held),
            "process {boot} counts spent {} and held {} of count {count}, and it is {} and {}",
            counter.spent,
            counter.held,
            expected.spent,
            expected.held
        );
        Ok(())
    }

    /// A counter made room for others.
    pub(crate) fn forgotten(&mut self, boot: u32, count: usize, counter: &Counter) -> Result<(), Broken> {
        let expected = self.expected.entry((boot, count)).or_default();
        let is_fresh = (counter.window_start, counter.spent, counter.held) == (0, 0, 0);
        let was_fresh = (expected.window_start, expected.spent, expected.held) == (0, 0, 0);
        if is_fresh && !was_fresh {
            ensure!(expected.held == 0, "a counter of process {boot} with holds made room for others");
            let lost = if expected.unreported.is_empty() { 0 } else { expected.spent };
            let window = expected.window_start;
            *expected = Expected {
                generation: expected.generation + 1,
                forgotten: expected.forgotten + expected.spent,
                ..Expected::default()
            };
            // Before the first grant, all of it is stated anyway.
            if window != 0 {
                self.tally(count, window, boot).lost_count += lost;
            }
        }
        Ok(())
    }

    /// A grant that was asked for at `asked_at`, true time, has reached its node.
    pub(crate) fn granted(&mut self, boot: u32, count: usize, asked_at: UnixNanos) {
        let expected = self.expected.entry((boot, count)).or_default();
        expected.granted_until = expected.granted_until.max(surely_over(asked_at));
    }

    /// The control plane took a report.
    pub(crate) fn reported(&mut self, boot: u32, count: usize, revision: u64) {
        let expected = self.expected.entry((boot, count)).or_default();
        expected.unreported.retain(|(changed, _)| *changed > revision);
    }

    /// A call of `boot` holds `amount`. `before` and `after` are the counter around it; `window` is the ledger's.
    #[expect(clippy::too_many_arguments, reason = "one fact each")]
    pub(crate) fn held(
        &mut self,
        call: u64,
        boot: u32,
        (index, count): (usize, &Count),
        amount: Amount,
        forced: bool,
        (before, after): (&Counter, &Counter),
        (window, initial): (UnixNanos, Amount),
        (now, local): (UnixNanos, UnixNanos),
    ) -> Result<(), Broken> {
        let unheld = Counter { held: after.held - amount, ..*after };
        self.look(boot, index, &unheld)?;
        let expected = self.expected.entry((boot, index)).or_default();
        expected.held += amount;
        expected.unreported.push((after.revision, now));
        let kind = match (forced, before.window_end) {
            (true, _) => Kind::Forced,
            (false, 0) => {
                let used = before.spent + before.held + amount;
                ensure!(used <= initial, "process {boot} holds {used} of {initial} before its first grant");
                Kind::Initial
            }
            (false, _) => {
                ensure!(
                    now <= expected.granted_until,
                    "process {boot} holds {amount} of {}/{} {} ms after its last grant was over",
                    count.cap,
                    count.subject,
                    (now - expected.granted_until) / 1_000_000
                );
                if after.window_start == window { Kind::Granted } else { Kind::Misplaced }
            }
        };
        if kind == Kind::Misplaced {
            // Either the grant is of a window that the control plane's clock has reached first, or the node's own clock
            // went back since the call began.
            let reached = after.window_start <= local + 2 * CLOCK_ERROR;
            ensure!(
                if after.window_start > window { reached } else { local < window },
                "process {boot} counts {amount} of {}/{} in a window that is not the call's: {after:?}",
                count.cap,
                count.subject
            );
        }
        let generation = expected.generation;
        *self.tally(index, window, boot).part(kind) += amount;
        self.holds.entry(call).or_default().push(Hold { count: index, window, amount, generation, kind });
        Ok(())
    }

    /// What `call` held is replaced by what it cost; `after` is the counter then.
    pub(crate) fn settled(
        &mut self,
        boot: u32,
        hold: &Hold,
        cost: Amount,
        after: &Counter,
        now: UnixNanos,
    ) -> Result<(), Broken> {
        let expected = self.expected.entry((boot, hold.count)).or_default();
        // A counter that has turned meanwhile, maybe just now, has given the hold up with its window.
        let turned = expected.window_start != 0 && after.window_start != expected.window_start;
        if hold.generation == expected.generation && !turned {
            expected.held -= hold.amount;
            expected.spent += cost;
            expected.unreported.push((after.revision, now));
        }
        let tally = self.tally(hold.count, hold.window, boot);
        *tally.part(hold.kind) += cost.min(hold.amount) - hold.amount;
        tally.debt += (cost - hold.amount).max(0);
        self.look(boot, hold.count, after)
    }
}
