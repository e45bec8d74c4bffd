//! The fleet's side: what each node was handed of a count, what it said of it, and how much it may use from now on.
//! Where that is stored, and when windows turn, is the control plane's business.

use super::{CLOCKS_NS, CounterReport, DEAD_AFTER_NS, GRANT_MARGIN_NS, GRANT_TTL_MS, Grant, LISTEN_NS};
use crate::{UnixNanos, cap::Amount};

/// What the control plane knows of one node's part of one cap, subject and window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// As last reported.
    pub spent: Amount,
    /// As last reported.
    pub held: Amount,
    /// As last granted.
    pub allowance: Amount,
    /// On the control plane's clock, without the margin.
    pub expires_at: UnixNanos,
    /// Of the report that `spent` and `held` are from.
    pub revision: u64,
    /// What the ledger shows for that node: settled calls and the holds of open ones.
    pub ledger: Amount,
}

/// When a decision is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// On the control plane's clock.
    pub now: UnixNanos,
    /// Since when it takes reports; before, it was away.
    pub listening_since: UnixNanos,
}

/// What is over at a moment, for the shares of one window.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    now: UnixNanos,
    listening_since: UnixNanos,
    /// The last decision before the control plane went away; what was over then has been handed out again since.
    decided_at: UnixNanos,
}

impl Horizon {
    /// Of all shares of a window.
    pub fn of<'a>(
        Moment { now, listening_since }: Moment,
        shares: impl IntoIterator<Item = &'a Share>,
    ) -> Self {
        let granted_at =
            |share: &Share| share.expires_at.saturating_sub(GRANT_TTL_MS.saturating_mul(1_000_000));
        // The clock may have gone back since; a decision taken for a later one makes a share count longer, no more.
        let before = listening_since.saturating_sub(CLOCKS_NS);
        let decided = shares.into_iter().map(granted_at).filter(|at| *at < before);
        Self { now, listening_since, decided_at: decided.max().unwrap_or(0) }
    }

    /// Nobody can report to a control plane that is away: what ended meanwhile is over when it has listened a while.
    fn is_over(&self, end: UnixNanos) -> bool {
        let has_listened = self.now >= self.listening_since.saturating_add(LISTEN_NS);
        self.now >= end && (has_listened || end <= self.decided_at)
    }
}

impl Share {
    /// What must be counted against the cap for this node.
    pub fn committed(&self, horizon: &Horizon) -> Amount {
        let reported = self.spent.saturating_add(self.held);
        if !horizon.is_over(self.expires_at.saturating_add(GRANT_MARGIN_NS)) {
            self.allowance.max(reported).max(self.ledger)
        } else if !horizon.is_over(self.expires_at.saturating_add(DEAD_AFTER_NS)) {
            reported.max(self.ledger)
        } else {
            // Holds die with a process, what it settled does not: the end of such a call may have died in its outbox.
            self.spent.max(self.ledger)
        }
    }
}

/// What a node may use, and whether its wish was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The node's allowance from now on.
    pub allowance: Amount,
    /// The wish did not fit.
    pub denied: bool,
}

/// Decides how much of a cap one node may use. `own` holds the node's newest totals and its last grant; `others`
/// is the sum of what the rest of the fleet has committed.
pub fn decide(
    limit: Amount,
    others: Amount,
    own: &Share,
    want: Amount,
    live_nodes: i64,
    now: UnixNanos,
) -> Decision {
    let used = own.spent.saturating_add(own.held).max(own.ledger);
    let room = limit.saturating_sub(others).saturating_sub(used);
    let granted = if now < own.expires_at.saturating_add(GRANT_MARGIN_NS) { own.allowance } else { 0 };
    // A limit that was lowered binds also those who were granted more.
    let granted = granted.min(limit.saturating_sub(others));
    if want > room {
        // Nothing new; what was granted before stays as it is until it ends.
        return Decision { allowance: granted.max(used.min(limit.saturating_sub(others))), denied: true };
    }
    // A quarter of what is left, shared among the nodes, so that most calls of a warm subject ask nobody.
    let slice = room.saturating_sub(want).checked_div(live_nodes.max(1).saturating_mul(4)).unwrap_or(0);
    Decision { allowance: granted.max(used.saturating_add(want).saturating_add(slice)), denied: false }
}

/// Answers one report of a node: takes its totals into `own`, decides, and keeps in `own` what was decided. `others`
/// are the shares of the rest of the fleet in the same window. What is in `own` afterwards has to be in the store
/// before the node gets the answer.
pub fn grant(
    limit: Amount,
    (window_start, window_end): (UnixNanos, UnixNanos),
    own: &mut Share,
    others: &[Share],
    report: &CounterReport,
    moment: Moment,
) -> Grant {
    let now = moment.now;
    let horizon = Horizon::of(moment, others.iter().chain([&*own]));
    // Totals of another window say nothing about this one, and an older report nothing new.
    let is_this_window = report.window_start == 0 || report.window_start == window_start;
    let reported = if is_this_window { report.spent.saturating_add(report.held) } else { 0 };
    // A counter that made room for others counts from nothing. Until the node is known to have been told what it had
    // spent before, that stays, with the revision by which it is seen.
    let began_anew = report.window_start == 0 && report.since > own.revision && own.spent > 0;
    let carried = if began_anew { own.spent } else { 0 };
    if began_anew {
        own.held = own.held.max(reported);
    } else if is_this_window && report.revision >= own.revision {
        (own.spent, own.held, own.revision) = (report.spent, report.held, report.revision);
    }
    let live = others.iter().filter(|share| share.expires_at > now).count();
    let live_nodes = i64::try_from(live).unwrap_or(i64::MAX).saturating_add(1);
    let others =
        others.iter().fold(0, |total: Amount, share| total.saturating_add(share.committed(&horizon)));
    let decision = decide(limit, others, own, report.want, live_nodes, now);
    // What was handed out before counts until it ends: the node may never get the answer that lowers it. So the lower
    // allowance must end no later.
    let lowered = now < own.expires_at.saturating_add(GRANT_MARGIN_NS) && decision.allowance < own.allowance;
    if !lowered {
        own.allowance = decision.allowance;
        own.expires_at = own.expires_at.max(now.saturating_add(GRANT_TTL_MS.saturating_mul(1_000_000)));
    }
    let ttl_ms = own.expires_at.saturating_sub(now) / 1_000_000;
    // The node counts from what it reported and what it is told. What else the ledger shows is not there to be used.
    let used = own.spent.saturating_add(own.held).max(own.ledger);
    let unknown = used.saturating_sub(reported).saturating_sub(carried).max(0);
    Grant {
        cap: report.cap.clone(),
        subject: report.subject.clone(),
        window_start,
        window_end,
        allowance: decision.allowance.saturating_sub(unknown).max(0),
        ttl_ms: ttl_ms.min(GRANT_TTL_MS),
        limit,
        others,
        carried,
        since: report.since,
        denied_need: decision.denied.then_some(report.want),
    }
}
