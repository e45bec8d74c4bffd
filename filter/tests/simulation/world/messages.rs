//! Messages between Envoys and the control plane, on a network that loses, repeats, reorders and delays them.

use super::{Event, From, World};
use crate::{
    envoy::{Ask, Note, PATIENCE, TICK},
    plan::{MS, SECOND},
    planted::Planted,
    truth::{Broken, check_grant},
};
use filter::admission::Recourse;
use protocol::{
    UnixNanos,
    allowance::{AllowanceReply, CounterReport},
    cap::Amount,
};

impl World {
    /// Lets a worker tick again.
    pub(super) fn wake(&mut self, node: usize, worker: usize) {
        let boot = self.nodes[node].boot;
        if !std::mem::replace(&mut self.nodes[node].workers[worker].ticking, true) {
            self.later(MS, TICK, Event::Tick { node, boot, worker });
        }
    }

    /// `Root::on_tick`.
    pub(super) fn tick(&mut self, node: usize, boot: u32, worker: usize) -> Result<(), Broken> {
        let now = self.local(node);
        let envoy = &mut self.nodes[node];
        if !envoy.workers[worker].awaits(|ask| matches!(ask, Ask::Report)) {
            let reports = envoy.due_reports(worker, &self.plan.counts, now);
            if !reports.is_empty() {
                self.ask(node, worker, Ask::Report, Some(reports));
            }
        }
        let worker_of = &self.nodes[node].workers[worker];
        let told = worker_of.outbox.len();
        if told > 0 && !worker_of.awaits(|ask| matches!(ask, Ask::Events(_))) {
            self.ask(node, worker, Ask::Events(told), None);
        }
        let worker_of = &mut self.nodes[node].workers[worker];
        worker_of.ticking = !worker_of.is_at_rest();
        if worker_of.ticking {
            self.at(self.now + TICK, Event::Tick { node, boot, worker });
        }
        Ok(())
    }

    /// Sends reports, or what is in the outbox.
    pub(super) fn ask(&mut self, node: usize, worker: usize, ask: Ask, reports: Option<Vec<CounterReport>>) {
        self.next += 1;
        let (token, asked_at) = (self.next, self.local(node));
        let boot = self.nodes[node].boot;
        let from = From { node, boot, worker, token, asked_at, truly_asked_at: self.now };
        let message = match reports {
            Some(reports) => Event::Asked(from, reports),
            None => Event::Told(from, self.nodes[node].workers[worker].outbox.clone()),
        };
        self.nodes[node].workers[worker].asks.insert(token, ask);
        self.at(self.now + PATIENCE, Event::GivesUp(from));
        self.send(node, &message);
        self.wake(node, worker);
    }

    fn send(&mut self, node: usize, message: &Event) {
        let copies = if !self.quiet && self.chance.in_thousand(self.plan.repeated) { 2 } else { 1 };
        for _ in 0..copies {
            let lost = !self.quiet && self.chance.in_thousand(self.plan.lost);
            if lost || self.nodes[node].cut {
                continue;
            }
            let late = !self.quiet && self.plan.late > 0 && self.chance.in_thousand(self.plan.late);
            let most = if late { 40 * SECOND } else { self.plan.delay_max };
            self.later(MS, most, message.clone());
        }
    }

    /// Whether the control plane takes a message of a node now.
    fn reaches(&self, from: From) -> bool {
        self.control_plane.up && !(self.nodes[from.node].cut && self.nodes[from.node].boot == from.boot)
    }

    pub(super) fn control_plane_now(&self) -> UnixNanos {
        self.now.saturating_add_signed(self.control_plane.offset)
    }

    pub(super) fn asked(&mut self, from: From, reports: &[CounterReport]) -> Result<(), Broken> {
        if !self.reaches(from) {
            return Ok(());
        }
        let now = self.control_plane_now();
        let mut reply = AllowanceReply::default();
        for report in reports {
            let is_it =
                |count: &crate::plan::Count| count.cap == report.cap && count.subject == report.subject;
            let index = self.plan.counts.iter().position(is_it).unwrap();
            let count = &self.plan.counts[index];
            if !self.control_plane.has(count) {
                reply.unknown_caps.push(report.cap.clone());
                continue;
            }
            if [0, count.window_of(now).0].contains(&report.window_start) {
                self.truth.reported(from.boot, index, report.revision);
            }
            let control_plane = &mut self.control_plane;
            let (window, _) = count.window_of(now);
            let before = control_plane.parts(index, window);
            let horizon = control_plane.horizon(&before, now, self.planted);
            reply.grants.push(control_plane.answer((index, count), from.boot, report, now, self.planted));
            self.truth.answered.insert((from.boot, index), self.now);
            let after = control_plane.parts(index, window);
            check_grant(control_plane.limit(count), from.boot, &before, &after, &horizon)?;
        }
        self.note(|_| format!("  {reply:?}"));
        self.send(from.node, &Event::Answered(from, reply));
        Ok(())
    }

