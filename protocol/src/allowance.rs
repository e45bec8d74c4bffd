//! How a cap holds over many Envoys: the pure state machine of both sides.
//!
//! The node's side is a [`Counter`], one per cap and subject, kept in Envoy's shared data. The fleet's side is
//! [`grant`], run by the control plane over the [`Share`]s it has handed out. Counters travel as totals since the
//! window began, so that a message lost or repeated is harmless.
//!
//! What always holds: spent + held ≤ allowance in each node while its grant lives (except for what a provider
//! billed above its hold, and what `when_unreachable: allow` let through), and Σ committed ≤ limit over the fleet.

mod fleet;

use crate::{UnixNanos, cap::Amount};
pub use fleet::{Decision, Horizon, Moment, Share, decide, grant};
use serde::{Deserialize, Serialize};

/// How far two looks at two clocks may be apart in all: each clock is within a quarter of a second of the true time.
pub const CLOCKS_NS: u64 = 1_000_000_000;
/// The control plane counts a share as usable for this long after it told the node that it ends: for the clocks, and
/// for the four seconds in which what was used at the last moment is reported, also where the first attempt is lost.
pub const GRANT_MARGIN_NS: u64 = CLOCKS_NS + 4_000_000_000;
/// How long a grant lives. Long enough that a control plane can restart without a call noticing; short enough
/// that what an idle Envoy holds comes back while somebody still waits for it.
pub const GRANT_TTL_MS: u64 = 30_000;
/// A silent node counts as dead this long after its grant ended; from then on its holds are those
/// that the ledger shows.
pub const DEAD_AFTER_NS: u64 = 120_000_000_000;
/// A control plane that was away waits for so long for what Envoys have used meanwhile, before it hands out again what
/// they no longer may use. Envoys report every half second, and give up an attempt after two.
pub const LISTEN_NS: u64 = 5_000_000_000;
/// After a denial a node refuses needs of that size by itself for this long, rather than ask again for each call.
pub const DENIAL_MS: u64 = 1_000;

/// One node's count of one cap and subject in its current window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// When the window began; 0 before the first grant.
    pub window_start: UnixNanos,
    /// When it ends; 0 before the first grant.
    pub window_end: UnixNanos,
    /// Settled since then.
    pub spent: Amount,
    /// Held by open calls.
    pub held: Amount,
    /// Spent and held may reach this together.
    pub allowance: Amount,
    /// Until then.
    pub expires_at: UnixNanos,
    /// The smallest need that was denied,
    pub denied_need: Amount,
    /// and until when that stands.
    pub denied_until: UnixNanos,
    /// The cap's limit, as the last grant told it.
    pub limit: Amount,
    /// What the rest of the fleet has committed, as the last grant told it.
    pub others: Amount,
    /// Counts the changes of what is spent and held, so that the control plane sees which of two reports is the newer.
    pub revision: u64,
    /// The revision at which the count began: what was held up to then is not in `held`.
    pub since: u64,
}

/// What a counter says to a call that wants to hold so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldAnswer {
    /// Held.
    Held,
    /// The allowance does not reach; ask the control plane for more.
    Short,
    /// The control plane has just said that there is no more.
    Denied,
}

impl Counter {
    /// What is left to hold. `initial` is what the cap allows before the first grant.
    pub fn room(&self, now: UnixNanos, initial: Amount) -> Amount {
        let allowance = match (self.window_end, now < self.expires_at) {
            (0, _) => initial,
            (_, true) => self.allowance,
            (_, false) => 0,
        };
        allowance.saturating_sub(self.spent).saturating_sub(self.held)
    }

    /// Holds `need`, or says why not.
    pub fn hold(&mut self, need: Amount, now: UnixNanos, initial: Amount) -> HoldAnswer {
        self.roll(now);
        if need <= self.room(now, initial) {
            return self.force_hold(need);
        }
        if now < self.denied_until && need >= self.denied_need {
            HoldAnswer::Denied
        } else {
            HoldAnswer::Short
        }
    }

    /// Holds `more` for a call that holds something since the revision `held_at`. `None` where that was in a window
    /// that is over: the call is not counted here any more.
    pub fn hold_more(
        &mut self,
        held_at: u64,
        more: Amount,
        now: UnixNanos,
        initial: Amount,
    ) -> Option<HoldAnswer> {
        self.roll(now);
        (held_at > self.since).then(|| self.hold(more, now, initial))
    }

    /// Holds `need` whatever the allowance says: a shadow cap, or `when_unreachable: allow`.
    pub fn force_hold(&mut self, need: Amount) -> HoldAnswer {
        self.held = self.held.saturating_add(need);
        self.touch();
        HoldAnswer::Held
    }

