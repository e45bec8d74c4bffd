//! The events of one worker on their way to the control plane: bounded, batched, sent again until acknowledged.

use crate::{backoff::Backoff, config::OutboxLimits};
use protocol::{
    UnixNanos, codec,
    event::{CallEnd, CallHead, ItemResult, Written, written_outcome},
    ids::CallId,
    outcome::TaskReport,
};
use std::{collections::VecDeque, rc::Rc};

/// A batch is no larger, unless a single event is.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// The queue.
#[derive(Debug)]
pub struct Outbox {
    limits: OutboxLimits,
    queue: VecDeque<Waiting>,
    bytes: usize,
    in_flight: Option<InFlight>,
    backoff: Backoff,
    /// Fewer than wait, while the control plane takes no whole batch.
    batch_events_max: usize,
}

#[derive(Debug)]
struct Waiting {
    call: Option<CallId>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// A start, not encoded yet: most are replaced by their end before anybody reads them.
    Start(Rc<CallHead>),
    Encoded {
        is_start: bool,
        bytes: Vec<u8>,
    },
}

/// What a start that is not encoded yet counts for.
const START_BYTES: usize = 1_024;

impl Waiting {
    fn is_start(&self) -> bool {
        matches!(self.content, Content::Start(_) | Content::Encoded { is_start: true, .. })
    }

    fn bytes(&self) -> usize {
        match &self.content {
            Content::Start(_) => START_BYTES,
            Content::Encoded { bytes, .. } => bytes.len(),
        }
    }
}

#[derive(Debug)]
struct InFlight {
    events: usize,
    deadline: UnixNanos,
}

/// What became of an event that was to be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It waits.
    Kept,
    /// There was no room.
    Dropped,
    /// It cannot be encoded.
    Unwritable,
}

