//! What tests of alerts stand on: a control plane with a clock that they set, and aggregates as the ledger writes them.

use super::{Alert, Filter, list, run::Evaluated, run::Evaluator};
use crate::{app::App, clock::Clock, policy};
use protocol::UnixNanos;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub(super) const HOUR: u64 = 3_600_000_000_000;
pub(super) const DAY: u64 = 24 * HOUR;
pub(super) const CENT: i64 = 10_000_000_000;
/// 2026-11-24T10:00:00Z: 23 days and 10 hours into the month.
pub(super) const NOW: UnixNanos = 1_795_514_400_000_000_000;

pub(super) struct Desk {
    pub(super) app: App,
    pub(super) evaluator: Evaluator,
    clock: Arc<AtomicU64>,
    directory: tempfile::TempDir,
}

/// What one customer spends at one instant.
#[derive(Clone, Copy)]
pub(super) struct Spending<'a> {
    pub(super) customer: &'a str,
    pub(super) workspace: &'a str,
    pub(super) feature: &'a str,
    pub(super) plan: &'a str,
    pub(super) at: UnixNanos,
    pub(super) pico: i64,
    pub(super) unpriced: i64,
}

impl Default for Spending<'_> {
    fn default() -> Self {
        Self { customer: "acme", workspace: "", feature: "", plan: "pro", at: NOW, pico: 0, unpriced: 0 }
    }
}

impl Desk {
    pub(super) fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap(), Arc::new(AtomicU64::new(NOW)))
    }

    fn on(directory: tempfile::TempDir, clock: Arc<AtomicU64>) -> Self {
        let ticking = clock.clone();
        let source = Clock::from_source(move || ticking.load(Ordering::Acquire));
        let app = App::open(directory.path(), source).unwrap();
        Self { evaluator: Evaluator::new(app.clone()), app, clock, directory }
    }

    /// With a policy that was evaluated once, so that what comes is news.
    pub(super) async fn with(policy: &str) -> Self {
        let desk = Self::new();
        desk.put(policy).await;
        desk.evaluate().await;
        desk
    }

    /// The process ends and begins again on the same data.
    pub(super) async fn restarted(self) -> Self {
        let Self { app, evaluator, clock, directory } = self;
        drop(evaluator);
        app.store.close().await;
        Self::on(directory, clock)
    }

    pub(super) async fn put(&self, text: &str) {
        let policy = policy::parse(&format!("version: 1\n{text}"), "policy.yaml");
        self.app.put_policy(policy.unwrap_or_else(|faults| panic!("{faults:?}"))).await.unwrap();
    }

    pub(super) fn set(&self, now: UnixNanos) {
        self.clock.store(now, Ordering::Release);
    }

    pub(super) async fn evaluate(&self) -> Evaluated {
        self.evaluator.evaluate().await.unwrap()
    }

    /// Alerts on record, the oldest first: kind, subject, threshold and state.
    pub(super) async fn told(&self) -> Vec<String> {
        let word = |alert: &Alert| {
            format!("{} {} {} {}", alert.kind, alert.subject, alert.threshold, alert.state.as_str())
        };
        self.alerts().await.iter().map(word).collect()
    }

    pub(super) async fn alerts(&self) -> Vec<Alert> {
        let all = self.app.store.read(|store| list(store, &Filter::default(), 1_000)).await.unwrap();
        all.0.into_iter().rev().collect()
    }

    pub(super) async fn sql(&self, sql: &str) {
        let sql = sql.to_owned();
        self.app.store.write(move |write| Ok(write.connection().execute_batch(&sql)?)).await.unwrap();
    }

    /// Adds to the aggregates what a call adds.
    pub(super) async fn spend(&self, spending: Spending<'_>) {
        let Spending { customer, workspace, feature, plan, at, pico, unpriced } = spending;
        let names = [customer, workspace, feature, plan, "openai", "gpt-x"].map(str::to_owned);
        let job = move |write: &mut crate::store::Write<'_>| {
            let mut ids = [0; 6];
            for (id, name) in ids.iter_mut().zip(&names) {
                *id = write.word(Some(name))?;
            }
            let [customer, workspace, feature, plan, provider, model] = ids;
            let (hour, day) = (at / HOUR, at / DAY);
            let zeros = "0, 0, 0, 0";
            let rows = [
                (
                    "by_hour_workspace",
                    "hour, customer, workspace",
                    format!("{hour}, {customer}, {workspace}"),
                ),
                ("by_day_customer", "day, customer, plan", format!("{day}, {customer}, {plan}")),
                ("by_day_feature", "day, feature", format!("{day}, {feature}")),
                ("by_day_model", "day, plan, provider, model", format!("{day}, {plan}, {provider}, {model}")),
            ];
            for (table, keys, values) in rows {
                write.execute(
                    &format!(
                        "INSERT INTO {table} ({keys}, calls, unpriced, cost_pico, refused, errors, estimated,
                             unattributed, tokens_in, tokens_out)
                         VALUES ({values}, 1, ?1, ?2, {zeros}, 0, 0)
                         ON CONFLICT ({keys}) DO UPDATE SET calls = calls + 1, unpriced = unpriced + ?1,
                             cost_pico = cost_pico + ?2"
                    ),
                    [unpriced, pico],
                )?;
            }
            Ok(())
        };
        self.app.store.write(job).await.unwrap();
    }
}