    /// Replaces a hold by what the call cost. `held_at` is the counter's revision when it was made. A hold of a window
    /// that is over went with it: the ledger counts the call where it belongs. (The time of the hold would not say so:
    /// by the node's clock, the window may begin later than it did for who granted it.) A call that could hold nothing
    /// when it began, `None`, counts where it ends.
    pub fn settle(&mut self, held_at: Option<u64>, held: Amount, cost: Amount, now: UnixNanos) {
        self.roll(now);
        if held_at.is_some_and(|revision| revision <= self.since) {
            return;
        }
        self.held = self.held.saturating_sub(held).max(0);
        self.spent = self.spent.saturating_add(cost);
        self.touch();
    }

    /// Takes what the control plane answered to a report sent at `asked_at`, on this node's clock. That is no change to
    /// report: workers that share a counter would tell each other's grants back for ever, and so renew them.
    pub fn apply(&mut self, grant: &Grant, asked_at: UnixNanos) {
        if grant.since != 0 && grant.since != self.since {
            return; // the count has begun anew meanwhile
        }
        if self.window_start == 0 && grant.carried != 0 {
            self.spent = self.spent.saturating_add(grant.carried);
            self.touch();
        }
        if grant.window_start != self.window_start && self.window_start != 0 {
            if grant.window_end <= self.window_start {
                return; // an answer from the window before
            }
            // The next window; or one that another policy made longer, whose totals the control plane knows.
            (self.spent, self.held, self.since) = (0, 0, self.revision);
        }
        let expires_at = asked_at.saturating_add(grant.ttl_ms.saturating_mul(1_000_000));
        let newer = grant.window_start != self.window_start || expires_at >= self.expires_at;
        self.window_start = grant.window_start;
        self.window_end = grant.window_end;
        self.limit = grant.limit;
        self.others = grant.others;
        if newer {
            self.allowance = grant.allowance;
            self.expires_at = expires_at;
        }
        if let Some(need) = grant.denied_need {
            self.denied_need = need;
            self.denied_until = asked_at.saturating_add(DENIAL_MS.saturating_mul(1_000_000));
        } else {
            self.denied_until = 0;
        }
    }

    /// What the control plane is told of this count, with a wish for `want` more than what is spent and held.
    pub fn report(&self, cap: &str, subject: &str, want: Amount) -> CounterReport {
        CounterReport {
            cap: cap.into(),
            subject: subject.into(),
            window_start: self.window_start,
            spent: self.spent,
            held: self.held,
            want,
            revision: self.revision,
            since: self.since,
        }
    }

    fn roll(&mut self, now: UnixNanos) {
        if self.window_end != 0 && now >= self.window_end {
            let Self { revision, window_end, .. } = *self;
            // The next window begins where this one ended, with nothing granted yet.
            let (window_start, window_end, since) = (window_end, u64::MAX, revision);
            let next = Self { revision, since, window_start, window_end, ..Self::default() };
            *self = next;
        }
    }

    fn touch(&mut self) {
        self.revision = self.revision.saturating_add(1);
    }
}

/// A node's totals of one counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterReport {
    /// The cap's id.
    pub cap: Box<str>,
    /// The subject's key.
    pub subject: Box<str>,
    /// The window the totals are of; 0: the node does not know yet.
    pub window_start: UnixNanos,
    /// Settled.
    pub spent: Amount,
    /// Held by open calls.
    pub held: Amount,
    /// Wanted on top of these.
    pub want: Amount,
    /// Counts up with each change of the counter.
    pub revision: u64,
    /// The revision at which the count began; 0 where the node does not tell.
    #[serde(default)]
    pub since: u64,
}

/// What a node asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowanceRequest {
    /// The codec's version.
    pub version: u16,
    /// The Envoy's node id.
    pub node: Box<str>,
    /// Drawn when the Envoy process began: totals start at zero with each.
    pub boot: Box<str>,
    /// The counters.
    pub counters: Vec<CounterReport>,
}

/// What it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowanceReply {
    /// One per counter whose cap exists.
    pub grants: Vec<Grant>,
    /// Caps that the policy in force does not have: the node's snapshot is old.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_caps: Vec<Box<str>>,
}

/// The answer for one counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The cap's id.
    pub cap: Box<str>,
    /// The subject's key.
    pub subject: Box<str>,
    /// The window's start.
    pub window_start: UnixNanos,
    /// Its end.
    pub window_end: UnixNanos,
    /// Spent and held may reach this together.
    pub allowance: Amount,
    /// For so long after the node asked.
    pub ttl_ms: u64,
    /// The cap's limit, for error texts.
    pub limit: Amount,
    /// What the rest of the fleet has committed.
    #[serde(default)]
    pub others: Amount,
    /// What the node spent in this window before its counter made room for others. It counts on from there; where it
    /// knows its window already, it has been told.
    #[serde(default)]
    pub carried: Amount,
    /// As reported: a counter that has begun anew since then must not take this.
    #[serde(default)]
    pub since: u64,
    /// Set when less was given than wanted: the size of the need that does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied_need: Option<Amount>,
}

#[cfg(test)]
mod tests;