    fn is_alive(&self, from: From) -> bool {
        let envoy = &self.nodes[from.node];
        let same = envoy.boot == from.boot || self.planted == Some(Planted::AnswerToAnotherBoot);
        envoy.up && !envoy.cut && same
    }

    pub(super) fn answered(&mut self, from: From, reply: &AllowanceReply) -> Result<(), Broken> {
        let From { node, worker, .. } = from;
        if !self.is_alive(from) {
            return Ok(());
        }
        let now = self.local(node);
        let late = self.planted == Some(Planted::GrantLivesFromArrival);
        let asked_at = if late { now } else { from.asked_at };
        for grant in &reply.grants {
            let is_it = |count: &crate::plan::Count| count.cap == grant.cap && count.subject == grant.subject;
            let index = self.plan.counts.iter().position(is_it).unwrap();
            let count = &self.plan.counts[index];
            let envoy = &mut self.nodes[node];
            let planted = self.planted;
            envoy.apply(worker, (index, count), now, |counter| match planted {
                Some(planted) => planted.apply(counter, grant, asked_at),
                None => counter.apply(grant, asked_at),
            });
            self.truth.granted(envoy.boot, index, from.truly_asked_at);
        }
        self.look(node, now)?;
        let worker_of = &mut self.nodes[node].workers[worker];
        let Some(ask) = worker_of.asks.remove(&from.token) else { return Ok(()) };
        worker_of.answered(true, now);
        match ask {
            Ask::Call(mut waiting) => {
                waiting.needs.forget(&reply.unknown_caps);
                self.decide((node, worker), waiting, Recourse::Asked)
            }
            Ask::Report | Ask::Events(_) => Ok(()),
        }
    }

    pub(super) fn gives_up(&mut self, from: From) -> Result<(), Broken> {
        let From { node, worker, .. } = from;
        let now = self.local(node);
        let worker_of = &mut self.nodes[node].workers[worker];
        match worker_of.asks.remove(&from.token) {
            Some(Ask::Call(waiting)) => {
                worker_of.answered(false, now);
                self.decide((node, worker), waiting, Recourse::Unreachable)
            }
            Some(Ask::Report) => {
                worker_of.answered(false, now);
                Ok(())
            }
            // They are sent again with the next tick.
            Some(Ask::Events(_)) | None => Ok(()),
        }
    }

    pub(super) fn told(&mut self, from: From, notes: &[Note]) -> Result<(), Broken> {
        if !self.reaches(from) {
            return Ok(());
        }
        let again = self.planted == Some(Planted::RepeatedEventBooked);
        for note in notes {
            let (Note::Started(id) | Note::Finished(id)) = *note;
            let head = &self.heads[&id];
            let control_plane = &mut self.control_plane;
            let removed = &control_plane.removed;
            let in_force = |count: &crate::plan::Count| !removed.contains(&count.cap);
            let new = control_plane.ledger.book(*note, head, &self.plan.counts, in_force, again);
            let Some(charges) = new.filter(|_| !again) else { continue };
            let most = |held: Amount, settled: Amount| held.max(settled);
            for charge in
                charges.iter().filter(|charge| !head.held.iter().any(|(count, _)| *count == charge.count))
            {
                let tally = self.truth.tally(charge.count, charge.window, head.boot);
                tally.uncounted += most(charge.held, charge.settled(head.cost));
            }
            for (count, held) in &head.held {
                if !charges.iter().any(|charge| charge.count == *count) {
                    let (window, _) = self.plan.counts[*count].window_of(head.started_at);
                    self.truth.tally(*count, window, head.boot).misplaced += most(*held, head.cost);
                }
            }
        }
        self.send(from.node, &Event::Acknowledged(from));
        Ok(())
    }

    pub(super) fn acknowledged(&mut self, from: From) -> Result<(), Broken> {
        if !self.is_alive(from) {
            return Ok(());
        }
        let worker = &mut self.nodes[from.node].workers[from.worker];
        if let Some(Ask::Events(told)) = worker.asks.remove(&from.token) {
            worker.outbox.drain(..told);
        }
        Ok(())
    }

    /// Nothing can come of it any more.
    pub(super) fn is_stale(&self, event: &Event) -> bool {
        let is_gone = |node: usize, boot: u32| !self.nodes[node].up || self.nodes[node].boot != boot;
        match event {
            Event::GivesUp(from) => {
                is_gone(from.node, from.boot)
                    || !self.nodes[from.node].workers[from.worker].asks.contains_key(&from.token)
            }
            Event::Tick { node, boot, .. }
            | Event::Ends { node, boot, .. }
            | Event::Snapshot { node, boot } => is_gone(*node, *boot),
            _ => false,
        }
    }
}
