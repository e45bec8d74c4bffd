//! The filter's metrics, named once. Envoy's `stats_config` turns `name.tag.=value=` into `name{tag="value"}`.
//! Never a customer in a label: a stat is never freed.

use protocol::event::{ItemResult, Outcome};
use proxy_wasm::{hostcalls, types::MetricType};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

/// Metrics of one VM, defined when first used.
#[derive(Debug, Default)]
pub(super) struct Stats {
    ids: RefCell<BTreeMap<(&'static str, &'static str), u32>>,
    /// What was counted since the last tick, by name, tag and value: a host call for each would be felt in every call.
    counted: RefCell<Vec<Counted>>,
    outbox_told: Cell<i64>,
}

#[derive(Debug)]
struct Counted {
    name: &'static str,
    tag: &'static str,
    value: &'static str,
    sum: i64,
}

impl Stats {
    /// A call that ended.
    pub(super) fn call(&self, outcome: Outcome) {
        self.count("bursar_calls_total", "outcome", outcome.as_str(), 1);
    }

    /// A call that was refused.
    pub(super) fn refused(&self, reason: &'static str) {
        self.count("bursar_refused_total", "reason", reason, 1);
    }

    /// Events that were answered, by what was answered.
    pub(super) fn event_results(&self, results: &[ItemResult]) {
        use ItemResult::{Accepted, Conflict, Duplicate, Invalid};
        for kind in [Accepted, Duplicate, Conflict, Invalid] {
            self.events(kind.as_str(), results.iter().filter(|result| **result == kind).count());
        }
    }

    /// Events that were answered or given up.
    pub(super) fn events(&self, result: &'static str, count: usize) {
        self.count("bursar_events_total", "result", result, i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// An answer that told no usage.
    pub(super) fn usage_missing(&self, dialect: &'static str) {
        self.count("bursar_usage_missing_total", "dialect", dialect, 1);
    }

    /// Something of ours that did not work; the call went on.
    pub(super) fn fault(&self, kind: &'static str) {
        self.count("bursar_filter_faults_total", "kind", kind, 1);
    }

    /// Events that wait. Told as a change, since all workers share the gauge.
    pub(super) fn outbox_events(&self, waiting: usize) {
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        let change = waiting.saturating_sub(self.outbox_told.replace(waiting));
        if change != 0 {
            self.change(MetricType::Gauge, "bursar_outbox_events", "", "", change);
        }
    }

    /// How old the snapshot is.
    pub(super) fn snapshot_age_ms(&self, age_ms: u64) {
        if let Some(id) = self.id(MetricType::Gauge, "bursar_snapshot_age_ms", "", "") {
            hostcalls::record_metric(id, age_ms).unwrap_or_default();
        }
    }

    fn count(&self, name: &'static str, tag: &'static str, value: &'static str, by: i64) {
        let mut counted = self.counted.borrow_mut();
        // A handful, and always the same words: no text is compared.
        let same =
            |counted: &&mut Counted| std::ptr::eq(counted.name, name) && std::ptr::eq(counted.value, value);
        match counted.iter_mut().find(same) {
            Some(counted) => counted.sum = counted.sum.saturating_add(by),
            None => counted.push(Counted { name, tag, value, sum: by }),
        }
    }

    /// Hands to Envoy what was counted since the last time.
    pub(super) fn flush(&self) {
        for Counted { name, tag, value, sum } in self.counted.take() {
            // Envoy refuses to count nothing.
            if sum > 0 {
                self.change(MetricType::Counter, name, tag, value, sum);
            }
        }
    }

    /// A metric that cannot be kept is not worth a call.
    fn change(&self, kind: MetricType, name: &'static str, tag: &'static str, value: &'static str, by: i64) {
        if let Some(id) = self.id(kind, name, tag, value) {
            hostcalls::increment_metric(id, by).unwrap_or_default();
        }
    }

    fn id(
        &self,
        kind: MetricType,
        name: &'static str,
        tag: &'static str,
        value: &'static str,
    ) -> Option<u32> {
        if let Some(id) = self.ids.borrow().get(&(name, value)) {
            return Some(*id);
        }
        let stat = if tag.is_empty() { name.to_owned() } else { format!("{name}.{tag}.={value}=") };
        let id = hostcalls::define_metric(kind, &stat).ok()?;
        self.ids.borrow_mut().insert((name, value), id);
        Some(id)
    }
}
