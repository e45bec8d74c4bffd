//! The ledger on a real store: invariants 1, 2, 4, 5, 6 and 9.

mod attempts;
mod booking;
mod filtered;
mod rating;
mod rerate;
mod tasks;
mod text;
mod worth;

use super::{calls, rebuild::rebuild_check, receive, view::Call, *};
use crate::{
    policy,
    prices::{PriceKey, PriceRow, PriceTable, Provenance, Status},
    rules::Rules,
    store::{Store, policies::StoredPolicy},
};
use protocol::{
    UnixNanos,
    attribution::{Attributed, Attribution, Dimension, Source},
    event::{CallEnd, CallHead, Ending, ItemResult, Outcome, UsageEvent},
    ids::CallId,
    meters::{Meter, Usage},
    money::{PicoUsd, PicoUsdPerUnit},
};
use std::{collections::BTreeMap, sync::Arc};

/// 2026-11-24T10:00:00Z.
const NOW: UnixNanos = 1_795_514_400_000_000_000;
const MINUTE: UnixNanos = 60_000_000_000;

const POLICY: &str = r#"
version: 1
plans:
  pro: {price_usd: "49.00"}
customers:
  acme: {plan: pro}
caps:
  - {name: acme-day, subject: {customer: acme}, limit_usd: "1.00", limit_tokens: 1000, window: day}
  - {name: per-task, each: task, limit_calls: 5, window: lifetime}
  - {name: all, limit_usd: "5.00", window: hour}
"#;

struct Ledger {
    store: Store,
    rules: Arc<Rules>,
    directory: tempfile::TempDir,
}

impl Ledger {
    fn new() -> Self {
        Self::with(POLICY, vec![price(1, Meter::Input, 2_500_000), price(2, Meter::Output, 10_000_000)])
    }

    fn with(policy: &str, prices: Vec<PriceRow>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let policy = policy::parse(policy, "policy.yaml").unwrap();
        let prices = PriceTable::new(prices, policy.prices.clone());
        let rules = Rules::new(StoredPolicy { version: 1, at: 0, policy }, prices);
        Self { store: Store::open(directory.path()).unwrap(), rules: Arc::new(rules), directory }
    }

    async fn book(&self, events: Vec<UsageEvent>) -> Vec<ItemResult> {
        self.book_from("boot-1", events).await
    }

    async fn book_from(&self, boot: &str, events: Vec<UsageEvent>) -> Vec<ItemResult> {
        let prepared = events.into_iter().map(|event| prepare(event, &self.rules, NOW + MINUTE).unwrap());
        let (entries, boot): (Vec<Entry>, String) = (prepared.collect(), boot.to_owned());
        let booked = self.store.write(move |write| book(write, "node", &boot, &entries, NOW)).await.unwrap();
        booked.results.into_iter().map(|(result, _)| result).collect()
    }

    async fn call(&self, number: u64) -> Call {
        let id = id(number);
        self.store.read(move |connection| calls::find(connection, id)).await.unwrap().unwrap()
    }

    async fn close_orphans(&self, before: UnixNanos) -> u64 {
        orphans::close(&self.store, self.rules.clone(), before, NOW + 10 * MINUTE).await.unwrap()
    }

    async fn number(&self, sql: &str) -> i64 {
        let sql = sql.to_owned();
        self.store
            .read(move |connection| Ok(connection.query_row(&sql, [], |row| row.get(0))?))
            .await
            .unwrap()
    }

    async fn number_of(&self, sql: &str, word: &str) -> i64 {
        let (sql, word) = (sql.to_owned(), word.to_owned());
        self.store
            .read(move |connection| Ok(connection.query_row(&sql, [word], |row| row.get(0))?))
            .await
            .unwrap()
    }

    /// Settled and held of a cap, over all subjects and processes.
    async fn cap(&self, cap: &str) -> (i64, i64) {
        let of = |column: &str| {
            format!(
                "SELECT coalesce(sum({column}), 0) FROM cap_usage
                 WHERE cap = (SELECT id FROM words WHERE text = '{cap}')"
            )
        };
        (self.number(&of("settled")).await, self.number(&of("held")).await)
    }

    /// Every test ends with it: what runs is what the ledger says.
    async fn assert_rebuild_equals_running(&self) {
        let check = self.store.read(rebuild_check).await.unwrap();
        assert!(check.is_equal(), "{check:?}");
    }
}

fn price(id: u64, meter: Meter, pico: u64) -> PriceRow {
    let source = Provenance {
        name: "test".into(),
        imported_at: 1,
        key: "gpt-4o".into(),
        text: "".into(),
        rounded: false,
    };
    PriceRow {
        id,
        key: PriceKey::plain("openai", "gpt-4o", meter),
        rate: PicoUsdPerUnit::new(pico),
        inherits: None,
        output_tokens_max: None,
        effective_from: 1,
        effective_to: None,
        source,
        status: Status::Active,
    }
}

fn id(number: u64) -> CallId {
    let [.., a, b] = number.to_be_bytes();
    CallId::new(NOW / 1_000_000, [0, 0, 0, 0, 0, 0, 0, 0, a, b])
}

fn head(number: u64) -> CallHead {
    let mut attribution = Attribution::default();
    for (dimension, value) in
        [(Dimension::Customer, "acme"), (Dimension::Feature, "summaries"), (Dimension::Task, "t-1")]
    {
        attribution.set(dimension, Attributed { value: value.parse().unwrap(), from: Source::Header });
    }
    CallHead {
        id: id(number),
        request_id: Some(format!("request-{number}").into()),
        attribution,
        provider: "openai".into(),
        account: None,
        dialect: "openai-chat".into(),
        operation: "chat".into(),
        route: Some("chat".into()),
        original_route: None,
        request_model: Some("gpt-4o".into()),
        downgraded_to: None,
        routed_to: None,
        request_tier: None,
        stream: true,
        output_tokens_max: Some(100),
        input_tokens_estimate: 40,
        request_text_bytes: None,
        region: None,
        started_at: NOW + number,
        hold: "0.0011".parse().ok(),
        hold_input: "0.0001".parse().ok(),
        caps: vec![],
        loop_guard: None,
    }
}

fn end(input: u64, output: u64) -> CallEnd {
    CallEnd {
        finished_at: NOW + MINUTE,
        first_token_at: Some(NOW + MINUTE / 2),
        response_model: Some("gpt-4o".into()),
        service_tier: None,
        usage: Usage {
            units: [(Meter::Input, input), (Meter::Output, output)].into(),
            estimated: [].into(),
            complete: true,
        },
        provider_cost: None,
        region: None,
        text_bytes: 0,
        status: 200,
        response_flags: "".into(),
        ending: Ending::Complete,
        outcome: Outcome::Ok,
        refused: None,
        finish_reasons: vec!["stop".into()],
        error_type: None,
        cluster: None,
        upstream: None,
        attempts: 1,
        tried: Vec::new(),
        settled: None,
        stopped_by: None,
    }
}

fn started(number: u64) -> UsageEvent {
    UsageEvent::Started { head: head(number) }
}

fn finished(number: u64) -> UsageEvent {
    ended(number, end(10, 5))
}

fn ended(number: u64, end: CallEnd) -> UsageEvent {
    UsageEvent::Finished { head: head(number), end: Box::new(end) }
}
