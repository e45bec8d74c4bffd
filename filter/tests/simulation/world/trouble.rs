//! What goes wrong, or just changes: crashes, cuts, clocks, policy, and counters that make room for others.

use super::{Event, World};
use crate::{
    envoy::Envoy,
    plan::{BEGIN, MS, SECOND},
    truth::Broken,
};
use filter::counters;
use protocol::{
    allowance::{CLOCKS_NS, LISTEN_NS},
    cap::Amount,
};
use std::sync::OnceLock;

/// After the last call, orphans are looked for so long.
const QUIET: u64 = 600 * SECOND;

impl World {
    pub(super) fn sweep(&mut self) -> Result<(), Broken> {
        if self.control_plane.up {
            let before = self.control_plane_now() - self.plan.orphan_after.min(self.now - BEGIN);
            self.control_plane.ledger.close(&self.heads, before);
            self.done.orphans = self.control_plane.ledger.orphans;
        }
        if self.now < self.plan.until + QUIET {
            self.later(30 * SECOND, 60 * SECOND, Event::Sweep);
        }
        Ok(())
    }

    pub(super) fn clocks_move(&mut self) -> Result<(), Broken> {
        if !self.quiet {
            for node in &mut self.nodes {
                node.offset = self.chance.around(self.plan.clock_error);
            }
            self.control_plane.offset = self.chance.around(self.plan.clock_error);
            self.later(100 * MS, 20 * SECOND, Event::ClocksMove);
        }
        Ok(())
    }

    pub(super) fn node_fails(&mut self, node: usize) -> Result<(), Broken> {
        if !self.quiet && self.nodes[node].up {
            self.nodes[node].up = false;
            self.nodes[node].open.clear();
            self.truth.crashed.insert(self.nodes[node].boot);
            self.later(SECOND, 60 * SECOND, Event::NodeStarts(node));
        }
        Ok(())
    }

    pub(super) fn node_starts(&mut self, node: usize) -> Result<(), Broken> {
        if self.nodes[node].up {
            return Ok(());
        }
        self.boots += 1;
        let Envoy { cut, offset, .. } = self.nodes[node];
        self.nodes[node] = Envoy::new(self.boots, self.plan.workers, offset, self.snapshot());
        self.nodes[node].cut = cut;
        self.later(SECOND, 300 * SECOND, Event::NodeFails(node));
        Ok(())
    }

    pub(super) fn control_plane_fails(&mut self) -> Result<(), Broken> {
        if !self.quiet {
            self.control_plane.up = false;
            self.has_listened = self.now >= self.listening_since + LISTEN_NS + CLOCKS_NS;
            let longest = self.chance.one_of(&[3, 90, 200]);
            self.later(100 * MS, longest * SECOND, Event::ControlPlaneStarts);
        }
        Ok(())
    }

    pub(super) fn control_plane_starts(&mut self) -> Result<(), Broken> {
        if !self.control_plane.up {
            self.truth.up_since = self.now;
            // One that fails again before it has listened has lost what it knew of its absence: that is stated.
            if self.has_listened {
                self.listening_since = self.now;
            }
            let now = self.control_plane_now();
            self.control_plane.restart(now, self.planted);
            self.later(SECOND, 200 * SECOND, Event::ControlPlaneFails);
        }
        Ok(())
    }

    pub(super) fn cut(&mut self, node: usize) -> Result<(), Broken> {
        if !self.quiet {
            self.nodes[node].cut = true;
            let longest = self.chance.one_of(&[5, 60, 200]);
            self.later(100 * MS, longest * SECOND, Event::Joined(node));
        }
        Ok(())
    }

    pub(super) fn joined(&mut self, node: usize) -> Result<(), Broken> {
        self.nodes[node].cut = false;
        self.later(SECOND, 200 * SECOND, Event::Cut(node));
        Ok(())
    }

    /// A limit is lowered or raised, or a cap is taken out of the policy or put back.
    pub(super) fn policy_changes(&mut self) -> Result<(), Broken> {
        if self.quiet {
            return Ok(());
        }
        if !self.control_plane.up {
            self.later(SECOND, 60 * SECOND, Event::PolicyChanges);
            return Ok(());
        }
        let which = usize::from(self.control_plane.caps.len() > 1 && self.chance.in_thousand(500));
        let cap = &mut self.control_plane.caps[which];
        let removed = &mut self.control_plane.removed;
        if removed.contains(&cap.id) {
            removed.retain(|id| *id != cap.id);
        } else if self.chance.in_thousand(200) {
            removed.push(cap.id.clone());
        } else {
            let limit = u64::try_from(self.plan.caps[which].limit).unwrap();
            cap.limit = Amount::try_from(self.chance.between(1, 2 * limit)).unwrap();
            self.truth.limits.get_mut(&cap.id).unwrap().push((self.now, cap.limit));
        }
        self.tell_policy();
        self.later(SECOND, 60 * SECOND, Event::PolicyChanges);
        Ok(())
    }

    pub(super) fn tell_policy(&mut self) {
        for node in 0..self.nodes.len() {
            let boot = self.nodes[node].boot;
            self.later(50 * MS, 3 * SECOND, Event::Snapshot { node, boot });
        }
    }

    pub(super) fn takes_snapshot(&mut self, node: usize, boot: u32) -> Result<(), Broken> {
        if self.nodes[node].cut || !self.control_plane.up {
            self.later(SECOND, 2 * SECOND, Event::Snapshot { node, boot });
        } else {
            self.nodes[node].snapshot = self.snapshot();
        }
        Ok(())
    }

    /// So many other counters come into the slot of ours that an idle one has to make room.
    pub(super) fn crowd(&mut self, node: usize) -> Result<(), Broken> {
        if self.quiet {
            return Ok(());
        }
        self.later(SECOND, 60 * SECOND, Event::Crowd(node));
        if !self.nodes[node].up {
            return Ok(());
        }
        let now = self.local(node);
        for (index, count) in self.plan.counts.iter().enumerate() {
            let envoy = &self.nodes[node];
            for other in &neighbours()[index] {
                let used = counters::update(&envoy.shared, &count.cap, other, now, |counter| {
                    counter.revision += 1;
                });
                used.map_err(|fault| format!("{fault:?}"))?;
            }
            let counter = envoy.counter(count, now);
            self.truth.forgotten(envoy.boot, index, &counter)?;
        }
        self.look(node, now)
    }
}

/// For each count, subjects whose counters lie in the same slot.
fn neighbours() -> &'static [Vec<String>] {
    static FOUND: OnceLock<Vec<Vec<String>>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let slot = |cap: &str, subject: &str| counters::hash(cap, subject) % 4_096;
        let counts = [("all", ""), ("each", "customer=acme"), ("each", "customer=globex")];
        let beside = |(cap, subject): &(&str, &str)| {
            let others = (0..).map(|number| format!("task={number}"));
            others.filter(|other| slot(cap, other) == slot(cap, subject)).take(16).collect()
        };
        counts.iter().map(beside).collect()
    })
}
