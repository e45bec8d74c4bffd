//! Evaluations on a real store.

use crate::alerts::desk::{CENT, DAY, Desk, HOUR, NOW, Spending};
use protocol::codec;

/// 50 USD at 80 % leaves 10; three customers, so that one of them does not carry the plan over.
const POLICY: &str = "
plans: {pro: {price_usd: \"50\", expected_margin_percent: 80}}
customers: {acme: {plan: pro}, beta: {plan: pro}, gamma: {plan: pro}}
destinations: {ops: {url: \"http://127.0.0.1:9/\", kind: standard-webhooks}}
alerts: {to: [ops], abnormal: {factor: 0}, margin_percent: [50, 80]}
";

fn cents(cents: i64) -> Spending<'static> {
    Spending { pico: cents * CENT, ..Spending::default() }
}

#[tokio::test]
async fn a_customer_who_passes_thresholds_is_told_of_once_and_together() {
    let desk = Desk::with(POLICY).await;
    desk.spend(cents(392)).await;
    assert_eq!(desk.evaluate().await.fired, 1, "foretold: 3.92 in 23 days are 5.00 in 30");
    desk.spend(cents(450)).await;
    assert_eq!(desk.evaluate().await.fired, 2, "50 % and 80 %");
    assert_eq!(desk.evaluate().await.fired, 0);
    assert_eq!(
        desk.told().await,
        [
            "margin_projected customer acme 50 resolved",
            "margin_reached customer acme 50 standing",
            "margin_reached customer acme 80 standing",
        ]
    );
    let messages: std::collections::BTreeSet<_> =
        desk.alerts().await.into_iter().map(|alert| alert.message).collect();
    assert_eq!(messages.len(), 2, "the two that were reached are one message");
}

#[tokio::test]
async fn a_restart_tells_nothing_anew_and_forgets_nothing() {
    let mut desk = Desk::with(POLICY).await;
    desk.spend(cents(600)).await;
    desk.evaluate().await;
    let told = desk.told().await;
    desk = desk.restarted().await;
    assert_eq!(desk.evaluate().await.fired, 0);
    assert_eq!(desk.told().await, told);
    assert_eq!(desk.alerts().await[0].deliveries[0].state, "queued", "it is still on its way");
    // What was crossed while the process was away fires when it comes back.
    desk.spend(cents(300)).await;
    desk = desk.restarted().await;
    assert_eq!(desk.evaluate().await.fired, 1);
}

#[tokio::test]
async fn the_next_period_is_armed_again() {
    let desk = Desk::with(POLICY).await;
    desk.spend(cents(600)).await;
    desk.evaluate().await;
    let december = NOW + 8 * DAY;
    desk.set(december);
    assert_eq!(desk.evaluate().await.fired, 0);
    assert!(desk.alerts().await.iter().all(|alert| alert.ended_at.is_some()));
    desk.spend(Spending { at: december, ..cents(600) }).await;
    desk.evaluate().await;
    let told = desk.told().await;
    assert_eq!(
        told.iter().filter(|told| **told == "margin_reached customer acme 50 standing").count(),
        1,
        "{told:?}"
    );
}

#[tokio::test]
async fn what_stood_before_the_first_evaluation_or_before_a_rule_is_noted_and_not_told() {
    let desk = Desk::new();
    desk.put(POLICY).await;
    desk.spend(cents(600)).await;
    let first = desk.evaluate().await;
    assert_eq!((first.fired, first.seeded > 0), (0, true));
    // A rule in the middle of the period: 40 % has been passed long ago.
    desk.put(&POLICY.replace("[50, 80]", "[40, 50, 80]")).await;
    desk.spend(cents(250)).await;
    let second = desk.evaluate().await;
    assert_eq!(second.fired, 1, "80 % was passed by spending: {:?}", desk.told().await);
    let told = desk.told().await;
    assert!(told.contains(&"margin_reached customer acme 40 seeded".to_owned()), "{told:?}");
    assert!(told.contains(&"margin_reached customer acme 80 standing".to_owned()), "{told:?}");
    let seeded = desk.alerts().await.into_iter().filter(|alert| alert.message.is_none());
    assert!(seeded.into_iter().all(|alert| alert.deliveries.is_empty()));
}

#[tokio::test]
async fn a_customer_who_is_moved_to_a_smaller_plan_is_noted_and_not_told() {
    let plans =
        POLICY.replace("plans: {", "plans: {big: {price_usd: \"500\", expected_margin_percent: 80}, ");
    let desk = Desk::with(&plans.replace("acme: {plan: pro}", "acme: {plan: big}")).await;
    desk.spend(Spending { plan: "big", ..cents(900) }).await;
    desk.evaluate().await;
    desk.put(&plans).await;
    let moved = desk.evaluate().await;
    assert_eq!((moved.fired, moved.seeded), (0, 2), "{:?}", desk.told().await);
}

#[tokio::test]
async fn a_workspace_that_eats_the_room_alone_is_named_beside_its_customer() {
    let desk = Desk::with(POLICY).await;
    desk.spend(Spending { workspace: "small", ..cents(100) }).await;
    desk.spend(Spending { workspace: "large", ..cents(450) }).await;
    desk.evaluate().await;
    assert!(!desk.told().await.iter().any(|told| told.contains("workspace")));
    desk.spend(Spending { workspace: "large", ..cents(60) }).await;
    desk.evaluate().await;
    let told = desk.told().await;
    let named: Vec<&String> = told.iter().filter(|told| told.contains("workspace")).collect();
    assert_eq!(named, ["margin_reached customer acme, workspace large 50 standing"]);
}

#[tokio::test]
async fn plans_and_features_are_held_against_what_all_their_customers_leave_room_for() {
    // 3 × 10 USD of room.
    let desk = Desk::with(POLICY).await;
    for customer in ["acme", "beta", "gamma"] {
        desk.spend(Spending { customer, feature: "summarise", ..cents(499) }).await;
    }
    desk.evaluate().await;
    let reached = |told: Vec<String>| -> Vec<String> {
        told.into_iter().filter(|told| told.starts_with("margin_reached")).collect()
    };
    assert!(reached(desk.told().await).is_empty());
    desk.spend(Spending { feature: "summarise", ..cents(3) }).await;
    desk.evaluate().await;
    assert_eq!(
        reached(desk.told().await),
        [
            "margin_reached customer acme 50 standing",
            "margin_reached feature summarise 50 standing",
            "margin_reached plan pro 50 standing",
        ]
    );
}

#[tokio::test]
async fn a_period_begins_at_midnight_where_the_customer_is() {
    // In Berlin, 1 November begins an hour before UTC's.
    let berlin = POLICY.replace("acme: {plan: pro}", "acme: {plan: pro, time_zone: Europe/Berlin}");
    let desk = Desk::with(&berlin).await;
    let first = NOW - 23 * DAY - 10 * HOUR;
    desk.spend(Spending { at: first - 2 * HOUR, ..cents(500) }).await;
    desk.evaluate().await;
    assert!(desk.told().await.is_empty(), "October's");
    desk.spend(Spending { at: first - HOUR, ..cents(499) }).await;
    desk.spend(Spending { at: NOW, ..cents(1) }).await;
    // What the days before yesterday cost is remembered for ten minutes.
    desk.set(NOW + 11 * 60_000_000_000);
    desk.evaluate().await;
    let told = desk.told().await;
    assert!(told.contains(&"margin_reached customer acme 50 standing".to_owned()), "{told:?}");
}

#[tokio::test]
async fn caps_tell_of_what_is_spent_but_fuses_and_rate_limits_do_not() {
    let desk = Desk::with(
        "caps:
  - {name: day, each: customer, limit_calls: 10, window: day}
  - {name: minute, each: customer, limit_calls: 1, window: minute}
  - {name: task, each: task, limit_calls: 1, window: day}
  - {name: rooms, each: [customer, workspace], limit_calls: 10, window: day}
alerts: {cap_percent: [80, 100]}
",
    )
    .await;
    let day = NOW - NOW % DAY;
    let count = |cap: &str, subject: &str, start: u64, settled: i64| {
        format!(
            "INSERT OR IGNORE INTO words (text) VALUES ('{cap}'), ('{subject}'), ('boot');
             INSERT INTO cap_usage SELECT c.id, s.id, {start}, b.id, {settled}, 1 FROM words c, words s, words b
                 WHERE c.text = '{cap}' AND s.text = '{subject}' AND b.text = 'boot'
                 ON CONFLICT DO UPDATE SET settled = {settled};"
        )
    };
    desk.sql(&count("day/calls", "customer=acme", day - DAY, 10)).await;
    desk.sql(&count("day/calls", "customer=acme", day, 8)).await;
    desk.sql(&count("day/calls", "customer=beta", day, 7)).await;
    desk.sql(&count("minute/calls", "customer=acme", NOW, 5)).await;
    desk.sql(&count("task/calls", "task=t", day, 5)).await;
    desk.sql(&count("rooms/calls", "customer=acme & co workspace=w", day, 9)).await;
    desk.evaluate().await;
    desk.sql(&count("day/calls", "customer=acme", day, 10)).await;
    desk.evaluate().await;
    assert_eq!(
        desk.told().await,
        [
            "cap cap day, unit calls, of customer=acme 80 standing",
            "cap cap rooms, unit calls, of customer=acme & co workspace=w 80 standing",
            "cap cap day, unit calls, of customer=acme 100 standing",
        ]
    );
    let whose: Vec<String> = desk.alerts().await.into_iter().filter_map(|alert| alert.customer).collect();
    assert_eq!(whose, ["acme", "acme & co", "acme"]);
}

#[tokio::test]
async fn an_abnormal_hour_is_told_of_once_a_day_with_its_workspace() {
    let desk = Desk::with("").await;
    for days in 1..=10 {
        desk.spend(Spending { at: NOW - days * DAY, workspace: "w", ..cents(100) }).await;
    }
    desk.spend(Spending { workspace: "w", ..cents(399) }).await;
    assert_eq!(desk.evaluate().await.fired, 0);
    desk.spend(Spending { workspace: "w", ..cents(1) }).await;
    assert_eq!(desk.evaluate().await.fired, 2);
    desk.set(NOW + HOUR);
    desk.spend(Spending { at: NOW + HOUR, workspace: "w", ..cents(900) }).await;
    assert_eq!(desk.evaluate().await.fired, 0, "the same day");
    assert_eq!(
        desk.told().await,
        ["abnormal_spend customer acme 4 standing", "abnormal_spend customer acme, workspace w 4 standing"]
    );
    let figures = &desk.alerts().await[0].figures;
    assert_eq!(
        (&figures["spent_usd"], &figures["usual_usd"], &figures["days"]),
        (&"4".into(), &"1".into(), &10.into())
    );
}

#[tokio::test]
async fn unpriced_models_are_told_of_once_a_day_all_in_one_message() {
    let desk = Desk::with("").await;
    desk.spend(Spending { unpriced: 1, ..cents(0) }).await;
    assert_eq!(desk.evaluate().await.fired, 1);
    desk.spend(Spending { unpriced: 1, ..cents(0) }).await;
    assert_eq!(desk.evaluate().await.fired, 0);
    desk.set(NOW + DAY);
    desk.spend(Spending { at: NOW + DAY, unpriced: 1, ..cents(0) }).await;
    assert_eq!(desk.evaluate().await.fired, 1);
    let told = desk.told().await;
    // The day before is looked at until it is over by a day: it stands until then.
    assert_eq!(told, ["unpriced provider openai, model gpt-x 0 standing"; 2]);
}

#[tokio::test]
async fn prices_of_providers_in_use_grow_stale_and_an_import_makes_them_young() {
    let desk = Desk::with("").await;
    let row = |id: u64, provider: &str| {
        format!(
            "INSERT INTO prices (id, provider, model, prefix, meter, rate_pico, effective_from, status, source,
                 source_at, source_key, source_text, source_rounded)
             VALUES ({id}, '{provider}', 'm', 0, 'input', 1, 1, 'active', 'test', {}, 'k', '1', 0);",
            NOW - 31 * DAY
        )
    };
    desk.sql(&(row(1, "openai") + &row(2, "unused"))).await;
    desk.app.change(|_| Ok(())).await.unwrap();
    desk.spend(cents(1)).await;
    assert_eq!(desk.evaluate().await.fired, 1);
    assert_eq!(desk.told().await, ["stale_prices provider openai 30 standing"]);
    desk.sql(&format!(
        "INSERT INTO price_checks (source, location, digest, reader, checked_at) VALUES ('test', '', '', 1, {NOW})"
    ))
    .await;
    desk.evaluate().await;
    assert_eq!(desk.told().await, ["stale_prices provider openai 30 resolved"]);
}

#[tokio::test]
async fn an_envoy_that_falls_silent_with_open_calls_is_told_of_until_it_is_heard_again() {
    let minute = 60_000_000_000;
    let desk = Desk::with("").await;
    let batch = |boot: &str| -> Vec<u8> {
        let head = serde_json::json!({
            "id": "019cc3d3-8b00-7000-8000-000000000001", "attribution": {}, "provider": "openai",
            "dialect": "openai-chat", "operation": "chat", "input_tokens_estimate": 1, "started_at": NOW,
        });
        let event = serde_json::json!({"kind": "started", "head": head});
        serde_json::json!({"version": codec::VERSION, "node": "edge-1", "boot": boot, "events": [event]})
            .to_string()
            .into_bytes()
    };
    let received =
        crate::ledger::receive::receive(&batch("b"), crate::ledger::receive::Encoding::Json).unwrap();
    let rules = desk.app.rules();
    let booking =
        crate::ledger::prepare(received.items.into_iter().next().unwrap().unwrap(), &rules, NOW).unwrap();
    desk.app.alerts.heard("edge-1", NOW);
    desk.app.alerts.heard("edge-2", NOW);
    desk.app
        .store
        .write(move |write| crate::ledger::book(write, "edge-1", "b", &[booking], 0))
        .await
        .unwrap();
    desk.evaluate().await;
    desk.set(NOW + 6 * minute);
    assert_eq!(desk.evaluate().await.fired, 1);
    assert_eq!(desk.told().await, ["unreachable_node node edge-1 5 standing"]);
    // Its call is closed as orphaned, and it is still gone.
    desk.set(NOW + 20 * minute);
    desk.app.close_orphans().await.unwrap();
    desk.evaluate().await;
    assert_eq!(desk.told().await[0], "unreachable_node node edge-1 5 standing");
    desk.app.alerts.heard("edge-1", NOW + 20 * minute);
    desk.evaluate().await;
    assert_eq!(desk.told().await[0], "unreachable_node node edge-1 5 resolved");
}

#[tokio::test]
async fn the_queue_of_a_destination_is_bounded_and_what_does_not_fit_is_a_dead_letter() {
    let desk = Desk::with(POLICY).await;
    desk.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO alert_deliveries (message, destination, state, attempts, next_at) SELECT -i, 'ops', 0, 0, 1 FROM n",
    )
    .await;
    desk.spend(cents(600)).await;
    desk.evaluate().await;
    let delivery = desk.alerts().await[0].deliveries[0].clone();
    assert_eq!((delivery.state, delivery.last_error.as_deref()), ("dead", Some("the queue is full")));
}

/// What a customer spends in random steps, on a real store, with a restart now and then: plain arithmetic says what
/// must have been told, and each of it once.
#[tokio::test]
async fn whatever_is_spent_and_whenever_the_process_ends_each_crossing_is_told_of_once() {
    let mut desk = Desk::with(POLICY).await;
    let (mut random, mut spent) = (7_u64, [0_i64; 3]);
    let mut expected = std::collections::BTreeSet::new();
    for _ in 0..40 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (who, part) =
            (usize::try_from(random >> 60).unwrap() % 3, i64::try_from(random >> 40 & 127).unwrap());
        let customer = ["acme", "beta", "gamma"][who];
        desk.spend(Spending { customer, ..cents(part) }).await;
        spent[who] += part;
        for percent in [50, 80].into_iter().filter(|percent| spent[who] >= percent * 10) {
            expected.insert(format!("margin_reached customer {customer} {percent} standing"));
        }
        match random >> 32 & 3 {
            0 => desk = desk.restarted().await,
            1 => {
                desk.evaluate().await;
                desk = desk.restarted().await;
                assert_eq!(desk.evaluate().await.fired, 0, "told again after a restart");
            }
            _ => assert!(desk.evaluate().await.seeded == 0),
        }
    }
    desk.evaluate().await;
    let told = desk.told().await.into_iter().filter(|told| told.starts_with("margin_reached customer"));
    let told: Vec<String> = told.collect();
    assert!(expected.len() > 3, "the steps are too small to say anything");
    assert_eq!(told.len(), expected.len());
    assert_eq!(told.into_iter().collect::<std::collections::BTreeSet<_>>(), expected);
}
