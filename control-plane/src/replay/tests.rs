//! Policies over calls that a real ledger has.

mod speed;

use super::*;
use crate::{
    ledger::{Entry, book, prepare},
    policy,
    prices::{PriceKey, PriceRow, Provenance, Status},
};
use protocol::{
    attribution::{Attributed, Attribution, Source},
    event::{CallEnd, CallHead, Ending, ItemResult, Outcome, UsageEvent},
    ids::CallId,
    meters::{Meter, Usage},
    money::PicoUsdPerUnit,
};
use serde_json::{Value, json};

/// 2026-11-24T10:00:00Z.
const NOW: UnixNanos = 1_795_514_400_000_000_000;
const MINUTE: UnixNanos = 60_000_000_000;
const HOUR: UnixNanos = 60 * MINUTE;

/// A call of the ledger: a million tokens cost a dollar.
#[derive(Clone, Copy)]
struct Past {
    at: UnixNanos,
    customer: &'static str,
    task: &'static str,
    model: &'static str,
    tokens: u64,
    /// What its filter held, in tokens of the same price.
    hold: u64,
    limit: Option<u64>,
    takes: UnixNanos,
    refused: Option<Refusal>,
    is_open: bool,
}

const PAST: Past = Past {
    at: NOW,
    customer: "acme",
    task: "t-1",
    model: "gpt-x",
    tokens: 1_000_000,
    hold: 1_000_000,
    limit: Some(1),
    takes: 1_000_000_000,
    refused: None,
    is_open: false,
};

impl Past {
    fn head(&self, number: u64) -> CallHead {
        let mut attribution = Attribution::default();
        for (dimension, value) in [(Dimension::Customer, self.customer), (Dimension::Task, self.task)] {
            if let Ok(value) = value.parse() {
                attribution.set(dimension, Attributed { value, from: Source::Header });
            }
        }
        let [.., a, b, c] = number.to_be_bytes();
        let hold = (self.model == "gpt-x").then(|| PicoUsd::new(i128::from(self.hold) * 1_000_000));
        CallHead {
            id: CallId::new(self.at / 1_000_000, [0, 0, 0, 0, 0, 0, 0, a, b, c]),
            request_id: None,
            attribution,
            provider: "openai".into(),
            account: None,
            dialect: "openai-chat".into(),
            operation: "chat".into(),
            route: Some("llm".into()),
            original_route: None,
            request_model: Some(self.model.into()),
            downgraded_to: None,
            routed_to: None,
            request_tier: None,
            stream: false,
            output_tokens_max: self.limit,
            input_tokens_estimate: self.tokens,
            request_text_bytes: None,
            region: None,
            started_at: self.at,
            hold,
            hold_input: hold.map(|_| PicoUsd::new(0)),
            caps: Vec::new(),
            loop_guard: None,
        }
    }

    fn event(&self, number: u64) -> UsageEvent {
        let head = self.head(number);
        if self.is_open {
            return UsageEvent::Started { head };
        }
        let units = [(Meter::Input, self.tokens)].into_iter().filter(|_| self.refused.is_none()).collect();
        let end = CallEnd {
            finished_at: self.at + self.takes,
            first_token_at: None,
            response_model: None,
            service_tier: None,
            region: None,
            usage: Usage { units, complete: true, ..Usage::default() },
            text_bytes: 0,
            provider_cost: None,
            status: 200,
            response_flags: "".into(),
            ending: Ending::Complete,
            outcome: self.refused.map_or(Outcome::Ok, Refusal::outcome),
            refused: self.refused,
            finish_reasons: Vec::new(),
            error_type: None,
            cluster: None,
            upstream: None,
            attempts: 1,
            tried: Vec::new(),
            settled: None,
            stopped_by: None,
        };
        UsageEvent::Finished { head, end: Box::new(end) }
    }
}

struct World {
    store: Store,
    _place: tempfile::TempDir,
}

impl World {
    async fn of(calls: impl IntoIterator<Item = Past>) -> Self {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(place.path()).unwrap();
        let events = (1..).zip(calls).map(|(number, past)| past.event(number)).collect();
        let world = Self { store, _place: place };
        world.book(events).await;
        world
    }

    async fn book(&self, events: Vec<UsageEvent>) {
        let source = Provenance {
            name: "test".into(),
            imported_at: 1,
            key: "gpt-x".into(),
            text: "".into(),
            rounded: false,
        };
        let price = PriceRow {
            id: 1,
            key: PriceKey::plain("openai", "gpt-x", Meter::Input),
            rate: PicoUsdPerUnit::new(1_000_000),
            inherits: None,
            output_tokens_max: None,
            effective_from: 1,
            effective_to: None,
            source,
            status: Status::Active,
        };
        let then = policy::parse("version: 1\n", "then").unwrap();
        let prices = PriceTable::new([price], then.prices.clone());
        let rules = Rules::new(StoredPolicy { version: 1, at: 0, policy: then }, prices);
        let prepared = events.into_iter().map(|event| prepare(event, &rules, NOW + 48 * HOUR).unwrap());
        let bookings: Vec<Entry> = prepared.collect();
        let booked = self.store.write(move |write| book(write, "node", "boot", &bookings, 0)).await.unwrap();
        assert!(booked.results.iter().all(|(result, _)| *result == ItemResult::Accepted), "{booked:?}");
    }

