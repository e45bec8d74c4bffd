//! The end of a run: trouble stops, messages flow, calls end, grants expire. Then what the control plane knows must be
//! what happened, and all that was not spent must be there to be used.

use super::World;
use crate::truth::{Broken, ensure};
use protocol::{allowance::CounterReport, cap::Amount, snapshot::Allow};

impl World {
    pub(super) fn become_quiet(&mut self) {
        self.note(|_| "from here on it is quiet".to_owned());
        self.quiet = true;
        for node in 0..self.nodes.len() {
            self.nodes[node].cut = false;
            self.nodes[node].offset = 0;
        }
        self.control_plane.offset = 0;
        if !self.control_plane.removed.is_empty() {
            self.control_plane.removed.clear();
            self.tell_policy();
        }
    }

    pub(super) fn check_rest(&mut self) -> Result<(), Broken> {
        self.check_causes()?;
        for index in 0..self.plan.counts.len() {
            self.check_counters(index)?;
            self.check_ledger(index)?;
            self.check_all_is_there(index)?;
        }
        Ok(())
    }

    /// What is stated to come on top of a limit came only where the plan has the cause for it.
    fn check_causes(&self) -> Result<(), Broken> {
        let plan = &self.plan;
        let waits = plan.when_unreachable == Allow::Refuse && !plan.late_body;
        // What is reported while the policy is without the cap is told to nobody either.
        let cut = plan.policy_changes
            || plan.lost > 0
            || plan.cuts
            || plan.node_crashes
            || plan.control_plane_crashes;
        let plain_initial = plan.fast && plan.dear == 0 && !plan.crowded;
        for ((count, window), truth) in &self.truth.windows {
            let cap = plan.caps.iter().find(|cap| cap.id == plan.counts[*count].cap).unwrap();
            for (boot, tally) in &truth.boots {
                let whose = format!("of process {boot} in count {count}, window {window}");
                ensure!(plan.dear > 0 || tally.debt == 0, "debt {whose}: {tally:?}");
                ensure!(plan.fast || tally.initial == 0, "held before the first grant {whose}: {tally:?}");
                ensure!(
                    !plain_initial || tally.initial <= cap.initial,
                    "too much at first {whose}: {tally:?}"
                );
                ensure!(!waits || tally.forced == 0, "let through {whose}: {tally:?}");
                ensure!(plan.policy_changes || tally.uncounted == 0, "uncounted {whose}: {tally:?}");
                ensure!(plan.crowded || tally.lost_count == 0, "lost {whose}: {tally:?}");
                ensure!(cut || tally.cut_off == 0, "handed out again {whose}: {tally:?}");
            }
        }
        Ok(())
    }

    /// Nothing is held where nothing is open, and all of it is known.
    fn check_counters(&self, index: usize) -> Result<(), Broken> {
        let count = &self.plan.counts[index];
        for node in self.nodes.iter().filter(|node| node.up) {
            let counter = node.counter(count, self.now);
            let boot = node.boot;
            ensure!(
                counter.held == 0,
                "process {boot} still holds {} of count {index}, and no call is open",
                counter.held
            );
            let share = self.control_plane.parts(index, counter.window_start).get(&boot).copied();
            let known = share.unwrap_or_default();
            // What a count used between making room and its first answer is known as held.
            let spent = known.spent + if self.plan.crowded { known.held } else { 0 };
            // What is reported while the policy is without the cap is told to nobody.
            ensure!(
                self.plan.policy_changes
                    || counter.window_start == 0
                    || counter.window_start != count.window_of(self.now).0
                    || spent.max(known.ledger) >= counter.spent,
                "process {boot} spent {} of count {index}, and the control plane knows {known:?}",
                counter.spent
            );
        }
        Ok(())
    }

    /// The ledger shows what processes that never died spent, to the last token.
    fn check_ledger(&self, index: usize) -> Result<(), Broken> {
        let windows = self.truth.windows.iter().filter(|((count, _), _)| *count == index);
        for ((_, window), truth) in windows {
            let usage = self.control_plane.ledger.usage(index, *window);
            for (boot, tally) in &truth.boots {
                let (settled, held) = usage.and_then(|usage| usage.get(boot)).copied().unwrap_or_default();
                ensure!(held == 0, "the ledger still holds {held} for process {boot}");
                let exact = !self.truth.crashed.contains(boot) && !self.plan.policy_changes;
                ensure!(
                    !exact || settled == tally.used(),
                    "the ledger shows {settled} for process {boot} in count {index}, and it spent {}",
                    tally.used()
                );
            }
        }
        Ok(())
    }

    /// What is counted is what was spent, and the rest can be handed out to the last unit.
    fn check_all_is_there(&mut self, index: usize) -> Result<(), Broken> {
        let count = &self.plan.counts[index];
        let (window, _) = count.window_of(self.now);
        let parts = self.control_plane.parts(index, window);
        let spent: Amount = parts.values().map(|share| share.spent.max(share.ledger)).sum();
        let limit = self.control_plane.limit(count);
        let ask = |want: Amount| CounterReport {
            cap: count.cap.clone(),
            subject: count.subject.clone(),
            window_start: 0,
            spent: 0,
            held: 0,
            want,
            revision: 1,
            since: 0,
        };
        let rest = limit - spent;
        if rest <= 0 {
            return Ok(());
        }
        let too_much = self.control_plane.answer((index, count), 1_000_001, &ask(rest + 1), self.now, None);
        ensure!(
            too_much.denied_need.is_some(),
            "{spent} of {limit} are spent of count {index}, and {} more were given: {parts:?}",
            rest + 1
        );
        let all = self.control_plane.answer((index, count), 1_000_002, &ask(rest), self.now, None);
        ensure!(
            all.denied_need.is_none() && all.allowance == rest,
            "{spent} of {limit} are spent of count {index}, and the rest is not there: {all:?} {parts:?}"
        );
        Ok(())
    }
}
