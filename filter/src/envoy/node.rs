//! What all calls of one worker share: configuration, snapshot, outbox, counters in use, identity of the process.

mod streams;

use super::{
    abi::{self, HostError},
    host::{self, Shared},
    stats::Stats,
};
use crate::{
    backoff,
    config::Config,
    counters::{self, CounterFault, SharedData},
    outbox::{Outbox, Queued},
};
use protocol::{
    UnixNanos,
    allowance::{AllowanceReply, AllowanceRequest, CounterReport},
    cap::Amount,
    codec,
    event::CapDecision,
    ids::CallId,
    snapshot::Snapshot,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

/// After the control plane did not answer, nobody waits for it for half of this or more, up to all of it. Reports are told
/// in time all the same: it listens for those of the last four seconds.
const AWAY_NS: u64 = 1_000_000_000;
const SNAPSHOT_SEEN_KEY: &str = "bursar/snapshot-seen";
const BOOT_KEY: &str = "bursar/boot";
const SNAPSHOT_KEY: &str = "bursar/snapshot";
const SNAPSHOT_VERSION_KEY: &str = "bursar/snapshot-version";
/// A worker looks after so many counters at a time; the rest look after themselves when they are used.
const IN_USE_MAX: usize = 4_096;
/// Random bytes are drawn for so many call ids at once.
const RANDOM_POOL_BYTES: usize = 640;

/// One worker.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) config: Config,
    pub(super) name: String,
    pub(super) boot: String,
    pub(super) stats: Stats,
    pub(super) outbox: RefCell<Outbox>,
    snapshot: RefCell<Option<Rc<Snapshot>>>,
    snapshot_version: Cell<u32>,
    /// Counters that this worker used lately, by their hash: what the last call wanted, and the revision last
    /// reported.
    in_use: RefCell<BTreeMap<u64, InUse>>,
    random: RefCell<Vec<u8>>,
    /// Heads that wait for a first piece of body that Envoy may never give, with the time they began to wait.
    waiting_heads: RefCell<BTreeMap<u32, WaitingHead>>,
    /// Heads that were let go because no body came, and when.
    freed_heads: RefCell<BTreeMap<u32, UnixNanos>>,
    /// Until then, heads are not held: this Envoy was seen not to give bodies while a head is held.
    head_unheld_until: Cell<UnixNanos>,
    /// Streams that were ended for their clients, and when.
    ended_streams: RefCell<BTreeMap<u32, UnixNanos>>,
    began_at: UnixNanos,
    /// Until then, the control plane is taken to be away, and no call waits for it.
    away_until: Cell<UnixNanos>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct WaitingHead {
    since: UnixNanos,
    /// The body may be rewritten when it comes.
    pub(super) may_grow: bool,
}

#[derive(Clone, Debug)]
struct InUse {
    cap: Box<str>,
    subject: Box<str>,
    wanted: Amount,
    used_at: UnixNanos,
    reported_revision: u64,
}

impl Node {
    /// A worker's state under a new configuration.
    pub(super) fn new(config: Config) -> Self {
        let name = match config.node.as_str() {
            "" => host::text_property("node\0id").unwrap_or_default(),
            name => name.to_owned(),
        };
        let stats = Stats::default();
        let boot = boot().unwrap_or_else(|HostError| {
            stats.fault("boot_id");
            "unknown".to_owned()
        });
        Self {
            outbox: RefCell::new(Outbox::new(config.outbox)),
            config,
            name,
            boot,
            stats,
            snapshot: RefCell::default(),
            snapshot_version: Cell::default(),
            in_use: RefCell::default(),
            random: RefCell::default(),
            waiting_heads: RefCell::default(),
            freed_heads: RefCell::default(),
            head_unheld_until: Cell::default(),
            ended_streams: RefCell::default(),
            began_at: host::now(),
            away_until: Cell::default(),
        }
    }

    /// A new call id.
    pub(super) fn call_id(&self, now: UnixNanos) -> CallId {
        CallId::new(now / 1_000_000, self.random_bytes())
    }

    /// Any number.
    pub(super) fn random(&self) -> u16 {
        u16::from_le_bytes(self.random_bytes())
    }

    /// How long nobody asks after a failure; another time with each failure and each worker.
    pub(super) fn pause_ns(&self) -> u64 {
        backoff::spread(AWAY_NS, self.random())
    }

    fn random_bytes<const COUNT: usize>(&self) -> [u8; COUNT] {
        let mut pool = self.random.borrow_mut();
        if pool.len() < COUNT {
            pool.resize(RANDOM_POOL_BYTES, 0);
            if abi::random(&mut pool).is_err() {
                self.stats.fault("random");
            }
        }
        let mut random = [0; COUNT];
        random.iter_mut().for_each(|byte| *byte = pool.pop().unwrap_or(0));
        random
    }

    /// The snapshot in force.
    pub(super) fn snapshot(&self) -> Option<Rc<Snapshot>> {
        self.snapshot.borrow().clone()
    }

    /// Takes over a snapshot that another worker fetched.
    pub(super) fn follow_snapshot(&self) {
        let version = match Shared.read(SNAPSHOT_VERSION_KEY) {
            Ok(Some((_, version))) if version != self.snapshot_version.get() => version,
            _ => return,
        };
        let Ok(Some((bytes, _))) = Shared.read(SNAPSHOT_KEY) else {
            return self.stats.fault("snapshot_read");
        };
        match codec::decode::<Snapshot>(&bytes) {
            Ok(snapshot) => {
                self.snapshot.replace(Some(Rc::new(snapshot)));
                self.snapshot_version.set(version);
            }
            Err(error) => {
                log::error!("snapshot in shared data {error}");
                self.stats.fault("snapshot_decode");
            }
        }
    }

    /// The control plane has just said that the snapshot in force is the newest. Shared, so that whoever polls next
    /// knows.
    pub(super) fn snapshot_seen(&self, now: UnixNanos) {
        let version = Shared.read(SNAPSHOT_SEEN_KEY).ok().flatten().map(|(_, version)| version);
        // Two that poll at once say the same.
        Shared.swap(SNAPSHOT_SEEN_KEY, &now.to_le_bytes(), version).unwrap_or_default();
    }

    /// For how long nobody has said so; since this worker began, where nobody ever did.
    pub(super) fn snapshot_age_ms(&self, now: UnixNanos) -> u64 {
        let seen = Shared.read(SNAPSHOT_SEEN_KEY).ok().flatten();
        let seen = seen.and_then(|(bytes, _)| bytes.as_slice().try_into().ok().map(UnixNanos::from_le_bytes));
        now.saturating_sub(seen.unwrap_or(self.began_at)) / 1_000_000
    }

    /// Hands a fetched snapshot to all workers, if it can be read.
    pub(super) fn publish_snapshot(&self, bytes: &[u8]) {
        if let Err(error) = codec::decode::<Snapshot>(bytes) {
            log::error!("snapshot from the control plane {error}; the last one stays in force");
            return self.stats.fault("snapshot_decode");
        }
        for (key, value) in [(SNAPSHOT_KEY, bytes), (SNAPSHOT_VERSION_KEY, &[1])] {
            let version = Shared.read(key).ok().flatten().map(|(_, version)| version);
            if Shared.swap(key, value, version) != Ok(true) {
                // Another worker was faster; the next poll mends it.
                self.stats.fault("snapshot_publish");
            }
        }
        self.follow_snapshot();
    }

    /// Counts what did not fit into the outbox.
    pub(super) fn queued(&self, queued: Queued) {
        match queued {
            Queued::Kept => {}
            Queued::Dropped => self.stats.events("dropped", 1),
            Queued::Unwritable => self.stats.fault("event_encode"),
        }
    }

    /// Remembers the counters that a call holds, so that their allowances are kept warm.
    pub(super) fn uses(&self, decisions: &[CapDecision], now: UnixNanos) {
        let mut in_use = self.in_use.borrow_mut();
        for CapDecision { cap, subject, held, .. } in decisions {
            let key = counters::hash(cap, subject);
            if in_use.len() >= IN_USE_MAX && !in_use.contains_key(&key) {
                continue;
            }
            let new = || InUse {
                cap: cap.clone(),
                subject: subject.clone(),
                wanted: 0,
                used_at: now,
                reported_revision: 0,
            };
            let used = in_use.entry(key).or_insert_with(new);
            (used.wanted, used.used_at) = (*held, now);
        }
    }

    /// The counters whose allowance ends soon, runs low or was never granted, or whose totals changed.
    pub(super) fn due_reports(&self, now: UnixNanos) -> Vec<CounterReport> {
        /// Batches stay small; what is left comes with the next tick.
        const REPORTS_MAX: usize = 256;
        /// What nobody used for so long is left to expire, so that its allowance goes back.
        const IDLE_NS: u64 = 15_000_000_000;
        /// A grant is renewed when it has less than this left.
        const RENEW_NS: u64 = 10_000_000_000;
        let mut reports = Vec::new();
        let mut in_use = self.in_use.borrow_mut();
        in_use.retain(|_, used| {
            if reports.len() >= REPORTS_MAX {
                return true;
            }
            let Ok(counter) = counters::update(&Shared, &used.cap, &used.subject, now, |counter| *counter)
            else {
                return false;
            };
            let idle = now.saturating_sub(used.used_at) > IDLE_NS;
            if idle && counter.held == 0 && counter.revision == used.reported_revision {
                return false;
            }
            let low = counter.room(now, 0) < used.wanted && now >= counter.denied_until;
            let ending = counter.expires_at < now.saturating_add(RENEW_NS);
            if counter.revision != used.reported_revision || (!idle && (low || ending)) {
                let want = if idle { 0 } else { used.wanted };
                used.reported_revision = counter.revision;
                reports.push(counter.report(&used.cap, &used.subject, want));
            }
            true
        });
        reports
    }

    /// A request for allowances, encoded.
    pub(super) fn allowance_request(&self, counters: Vec<CounterReport>) -> Option<Vec<u8>> {
        let (node, boot) = (self.name.as_str().into(), self.boot.as_str().into());
        codec::encode(&AllowanceRequest { version: codec::VERSION, node, boot, counters }).ok()
    }

    /// Books what the control plane granted.
    pub(super) fn apply_grants(&self, reply: &AllowanceReply, asked_at: UnixNanos, now: UnixNanos) {
        for grant in &reply.grants {
            let apply = |counter: &mut protocol::allowance::Counter| {
                let before = counter.revision;
                counter.apply(grant, asked_at);
                (before, counter.revision)
            };
            match counters::update(&Shared, &grant.cap, &grant.subject, now, apply) {
                // That the grant was booked is no news for who granted it; what calls changed meanwhile is.
                Ok((before, after)) => {
                    let key = counters::hash(&grant.cap, &grant.subject);
                    if let Some(used) = self.in_use.borrow_mut().get_mut(&key)
                        && used.reported_revision == before
                    {
                        used.reported_revision = after;
                    }
                }
                Err(fault) => self.counter_fault(fault),
            }
        }
    }

    /// Counts a counter that could not be kept.
    pub(super) fn counter_fault(&self, fault: CounterFault) {
        self.stats.fault(match fault {
            CounterFault::Unavailable => "counter_unavailable",
            CounterFault::Contended => "counter_contended",
            CounterFault::SlotFull => "counter_slot_full",
        });
    }

    /// Whether a call may wait for the control plane. While it does not answer, one call at a time tries again, so
    /// that an outage costs a timeout now and then and not in every call.
    pub(super) fn may_ask(&self, now: UnixNanos) -> bool {
        let away_until = self.away_until.get();
        if away_until == 0 {
            return true;
        }
        let tries = now >= away_until;
        if tries {
            let patience = self.config.control_plane.timeout_ms.saturating_mul(1_000_000);
            self.away_until.set(now.saturating_add(patience).saturating_add(self.pause_ns()));
        }
        tries
    }

    /// Whether the control plane is taken to be away; asks nobody.
    pub(super) fn is_away(&self, now: UnixNanos) -> bool {
        now < self.away_until.get()
    }

    /// The control plane answered, or did not.
    pub(super) fn answered(&self, did: bool, now: UnixNanos) {
        self.away_until.set(if did { 0 } else { now.saturating_add(self.pause_ns()) });
        if !did {
            self.stats.fault("allowance_unreachable");
            // Whatever was told may not have arrived.
            self.in_use.borrow_mut().values_mut().for_each(|used| used.reported_revision = 0);
        }
    }
}

/// The id of this Envoy process: the first worker draws it, the others read it.
fn boot() -> Result<String, HostError> {
    let read = || Shared.read(BOOT_KEY).map_err(|_unavailable| HostError);
    if read()?.is_none() {
        let mut random = [0; 16];
        abi::random(&mut random)?;
        let drawn: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        // Whoever loses the race reads what the other drew.
        Shared.swap(BOOT_KEY, drawn.as_bytes(), None).map_err(|_unavailable| HostError)?;
    }
    let (bytes, _) = read()?.ok_or(HostError)?;
    String::from_utf8(bytes).map_err(|_not_ours| HostError)
}