impl Outbox {
    /// An empty queue.
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            queue: VecDeque::new(),
            bytes: 0,
            in_flight: None,
            backoff: Backoff::default(),
            batch_events_max: usize::MAX,
        }
    }

    /// Queues that a call began.
    pub fn started(&mut self, head: &Rc<CallHead>) -> Queued {
        self.push(Waiting { call: Some(head.id), content: Content::Start(Rc::clone(head)) }, None)
    }

    /// Queues that a call ended. A start that still waits is not sent then: the end tells it all.
    pub fn finished(&mut self, head: &CallHead, end: &CallEnd) -> Queued {
        let Ok(bytes) = codec::encode(&Written::finished(head, end)) else { return Queued::Unwritable };
        let content = Content::Encoded { is_start: false, bytes };
        self.push(Waiting { call: Some(head.id), content }, self.waiting_start(head.id))
    }

    /// Queues what a task was worth.
    pub fn outcome(&mut self, report: &TaskReport) -> Queued {
        let Ok(bytes) = codec::encode(&written_outcome(report)) else { return Queued::Unwritable };
        self.push(Waiting { call: None, content: Content::Encoded { is_start: false, bytes } }, None)
    }

    /// Queues an event, in the place of a start.
    fn push(&mut self, waiting: Waiting, start: Option<usize>) -> Queued {
        let freed = start.and_then(|at| self.queue.get(at)).map_or(0, Waiting::bytes);
        let bytes = self.bytes.saturating_sub(freed).saturating_add(waiting.bytes());
        let events = self.queue.len().saturating_sub(usize::from(start.is_some()));
        if bytes > self.limits.max_bytes || events >= self.limits.max_events {
            return Queued::Dropped; // and a start that waits stays: better half a call than none
        }
        if let Some(at) = start {
            self.queue.remove(at);
        }
        self.bytes = bytes;
        self.queue.push_back(waiting);
        Queued::Kept
    }

    /// Whether one more event would be dropped.
    pub fn is_full(&self) -> bool {
        self.queue.len() >= self.limits.max_events || self.bytes >= self.limits.max_bytes
    }

    /// Whether what waits fills a batch, or half of the queue: it is not to wait for the next tick.
    pub fn is_pressing(&self) -> bool {
        self.bytes >= BATCH_BYTES_MAX.min(self.limits.max_bytes / 2)
            || self.queue.len() >= self.limits.max_events / 2
    }

    /// Events that wait or are under way.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing waits and nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The next batch to send, if one is due. At most one is under way; one that nobody answered in time is sent
    /// again.
    pub fn take_batch(&mut self, node: &str, boot: &str, now: UnixNanos, timeout_ms: u64) -> Option<Vec<u8>> {
        if self.in_flight.as_ref().is_some_and(|batch| now < batch.deadline) || !self.backoff.is_over(now) {
            return None;
        }
        let mut bytes = 0_usize;
        let fits = self.queue.iter().take_while(|waiting| {
            bytes = bytes.saturating_add(waiting.bytes());
            bytes <= BATCH_BYTES_MAX
        });
        let events = fits.count().max(1).min(self.queue.len()).min(self.batch_events_max);
        if events == 0 {
            return None;
        }
        self.encode_starts(events);
        let encoded = self.queue.range(..events).map(|waiting| match &waiting.content {
            Content::Encoded { bytes, .. } => bytes.as_slice(),
            Content::Start(_) => &[],
        });
        let batch = codec::join_batch(node, boot, encoded).ok()?;
        // Twice the timeout: Envoy answers by then, or the answer was lost with its stream.
        let deadline = now.saturating_add(timeout_ms.saturating_mul(2_000_000));
        self.in_flight = Some(InFlight { events, deadline });
        Some(batch)
    }

    /// The control plane has taken the batch under way; what it said of each event.
    pub fn acknowledged(&mut self, results: &[ItemResult]) {
        let Some(batch) = self.in_flight.take() else { return };
        // An answer to fewer events than were sent leaves the rest to be sent again.
        for waiting in self.queue.drain(..batch.events.min(results.len()).min(self.queue.len())) {
            self.bytes = self.bytes.saturating_sub(waiting.bytes());
        }
        self.backoff.worked();
        self.batch_events_max = usize::MAX;
    }

    /// The control plane cannot take the batch under way. Half of it is tried next, down to the event that it cannot
    /// take, which is given up. Says how many were.
    pub fn rejected(&mut self) -> usize {
        let Some(batch) = self.in_flight.take() else { return 0 };
        if batch.events > 1 {
            self.batch_events_max = batch.events / 2;
            return 0;
        }
        self.batch_events_max = usize::MAX;
        match self.queue.pop_front() {
            Some(waiting) => {
                self.bytes = self.bytes.saturating_sub(waiting.bytes());
                1
            }
            None => 0,
        }
    }

    /// The batch under way did not arrive, or nobody knows. `random` spreads the next tries of many workers.
    pub fn failed(&mut self, now: UnixNanos, random: u16) {
        self.in_flight = None;
        self.backoff.failed(now, random);
    }

    /// Where the start of a call waits, if it was not sent.
    fn waiting_start(&self, call: CallId) -> Option<usize> {
        let under_way = self.in_flight.as_ref().map_or(0, |batch| batch.events);
        // A start is near the end of the queue if it is there at all; looking far would make a full queue slow.
        let mut near = self.queue.iter().enumerate().skip(under_way).rev().take(256);
        near.find(|(_, waiting)| waiting.is_start() && waiting.call == Some(call))
            .map(|(position, _)| position)
    }

    fn encode_starts(&mut self, events: usize) {
        for waiting in self.queue.range_mut(..events) {
            if let Content::Start(head) = &waiting.content {
                // Our own types always encode; an empty event would be answered `invalid`, counted.
                let bytes = codec::encode(&Written::started(head)).unwrap_or_default();
                self.bytes = self.bytes.saturating_sub(START_BYTES).saturating_add(bytes.len());
                waiting.content = Content::Encoded { is_start: true, bytes };
            }
        }
    }
}

#[cfg(test)]
mod tests;