    /// Over everything from `NOW` on.
    async fn replay(&self, policy: &str) -> Value {
        let policy = policy::parse(&format!("version: 1\n{policy}"), "policy.yaml").unwrap();
        let range = Range { from: NOW, to: NOW + 48 * HOUR };
        replay(&self.store, policy, range).await.unwrap().to_json()
    }
}

fn in_all(report: &Value) -> [&Value; 6] {
    let row = &report["in_all"]["items"][0];
    ["calls", "cost_usd", "refused", "saved_usd", "refused_then", "let_through"].map(|key| &row[key])
}

fn minutes(count: u64) -> impl Iterator<Item = Past> {
    (0..count).map(|minute| Past { at: NOW + minute * MINUTE, ..PAST })
}

#[tokio::test]
async fn a_cap_refuses_from_where_it_is_reached_and_what_that_cost_is_saved() {
    let globex = minutes(9).map(|past| Past { customer: "globex", ..past });
    let world = World::of(minutes(5).chain(globex)).await;
    let report =
        world.replay("caps: [{name: acme, subject: {customer: acme}, limit_usd: \"3\", window: day}]").await;
    assert_eq!(in_all(&report), [&json!(14), &json!("14"), &json!(2), &json!("2"), &json!(0), &json!(0)]);
    let cap = &report["caps"]["items"][0];
    assert_eq!((&cap["cap"], &cap["calls"], &cap["subjects"]), (&json!("acme/usd"), &json!(2), &json!(1)));
    assert_eq!(cap["first_at"], "2026-11-24T10:03:00.000000000Z");
    assert_eq!(report["subjects"]["items"][0]["subject"], "customer=acme");
    // What is refused is not charged: a limit of whole dollars lets as many through as it has.
    let each = world.replay("caps: [{name: each, each: customer, limit_calls: 4, window: lifetime}]").await;
    assert_eq!((&each["caps"]["items"][0]["calls"], in_all(&each)[2]), (&json!(6), &json!(6)));
    let subjects = each["subjects"]["items"].as_array().unwrap();
    assert_eq!(subjects.iter().map(|row| &row["calls"]).collect::<Vec<_>>(), [5, 1]);
    let tokens = world.replay("caps: [{name: all, limit_tokens: 4000001, window: day}]").await;
    assert_eq!(in_all(&tokens)[2], 10);
    let enough = world.replay("caps: [{name: all, limit_usd: \"14\", window: day}]").await;
    assert_eq!((in_all(&enough)[2], enough["caps"]["items"].as_array().unwrap().len()), (&json!(0), 0));
}

#[tokio::test]
async fn a_call_holds_from_its_start_to_its_end_and_then_counts_for_what_it_cost() {
    let long = |second: u64, takes: u64| Past {
        at: NOW + second * 1_000_000_000,
        takes: takes * 1_000_000_000,
        hold: 2_000_000,
        ..PAST
    };
    let cap = "caps: [{name: all, limit_usd: \"3.5\", window: day}]";
    // The second starts while the first holds 2, and would need 2; the third starts in the instant the first ends.
    let world = World::of([long(0, 10), long(5, 10), long(10, 1)]).await;
    let report = world.replay(cap).await;
    assert_eq!((in_all(&report)[2], in_all(&report)[3]), (&json!(1), &json!("1")));
    assert_eq!(report["caps"]["items"][0]["first_at"], "2026-11-24T10:00:05.000000000Z");
    // One that never ended holds for good.
    let open = Past { is_open: true, ..long(0, 0) };
    let report = World::of([open, long(10, 1), long(20, 1)]).await.replay(cap).await;
    assert_eq!((in_all(&report)[0], in_all(&report)[2]), (&json!(3), &json!(2)));
    assert!(
        report["in_all"]["notes"][0].as_str().unwrap().starts_with("1 call has no known cost"),
        "{report}"
    );
    // Without a limit of its own it holds no more than a tenth of the cap.
    let free = |second| Past { limit: None, hold: 50_000_000, tokens: 1_000, ..long(second, 30) };
    let report = World::of((0..12).map(free)).await.replay(cap).await;
    assert_eq!(in_all(&report)[2], 2);
}

