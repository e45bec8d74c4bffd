//! The world: an event queue ordered by simulated time, a network that loses, repeats, reorders and delays, and what
//! happens to whom. All of it is data and one stream of chance, so a seed gives the same run every time.

mod calls;
mod messages;
mod quiet;
mod trouble;

use crate::{
    chance::Chance,
    control_plane::ControlPlane,
    envoy::{Envoy, Note},
    ledger::Head,
    plan::{BEGIN, MS, Plan, SECOND},
    planted::Planted,
    truth::{Broken, Truth, ensure},
};
use protocol::{
    UnixNanos,
    allowance::{AllowanceReply, CounterReport},
    snapshot::{Allow, Snapshot},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    rc::Rc,
    sync::Arc,
};

/// Who sent something, and for which of its questions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct From {
    node: usize,
    boot: u32,
    worker: usize,
    token: u64,
    /// When, on the node's clock and truly.
    asked_at: UnixNanos,
    truly_asked_at: UnixNanos,
}

impl std::fmt::Debug for From {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let asked_at = (self.truly_asked_at - BEGIN) / MS;
        write!(f, "process {} worker {} #{} of {asked_at} ms", self.boot, self.worker, self.token)
    }
}

/// What can happen.
#[derive(Clone, Debug)]
enum Event {
    Arrives(usize),
    Ends { node: usize, boot: u32, call: u64 },
    Tick { node: usize, boot: u32, worker: usize },
    Asked(From, Vec<CounterReport>),
    Answered(From, AllowanceReply),
    Told(From, Vec<Note>),
    Acknowledged(From),
    GivesUp(From),
    Snapshot { node: usize, boot: u32 },
    Sweep,
    ClocksMove,
    NodeFails(usize),
    NodeStarts(usize),
    ControlPlaneFails,
    ControlPlaneStarts,
    Cut(usize),
    Joined(usize),
    PolicyChanges,
    Crowd(usize),
}

/// A run that broke something.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) step: u64,
    pub(crate) what: Broken,
    /// The last events.
    pub(crate) log: VecDeque<String>,
}

/// What a run that broke nothing did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) steps: u64,
    pub(crate) calls: u64,
    pub(crate) refused: u64,
    pub(crate) orphans: u64,
}

/// When trouble stops, all is at rest after so long: orphans are closed, grants are over, dead nodes are known as dead.
const REST: u64 = 900 * SECOND;
const LOG_LINES: usize = 40;

pub(crate) struct World {
    plan: Plan,
    planted: Option<Planted>,
    chance: Chance,
    now: UnixNanos,
    queue: BinaryHeap<Reverse<(UnixNanos, u64)>>,
    events: BTreeMap<u64, Event>,
    next: u64,
    boots: u32,
    nodes: Vec<Envoy>,
    control_plane: ControlPlane,
    /// True time from which the control plane listens.
    listening_since: UnixNanos,
    /// When it failed last, it had listened long enough to know who uses what.
    has_listened: bool,
    heads: BTreeMap<u64, Head>,
    truth: Truth,
    quiet: bool,
    done: Done,
    log: Option<VecDeque<String>>,
}

impl World {
    /// Runs a seed to its end.
    pub(crate) fn run(seed: u64, planted: Option<Planted>) -> Result<Done, Failure> {
        let mut world = Self::new(seed, planted, false);
        let Err(_) = world.live() else { return Ok(world.done) };
        // The same again, this time written down.
        let mut world = Self::new(seed, planted, true);
        let what = world.live().expect_err("a seed gives the same run every time");
        Err(Failure { seed, step: world.done.steps, what, log: world.log.unwrap_or_default() })
    }

    fn new(seed: u64, planted: Option<Planted>, logged: bool) -> Self {
        let mut chance = Chance::new(seed);
        let mut plan = Plan::of(&mut chance);
        if let Some(planted) = planted {
            planted.ensure_trouble(&mut plan);
        }
        let mut world = Self {
            planted,
            chance,
            now: BEGIN,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            next: 0,
            boots: 0,
            nodes: Vec::new(),
            control_plane: ControlPlane::new(plan.caps.clone()),
            listening_since: 0,
            has_listened: true,
            heads: BTreeMap::new(),
            truth: Truth::default(),
            quiet: false,
            done: Done::default(),
            log: logged.then(VecDeque::new),
            plan,
        };
        world.note(|world| format!("{:?}", world.plan));
        world.begin();
        world
    }

