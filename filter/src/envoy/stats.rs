//! The filter's metrics, named once. Envoy's `stats_config` turns `name.tag.=value=` into `name{tag="value"}`.
//! Never a customer in a label: a stat is never freed.

use protocol::event::{ItemResult, Outcome};
use proxy_wasm::{hostcalls, types::MetricType};
use std::{cell::RefCell, collections::BTreeMap};

/// Metrics of one VM, defined when first used.
#[derive(Debug, Default)]
pub(super) struct Stats {
    ids: RefCell<BTreeMap<String, u32>>,
}

impl Stats {
    /// A call that ended.
    pub(super) fn call(&self, outcome: Outcome) {
        self.count("bursar_calls_total", "outcome", word(&outcome).as_str(), 1);
    }

    /// A call that was refused.
    pub(super) fn refused(&self, reason: &str) {
        self.count("bursar_refused_total", "reason", reason, 1);
    }

    /// Events that were answered or given up.
    pub(super) fn events(&self, result: &str, count: usize) {
        self.count("bursar_events_total", "result", result, i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// An event that was answered.
    pub(super) fn event_result(&self, result: ItemResult) {
        self.events(word(&result).as_str(), 1);
    }

    /// An answer that told no usage.
    pub(super) fn usage_missing(&self, dialect: &str) {
        self.count("bursar_usage_missing_total", "dialect", dialect, 1);
    }

    /// Something of ours that did not work; the call went on.
    pub(super) fn fault(&self, kind: &str) {
        self.count("bursar_filter_faults_total", "kind", kind, 1);
    }

    /// Events that wait: a change, since all workers share the gauge.
    pub(super) fn outbox_events(&self, change: i64) {
        if change != 0 {
            self.change(MetricType::Gauge, "bursar_outbox_events".to_owned(), change);
        }
    }

    /// How old the snapshot is.
    pub(super) fn snapshot_age_ms(&self, age_ms: u64) {
        if let Some(id) = self.id(MetricType::Gauge, "bursar_snapshot_age_ms".to_owned()) {
            hostcalls::record_metric(id, age_ms).unwrap_or_default();
        }
    }

    fn count(&self, name: &str, tag: &str, value: &str, by: i64) {
        if by > 0 {
            self.change(MetricType::Counter, format!("{name}.{tag}.={value}="), by);
        }
    }

    /// A metric that cannot be kept is not worth a call.
    fn change(&self, kind: MetricType, name: String, by: i64) {
        if let Some(id) = self.id(kind, name) {
            hostcalls::increment_metric(id, by).unwrap_or_default();
        }
    }

    fn id(&self, kind: MetricType, name: String) -> Option<u32> {
        if let Some(id) = self.ids.borrow().get(&name) {
            return Some(*id);
        }
        let id = hostcalls::define_metric(kind, &name).ok()?;
        self.ids.borrow_mut().insert(name, id);
        Some(id)
    }
}

/// The word that serde writes for a variant.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}
