//! What Prometheus sees. Names are the contract's; never a customer in a label.

use crate::ledger::{Booking, State};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text},
    metrics::{MetricType, counter::ConstCounter, counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use protocol::{event::ItemResult, money::PicoUsd};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// All counters. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    events: Family<ResultLabel, Counter>,
    ingest: Histogram,
    cost: Costs,
    unpriced: Family<ReasonLabel, Counter>,
    orphaned: Counter,
    price_refresh: Family<ResultLabel, Counter>,
    policy_reloads: Family<ResultLabel, Counter>,
    alerts: Family<AlertLabels, Counter>,
    filter_requests: Family<KeyLabel, Counter>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlertLabels {
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabel {
    key: &'static str,
}

/// A batch takes from half a millisecond to the seconds of a disk that is overloaded.
const INGEST_SECONDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at nothing.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let (events, unpriced) = (Family::default(), Family::default());
        let price_refresh = Family::<ResultLabel, Counter>::default();
        for result in ["imported", "unchanged", "failed"] {
            drop(price_refresh.get_or_create(&ResultLabel { result }));
        }
        let policy_reloads = Family::<ResultLabel, Counter>::default();
        for result in ["applied", "unchanged", "refused"] {
            drop(policy_reloads.get_or_create(&ResultLabel { result }));
        }
        let (orphaned, cost) = (Counter::default(), Costs::default());
        let alerts = Family::default();
        let ingest = Histogram::new(INGEST_SECONDS);
        registry.register("bursar_ingest_events", "Events taken, by what became of them", events.clone());
        registry.register("bursar_ingest_seconds", "Time to take a batch of events", ingest.clone());
        registry.register("bursar_unpriced_calls", "Calls whose cost is not known", unpriced.clone());
        registry.register(
            "bursar_orphaned_calls",
            "Calls of which nobody said how they ended",
            orphaned.clone(),
        );
        registry.register(
            "bursar_alerts",
            "Alerts raised, and what became of their messages",
            alerts.clone(),
        );
        registry.register(
            "bursar_price_refresh",
            "Catalogues read again, by what came of it",
            price_refresh.clone(),
        );
        registry.register(
            "bursar_policy_reloads",
            "Changes of the policy's file, by what came of them",
            policy_reloads.clone(),
        );
        let filter_requests = Family::<KeyLabel, Counter>::default();
        for key in ["good", "none", "unknown", "lacking"] {
            drop(filter_requests.get_or_create(&KeyLabel { key }));
        }
        registry.register(
            "bursar_filter_requests",
            "Requests on the routes of filters, by the key that they show",
            filter_requests.clone(),
        );
        registry.register_collector(Box::new(cost.clone()));
        let registry = Arc::new(registry);
        Self {
            registry,
            events,
            ingest,
            cost,
            unpriced,
            orphaned,
            price_refresh,
            policy_reloads,
            alerts,
            filter_requests,
        }
    }

    /// Somebody asked what filters ask, with a good key, with none, with one that nobody has, or one that lacks the role.
    pub fn filter_request(&self, key: &'static str) {
        self.filter_requests.get_or_create(&KeyLabel { key }).inc();
    }

    /// One event was answered so.
    pub fn event(&self, result: ItemResult) {
        let result = match result {
            ItemResult::Accepted => "accepted",
            ItemResult::Duplicate => "duplicate",
            ItemResult::Conflict => "conflict",
            ItemResult::Invalid => "invalid",
        };
        self.events.get_or_create(&ResultLabel { result }).inc();
    }

    /// A batch took so long.
    pub fn batch(&self, took: Duration) {
        self.ingest.observe(took.as_secs_f64());
    }

    /// A call's end was booked.
    pub fn booked(&self, booking: &Booking) {
        let Some(end) = booking.end.as_ref().filter(|end| end.state == State::Finished) else { return };
        match (end.verdict.cost, &end.verdict.unpriced) {
            (Some(cost), _) => {
                let model = end.model.as_deref().unwrap_or("");
                self.cost.add(&booking.head.provider, model, cost);
            }
            (None, reason) => {
                let reason = reason.as_ref().map(crate::ledger::unpriced_word).unwrap_or_default();
                self.unpriced.get_or_create(&ReasonLabel { reason }).inc();
            }
        }
    }

    /// A catalogue was read again: imported, unchanged or failed.
    pub fn price_refresh(&self, result: &'static str) {
        self.price_refresh.get_or_create(&ResultLabel { result }).inc();
    }

    /// The policy was read again: applied, unchanged or refused.
    pub fn policy_reload(&self, result: &'static str) {
        self.policy_reloads.get_or_create(&ResultLabel { result }).inc();
    }

    /// So many calls were closed as orphaned.
    pub fn orphaned(&self, calls: u64) {
        self.orphaned.inc_by(calls);
    }

    /// An alert fired or was seeded; or its message was delivered, failed or is dead.
    pub fn alert(&self, kind: &'static str, result: &'static str) {
        self.alerts.get_or_create(&AlertLabels { kind, result }).inc();
    }

    /// The text that Prometheus reads, with gauges that are read off the store when it asks.
    pub fn text(&self, gauges: &Gauges) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode_registry(&mut out, &self.registry)?;
        gauges.write(&mut out)?;
        out.push_str("# EOF\n");
        Ok(out)
    }
}

/// What is not counted but looked up.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Calls that are open.
    pub open_calls: u64,
    /// Seconds since each provider's prices were last found in their source.
    pub price_age_seconds: BTreeMap<Box<str>, u64>,
    /// What has been spent and held above caps, in their current windows.
    pub cap_debt: PicoUsd,
}

impl Gauges {
    fn write(&self, out: &mut String) -> fmt::Result {
        use fmt::Write as _;
        writeln!(out, "# HELP bursar_open_calls Calls that have started and not ended.")?;
        writeln!(out, "# TYPE bursar_open_calls gauge\nbursar_open_calls {}", self.open_calls)?;
        writeln!(out, "# HELP bursar_cap_debt_usd Spent and held above caps in their current windows.")?;
        writeln!(out, "# TYPE bursar_cap_debt_usd gauge\nbursar_cap_debt_usd {}", self.cap_debt)?;
        writeln!(
            out,
            "# HELP bursar_price_age_seconds Time since a provider's prices were last confirmed by their source."
        )?;
        writeln!(out, "# TYPE bursar_price_age_seconds gauge")?;
        for (provider, age) in &self.price_age_seconds {
            let escaped = provider.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            writeln!(out, "bursar_price_age_seconds{{provider=\"{escaped}\"}} {age}")?;
        }
        Ok(())
    }
}

/// Cost by provider and model. Summed in integers; a float is made only where Prometheus wants one.
#[derive(Clone, Debug, Default)]
struct Costs(Arc<Mutex<Sums>>);

type Sums = BTreeMap<(Box<str>, Box<str>), i128>;

impl Costs {
    fn add(&self, provider: &str, model: &str, cost_pico: i64) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = sums.entry((provider.into(), model.into())).or_default();
        *sum = sum.saturating_add(i128::from(cost_pico));
    }
}

impl Collector for Costs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let help = "What calls cost, by provider and the model that answered";
        let mut metric = encoder.encode_descriptor("bursar_cost_usd", help, None, MetricType::Counter)?;
        for ((provider, model), pico) in sums.iter() {
            let usd: f64 = PicoUsd::new(*pico).to_string().parse().unwrap_or(f64::NAN);
            let labels = [("provider", &**provider), ("model", &**model)];
            ConstCounter::new(usd).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