#[tokio::test]
async fn a_window_that_had_begun_counts_from_its_beginning_and_ends_where_the_customer_is() {
    let hour = |hour: u64| Past { at: NOW - 10 * HOUR + hour * HOUR, ..PAST };
    // 22:30 UTC is 23:30 in Berlin; at 23:00 UTC its next day begins.
    let world = World::of([hour(2), hour(9), hour(11), hour(22), hour(23)]).await;
    let in_zone = |zone: &str| {
        format!(
            "customers: {{acme: {{time_zone: {zone}}}}}\ncaps: [{{name: each, each: customer, limit_calls: 3, window: day}}]"
        )
    };
    let berlin = world.replay(&in_zone("Europe/Berlin")).await;
    assert_eq!((in_all(&berlin)[0], in_all(&berlin)[2]), (&json!(3), &json!(1)));
    assert_eq!(berlin["caps"]["items"][0]["first_at"], "2026-11-24T22:00:00.000000000Z");
    assert_eq!(in_all(&world.replay(&in_zone("UTC")).await)[2], 2);
}

#[tokio::test]
async fn what_only_watches_or_gives_way_saves_nothing() {
    let world = World::of(minutes(5)).await;
    for (key, mode) in [("mode: shadow", "shadow"), ("action: {downgrade: gpt-mini}", "downgrade")] {
        let report =
            world.replay(&format!("caps: [{{name: all, limit_usd: \"3\", window: day, {key}}}]")).await;
        let cap = &report["caps"]["items"][0];
        assert_eq!((&cap["mode"], &cap["calls"], &cap["cost_usd"]), (&json!(mode), &json!(2), &json!("2")));
        assert_eq!((in_all(&report)[2], in_all(&report)[3]), (&json!(0), &json!("0")));
    }
    let already = "caps: [{name: all, limit_usd: \"3\", window: day, action: {downgrade: gpt-x}}]";
    assert_eq!(world.replay(already).await["caps"]["items"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn what_was_refused_then_may_be_let_through_and_counts_as_a_call_alone() {
    let refused = |reason| move |past: Past| Past { refused: Some(reason), ..past };
    let world = World::of(minutes(4).map(refused(Refusal::Cap))).await;
    let three = "caps: [{name: all, limit_calls: 3, limit_usd: \"1\", window: day}]";
    assert_eq!(
        in_all(&world.replay(three).await),
        [&json!(0), &json!("0"), &json!(0), &json!("0"), &json!(4), &json!(3)]
    );
    let small = "caps: [{name: all, limit_usd: \"0.5\", window: day}]";
    assert_eq!(in_all(&world.replay(small).await)[5], 0, "larger than the cap");
    let looped = World::of(minutes(4).map(refused(Refusal::LoopGuard))).await;
    assert_eq!(in_all(&looped.replay("loop_guard: {identical_requests: 3}").await)[5], 0);
    assert_eq!(in_all(&looped.replay("").await)[5], 4);
    let away = World::of(minutes(4).map(refused(Refusal::Unreachable))).await;
    assert_eq!(in_all(&away.replay("when_unreachable: refuse").await)[5], 0);
    assert_eq!(in_all(&away.replay("when_unreachable: allow").await)[5], 4);
}

#[tokio::test]
async fn rules_refuse_before_caps_and_a_ceiling_is_charged() {
    let nobodys = Past { customer: "", ..PAST };
    let unknown = Past { model: "gpt-new", at: NOW + MINUTE, ..PAST };
    let world = World::of([nobodys, unknown]).await;
    let report = world.replay("unattributed: {rule: refuse}").await;
    assert_eq!((in_all(&report)[2], &report["caps"]["items"][0]["cap"]), (&json!(1), &json!("unattributed")));
    let cap = "caps: [{name: all, limit_usd: \"2\", window: day}]";
    let report = world.replay(&format!("unpriced: {{rule: refuse}}\n{cap}")).await;
    assert_eq!((in_all(&report)[2], &report["caps"]["items"][0]["cap"]), (&json!(1), &json!("unpriced")));
    assert_eq!(
        (in_all(&report)[3], &report["caps"]["items"][0]["calls_unpriced"]),
        (&Value::Null, &json!(1))
    );
    assert_eq!(in_all(&world.replay(cap).await)[2], 0, "it holds nothing");
    let ceiling = format!("unpriced: {{rule: ceiling, ceiling_usd_per_mtok: \"1.5\"}}\n{cap}");
    assert_eq!(in_all(&world.replay(&ceiling).await)[2], 1);
}

#[tokio::test]
async fn pages_have_every_call_once_also_where_many_start_at_one_instant() {
    let world = World::of((0..7).map(|_| PAST).chain(minutes(3))).await;
    let mut cursor = Cursor::at(NOW);
    let mut seen = 0;
    loop {
        let page = world.store.read(move |read| ledger::page(read, cursor, (NOW + HOUR, 2), false));
        let page = page.await.unwrap();
        let Some(last) = page.last() else { break };
        (cursor, seen) = (last.cursor(), seen + page.len());
    }
    assert_eq!(seen, 10);
}
