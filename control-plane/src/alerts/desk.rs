//! What tests of alerts stand on: a control plane with a clock that they set, and aggregates as the ledger writes them.

use super::{Alert, Filter, list, run::Evaluated, run::Evaluator};
use crate::{app::App, clock::Clock, policy};
use protocol::UnixNanos;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub(crate) const HOUR: u64 = 3_600_000_000_000;
pub(crate) const DAY: u64 = 24 * HOUR;
pub(crate) const CENT: i64 = 10_000_000_000;
/// 2026-11-24T10:00:00Z: 23 days and 10 hours into the month.
pub(crate) const NOW: UnixNanos = 1_795_514_400_000_000_000;

pub(crate) struct Desk {
    pub(crate) app: App,
    pub(crate) evaluator: Evaluator,
    clock: Arc<AtomicU64>,
    directory: tempfile::TempDir,
}

/// What one customer spends at one instant.
#[derive(Clone, Copy)]
pub(crate) struct Spending<'a> {
    pub(crate) customer: &'a str,
    pub(crate) workspace: &'a str,
    pub(crate) feature: &'a str,
    pub(crate) plan: &'a str,
    pub(crate) at: UnixNanos,
    pub(crate) pico: i64,
    pub(crate) unpriced: i64,
}

impl Default for Spending<'_> {
    fn default() -> Self {
        Self { customer: "acme", workspace: "", feature: "", plan: "pro", at: NOW, pico: 0, unpriced: 0 }
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap(), Arc::new(AtomicU64::new(NOW)))
    }

    fn on(directory: tempfile::TempDir, clock: Arc<AtomicU64>) -> Self {
        let ticking = clock.clone();
        let source = Clock::from_source(move || ticking.load(Ordering::Acquire));
        let app = App::open(directory.path(), source).unwrap();
        Self { evaluator: Evaluator::new(app.clone()), app, clock, directory }
    }

    /// With a policy that was evaluated once, so that what comes is news.
    pub(crate) async fn with(policy: &str) -> Self {
        let desk = Self::new();
        desk.put(policy).await;
        desk.evaluate().await;
        desk
    }

    /// The process ends and begins again on the same data.
    pub(crate) async fn restarted(self) -> Self {
        let Self { app, evaluator, clock, directory } = self;
        drop(evaluator);
        app.store.close().await;
        Self::on(directory, clock)
    }

    pub(crate) async fn put(&self, text: &str) {
        let policy = policy::parse(&format!("version: 1\n{text}"), "policy.yaml");
        self.app.put_policy(policy.unwrap_or_else(|faults| panic!("{faults:?}"))).await.unwrap();
    }

    pub(crate) fn set(&self, now: UnixNanos) {
        self.clock.store(now, Ordering::Release);
    }

    pub(crate) async fn evaluate(&self) -> Evaluated {
        self.evaluator.evaluate().await.unwrap()
    }

    /// Alerts on record, the oldest first: kind, subject, threshold and state.
    pub(crate) async fn told(&self) -> Vec<String> {
        let word = |alert: &Alert| {
            format!("{} {} {} {}", alert.kind, alert.subject, alert.threshold, alert.state.as_str())
        };
        self.alerts().await.iter().map(word).collect()
    }

    pub(crate) async fn alerts(&self) -> Vec<Alert> {
        let all = self.app.store.read(|store| list(store, &Filter::default(), 1_000)).await.unwrap();
        all.0.into_iter().rev().collect()
    }

    pub(crate) async fn sql(&self, sql: &str) {
        let sql = sql.to_owned();
        self.app.store.write(move |write| Ok(write.connection().execute_batch(&sql)?)).await.unwrap();
    }

    /// Adds to the aggregates what a call adds.
    pub(crate) async fn spend(&self, spending: Spending<'_>) {
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

/// 50 USD at 80 % leaves 10; two customers; what is raised is told to `ops`, where nobody listens.
pub(crate) const POLICY: &str = "
plans: {pro: {price_usd: 50, expected_margin_percent: 80}}
customers: {acme: {plan: pro}, beta: {plan: pro}}
destinations: {ops: {url: \"http://127.0.0.1:9/services/T0/B0/token\", kind: slack}}
alerts: {to: [ops], abnormal: {factor: 0}}
";

impl Desk {
    /// One customer has passed 50 % and another 50 % and 80 %, of which nobody was told because it was so before.
    pub(crate) async fn with_alerts() -> Self {
        let desk = Self::new();
        desk.put(POLICY).await;
        desk.spend(Spending { customer: "beta", pico: 900 * CENT, ..Spending::default() }).await;
        desk.evaluate().await;
        desk.spend(Spending { pico: 501 * CENT, ..Spending::default() }).await;
        desk.evaluate().await;
        desk
    }

    /// Serves API and console; where.
    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = crate::api::router(self.app.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }
}

/// Asks; the status and the text of the answer.
pub(crate) async fn ask(method: &str, url: String, headers: &[(&str, &str)]) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).unwrap();
    let asked = move || {
        let mut answer = agent.run(request).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    tokio::task::spawn_blocking(asked).await.unwrap()
}
