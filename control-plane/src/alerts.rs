//! Alerts: what passes a threshold of the policy is said once, and arrives.
//!
//! | part | does |
//! |---|---|
//! | `read` → `observed` | aggregates to plain figures |
//! | `evaluate` → `standing` | figures and policy to thresholds that are passed now; pure |
//! | `machine` | what is on record and what stands to what fires, is seeded or has ended; pure |
//! | `words`, `message` | alerts to sentences, sentences to messages |
//! | `tables` | writes changes and queues messages, in one transaction |
//! | `schedule`, `sign`, `send`, `queue`, `deliver` | messages to destinations, one after the other each, again after failures |
//! | `run` | every half minute |
//! | `weekly` | the weekly report, when its time has come |
//! | `nodes` | which Envoys were heard of |
//! | `list` | what is shown of all that, and sending again |
//!
//! Nothing here waits for a receiver while it evaluates, and ingest waits for nothing here.

mod deliver;
mod deliveries;
#[cfg(test)]
pub(crate) mod desk;
mod evaluate;
mod list;
mod machine;
mod message;
mod nodes;
mod observed;
mod queue;
mod read;
mod run;
mod schedule;
mod send;
mod sign;
mod standing;
mod tables;
mod weekly;
mod words;

pub use deliver::deliver;
pub use deliveries::{Delivery, Position as SentPosition, Sent, sent};
pub use list::{Alert, Filter, Period, Resent, State, Summary, list, resend, summary};
pub use run::{Evaluated, Evaluator, evaluate_every};
pub use send::{Tested, test};
pub use standing::{Kind, Subject};
pub use weekly::{SentReport, resend_report, sent_reports};

use protocol::UnixNanos;
use std::sync::Arc;
use tokio::sync::Notify;

/// What the rest of the process tells the alerts. Clones share it.
#[derive(Clone, Debug)]
pub struct Alerts {
    sightings: nodes::Sightings,
    listening_since: UnixNanos,
    rules_changed: Arc<Notify>,
    queued: Arc<Notify>,
}

impl Alerts {
    /// Of a process that listens from now on.
    pub fn new(now: UnixNanos) -> Self {
        Self {
            sightings: nodes::Sightings::default(),
            listening_since: now,
            rules_changed: Arc::default(),
            queued: Arc::default(),
        }
    }

    /// An Envoy was heard of.
    pub fn heard(&self, node: &str, now: UnixNanos) {
        self.sightings.note(node, now);
    }

    /// Another policy is in force: what stands under it is looked at before it can grow.
    pub fn rules_changed(&self) {
        self.rules_changed.notify_one();
    }

    /// Something waits for delivery, or the time has moved.
    pub fn queued(&self) {
        self.queued.notify_one();
    }
}
