//! Streams that wait or are about to end: heads without a body yet, and answers that ended for their client before their
//! provider.

use super::{Node, WaitingHead};
use protocol::UnixNanos;

/// A client that reads the end of its stream closes the connection by itself within this time; a provider makes few tokens
/// in it.
const MOMENT_NS: u64 = 200_000_000;

impl Node {
    /// Whether heads are held back with their bodies now.
    pub(in crate::envoy) fn holds_heads(&self, now: UnixNanos) -> bool {
        self.config.admission.hold_head && now >= self.head_unheld_until.get()
    }

    /// A head begins to wait for its body.
    pub(in crate::envoy) fn head_waits(&self, context: u32, may_grow: bool, since: UnixNanos) {
        self.waiting_heads.borrow_mut().insert(context, WaitingHead { since, may_grow });
    }

    /// The stream of a context goes on with its body. Says whether its head waited until now; otherwise it was let
    /// go. A body that comes only well after that was late by itself, and says nothing against this Envoy.
    pub(in crate::envoy) fn head_moved(&self, context: u32, now: UnixNanos) -> bool {
        /// What Envoy had kept back comes at once.
        const AT_ONCE_NS: u64 = 100_000_000;
        if let Some(freed_at) = self.freed_heads.borrow_mut().remove(&context)
            && now.saturating_sub(freed_at) > AT_ONCE_NS
        {
            self.head_unheld_until.set(0);
        }
        self.waiting_heads.borrow_mut().remove(&context).is_some()
    }

    /// A stream was ended for its client; what is left of it is cut after a moment.
    pub(in crate::envoy) fn cuts_after_a_moment(&self, context: u32, now: UnixNanos) {
        self.ended_streams.borrow_mut().insert(context, now);
    }

    /// Whether that moment is over.
    pub(in crate::envoy) fn is_cut(&self, context: u32, now: UnixNanos) -> bool {
        self.ended_streams.borrow().get(&context).is_some_and(|ended| now.saturating_sub(*ended) > MOMENT_NS)
    }

    /// The streams whose moment is over.
    pub(in crate::envoy) fn cut_streams(&self, now: UnixNanos) -> Vec<u32> {
        let mut ended = self.ended_streams.borrow_mut();
        ended.extract_if(.., |_, ended| now.saturating_sub(*ended) > MOMENT_NS).map(|(it, _)| it).collect()
    }

    /// Nothing is left of a stream.
    pub(in crate::envoy) fn is_over(&self, context: u32) {
        self.ended_streams.borrow_mut().remove(&context);
    }

    /// Heads that have waited too long: either the client sends its body late, or this Envoy gives no bodies while
    /// a head is held (`allow_on_headers_stop_iteration` is missing). Both are let go.
    pub(in crate::envoy) fn stuck_heads(&self, now: UnixNanos) -> Vec<(u32, WaitingHead)> {
        /// Longer than any client takes between head and body, shorter than a user's patience.
        const PATIENCE_NS: u64 = 1_000_000_000;
        /// Then it is tried again: the configuration may have been mended.
        const UNHELD_NS: u64 = 60_000_000_000;
        let is_stuck = |head: &WaitingHead| now.saturating_sub(head.since) > PATIENCE_NS;
        let waiting = self.waiting_heads.borrow();
        let stuck = waiting.iter().filter(|(_, head)| is_stuck(head));
        let stuck: Vec<_> = stuck.map(|(context, head)| (*context, *head)).collect();
        drop(waiting);
        if !stuck.is_empty() {
            self.head_unheld_until.set(now.saturating_add(UNHELD_NS));
        }
        for (context, _) in &stuck {
            self.waiting_heads.borrow_mut().remove(context);
            self.freed_heads.borrow_mut().insert(*context, now);
        }
        stuck
    }
}