    fn begin(&mut self) {
        for cap in &self.plan.caps {
            self.truth.limits.insert(cap.id.clone(), vec![(0, cap.limit)]);
        }
        for node in 0..self.plan.nodes {
            self.boots += 1;
            let envoy = Envoy::new(self.boots, self.plan.workers, 0, self.snapshot());
            self.nodes.push(envoy);
            self.later(0, self.plan.gap_max, Event::Arrives(node));
            if self.plan.node_crashes {
                self.later(SECOND, 300 * SECOND, Event::NodeFails(node));
            }
            if self.plan.cuts {
                self.later(SECOND, 200 * SECOND, Event::Cut(node));
            }
            if self.plan.crowded {
                self.later(SECOND, 60 * SECOND, Event::Crowd(node));
            }
        }
        self.later(30 * SECOND, 60 * SECOND, Event::Sweep);
        if self.plan.clock_error > 0 {
            self.later(0, SECOND, Event::ClocksMove);
        }
        if self.plan.control_plane_crashes {
            self.later(SECOND, 200 * SECOND, Event::ControlPlaneFails);
        }
        if self.plan.policy_changes {
            self.later(SECOND, 60 * SECOND, Event::PolicyChanges);
        }
    }

    fn live(&mut self) -> Result<(), Broken> {
        while let Some(Reverse((at, number))) = self.queue.pop() {
            if at > self.plan.until && !self.quiet {
                self.become_quiet();
            }
            let event = self.events.remove(&number).expect("each is queued once");
            self.now = self.now.max(at);
            ensure!(self.now < self.plan.until + REST, "it does not come to rest");
            if !self.is_stale(&event) {
                self.step(event)?;
            }
        }
        self.check_rest()
    }

    fn step(&mut self, event: Event) -> Result<(), Broken> {
        self.done.steps += 1;
        self.note(|_| format!("{event:?}"));
        self.happen(event)?;
        self.truth.check(self.now, &self.control_plane, self.listening_since, &self.plan.counts, self.planted)
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Arrives(node) => self.arrives(node),
            Event::Ends { node, boot, call } => self.ends(node, boot, call),
            Event::Tick { node, boot, worker } => self.tick(node, boot, worker),
            Event::Asked(from, reports) => self.asked(from, &reports),
            Event::Answered(from, reply) => self.answered(from, &reply),
            Event::Told(from, notes) => self.told(from, &notes),
            Event::Acknowledged(from) => self.acknowledged(from),
            Event::GivesUp(from) => self.gives_up(from),
            Event::Snapshot { node, boot } => self.takes_snapshot(node, boot),
            Event::Sweep => self.sweep(),
            Event::ClocksMove => self.clocks_move(),
            Event::NodeFails(node) => self.node_fails(node),
            Event::NodeStarts(node) => self.node_starts(node),
            Event::ControlPlaneFails => self.control_plane_fails(),
            Event::ControlPlaneStarts => self.control_plane_starts(),
            Event::Cut(node) => self.cut(node),
            Event::Joined(node) => self.joined(node),
            Event::PolicyChanges => self.policy_changes(),
            Event::Crowd(node) => self.crowd(node),
        }
    }

    fn note(&mut self, text: impl FnOnce(&Self) -> String) {
        let Some(mut log) = self.log.take() else { return };
        log.push_back(format!("{:>7} ms  {}", (self.now - BEGIN) / MS, text(self)));
        // The plan stays.
        if log.len() > LOG_LINES {
            log.remove(1);
        }
        self.log = Some(log);
    }

    fn at(&mut self, at: UnixNanos, event: Event) {
        self.next += 1;
        self.events.insert(self.next, event);
        self.queue.push(Reverse((at, self.next)));
    }

    fn later(&mut self, least: u64, most: u64, event: Event) {
        let after = self.chance.between(least, most);
        self.at(self.now + after, event);
    }

    /// The time on a node's clock.
    fn local(&self, node: usize) -> UnixNanos {
        self.now.saturating_add_signed(self.nodes[node].offset)
    }

    /// The policy in force, as nodes get it.
    fn snapshot(&self) -> Rc<Snapshot> {
        let control_plane = &self.control_plane;
        let caps = control_plane.caps.iter().filter(|cap| !control_plane.removed.contains(&cap.id));
        Rc::new(Snapshot {
            when_unreachable: self.plan.when_unreachable,
            unattributed: Allow::Allow,
            caps: caps.map(|cap| Arc::new(cap.clone())).collect(),
            ..Snapshot::default()
        })
    }
}

impl Done {
    /// Adds what another run did.
    pub(crate) fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.calls += other.calls;
        self.refused += other.refused;
        self.orphans += other.orphans;
    }
}
