//! Invariants 1, 2 and 9: every call once, whatever is repeated, late, lost or reordered.

use super::*;
use protocol::event::Refusal;

use ItemResult::{Accepted, Conflict, Duplicate};

#[tokio::test]
async fn a_call_holds_its_caps_while_it_is_open_and_settles_them_when_it_ends() {
    let ledger = Ledger::new();
    assert_eq!(ledger.book(vec![started(1)]).await, [Accepted]);
    assert_eq!(ledger.cap("acme-day/usd").await, (0, 1_100_000_000));
    assert_eq!(ledger.cap("acme-day/tokens").await, (0, 140));
    assert_eq!(ledger.cap("per-task/calls").await, (0, 1));
    assert_eq!(ledger.number("SELECT count(*) FROM by_day_customer").await, 0);
    assert_eq!(ledger.book(vec![finished(1)]).await, [Accepted]);
    assert_eq!(ledger.cap("acme-day/usd").await, (75_000_000, 0));
    assert_eq!(ledger.cap("all/usd").await, (75_000_000, 0));
    assert_eq!(ledger.cap("acme-day/tokens").await, (15, 0));
    assert_eq!(ledger.cap("per-task/calls").await, (1, 0));
    assert_eq!(ledger.number("SELECT cost_pico FROM by_day_customer").await, 75_000_000);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn the_same_events_twice_in_any_order_change_nothing() {
    let orders = [[0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]];
    for order in orders {
        let ledger = Ledger::new();
        let events = [started(1), finished(1)];
        for at in order {
            ledger.book(vec![events[at].clone()]).await;
        }
        let results = ledger.book(vec![started(1), finished(1)]).await;
        assert_eq!(results, [Duplicate, Duplicate], "{order:?}");
        assert_eq!(ledger.number("SELECT count(*) FROM calls").await, 1);
        assert_eq!(ledger.number("SELECT calls FROM by_day_model").await, 1);
        assert_eq!(ledger.number("SELECT cost_pico FROM by_task").await, 75_000_000);
        assert_eq!(ledger.cap("acme-day/usd").await, (75_000_000, 0));
        ledger.assert_rebuild_equals_running().await;
    }
}

#[tokio::test]
async fn another_content_under_the_same_id_is_a_conflict_and_costs_its_batch_nothing() {
    let ledger = Ledger::new();
    ledger.book(vec![finished(1)]).await;
    let mut other_customer = head(1);
    let globex = Attributed { value: "globex".parse().unwrap(), from: Source::Header };
    other_customer.attribution.set(Dimension::Customer, globex);
    let results = ledger
        .book(vec![
            ended(1, end(11, 5)),
            UsageEvent::Started { head: other_customer.clone() },
            UsageEvent::Finished { head: other_customer, end: Box::new(end(10, 5)) },
            finished(2),
        ])
        .await;
    assert_eq!(results, [Conflict, Conflict, Conflict, Accepted]);
    let call = ledger.call(1).await;
    assert_eq!((call.customer.as_deref(), call.tokens[&Meter::Input]), (Some("acme"), 10));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn an_end_whose_head_differs_in_a_detail_is_booked_and_the_first_head_stands() {
    let ledger = Ledger::new();
    ledger.book(vec![started(1)]).await;
    let later = CallHead { input_tokens_estimate: 41, ..head(1) };
    let event = UsageEvent::Finished { head: later, end: Box::new(end(10, 5)) };
    assert_eq!(ledger.book(vec![event]).await, [Accepted]);
    assert_eq!(ledger.cap("acme-day/tokens").await, (15, 0));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn a_refused_call_is_recorded_at_cost_0_and_charges_no_cap() {
    let ledger = Ledger::new();
    let refused = CallEnd {
        status: 429,
        ending: Ending::LocalReply,
        outcome: Outcome::RefusedByCap,
        refused: Some(Refusal::Cap),
        usage: Usage::default(),
        attempts: 0,
        ..end(0, 0)
    };
    assert_eq!(ledger.book(vec![ended(1, refused)]).await, [Accepted]);
    let call = ledger.call(1).await;
    assert_eq!((call.state, call.refused, call.cost_usd), ("refused", Some("cap"), "0".parse().ok()));
    assert_eq!(ledger.cap("acme-day/usd").await, (0, 0));
    assert_eq!(ledger.number("SELECT refused FROM by_day_customer").await, 1);
    assert_eq!(ledger.number("SELECT calls FROM by_day_customer").await, 0);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn what_never_ends_is_closed_at_the_cost_of_its_input_and_gives_its_hold_back() {
    let ledger = Ledger::new();
    ledger.book(vec![started(1), started(2), finished(2)]).await;
    assert_eq!(ledger.close_orphans(NOW).await, 0, "none is that old");
    assert_eq!(ledger.close_orphans(NOW + MINUTE).await, 1);
    let call = ledger.call(1).await;
    assert_eq!((call.state, call.ending.as_deref()), ("orphaned", Some("orphaned")));
    assert_eq!((call.cost_usd, call.usage_source.as_deref()), ("0.0001".parse().ok(), Some("estimated")));
    assert_eq!(call.tokens, [(Meter::Input, 40)].into());
    assert_eq!(ledger.cap("acme-day/usd").await, (175_000_000, 0));
    assert_eq!(ledger.number("SELECT estimated FROM by_day_customer").await, 1);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn an_end_that_comes_after_its_call_was_closed_as_orphaned_is_booked_with_a_correction() {
    let ledger = Ledger::new();
    ledger.book(vec![started(1)]).await;
    ledger.close_orphans(NOW + MINUTE).await;
    let mut late = end(10, 5);
    late.response_model = Some("gpt-4o-2024-08-06".into());
    assert_eq!(ledger.book(vec![ended(1, late.clone()), ended(1, late)]).await, [Accepted, Duplicate]);
    let call = ledger.call(1).await;
    assert_eq!((call.state, call.cost_usd), ("finished", "0.000075".parse().ok()));
    let [correction] = &call.corrections[..] else { panic!("{:?}", call.corrections) };
    assert_eq!(correction.before_usd, "0.0001".parse().ok());
    assert_eq!(correction.after_usd, "0.000075".parse().ok());
    assert_eq!(ledger.number("SELECT count(*) FROM by_day_model").await, 1);
    assert_eq!(ledger.cap("acme-day/usd").await, (75_000_000, 0));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn one_broken_item_costs_the_rest_of_its_batch_nothing() {
    let mut batch = serde_json::json!({"version": 1, "node": "n", "boot": "b", "events": [
        started(1), {"kind": "started", "head": {"id": "no"}}, 7, finished(2),
    ]});
    let json = serde_json::to_vec(&batch).unwrap();
    let packed = protocol::codec::encode(&batch).unwrap();
    for (bytes, encoding) in [(json, receive::Encoding::Json), (packed, receive::Encoding::MessagePack)] {
        let received = receive::receive(&bytes, encoding).unwrap();
        let read: Vec<bool> = received.items.iter().map(Result::is_ok).collect();
        assert_eq!(read, [true, false, false, true], "{encoding:?}");
    }
    batch["version"] = 2.into();
    let newer = receive::receive(&serde_json::to_vec(&batch).unwrap(), receive::Encoding::Json);
    assert_eq!(newer.unwrap_err(), receive::BatchError::Version { found: 2 });
}

#[tokio::test]
async fn the_same_event_in_json_and_in_messagepack_is_a_repeat() {
    let ledger = Ledger::new();
    let json: UsageEvent = serde_json::from_str(&serde_json::to_string(&finished(1)).unwrap()).unwrap();
    let packed: UsageEvent =
        protocol::codec::decode(&protocol::codec::encode(&finished(1)).unwrap()).unwrap();
    assert_eq!(ledger.book(vec![json, packed]).await, [Accepted, Duplicate]);
}

#[tokio::test]
async fn absurd_events_are_invalid_and_say_which_field() {
    let rules = Ledger::new().rules;
    let mut huge = end(1 << 41, 0);
    let fault = |event| prepare(event, &rules, NOW).unwrap_err();
    assert!(fault(ended(1, huge.clone())).contains("units.input"));
    huge = end(1, 1);
    huge.settled = "-1".parse().ok();
    assert!(fault(ended(1, huge)).contains("end.settled"));
    let ahead = CallHead { started_at: NOW + 61 * MINUTE, ..head(1) };
    assert!(fault(UsageEvent::Started { head: ahead }).contains("started_at"));
    let long = CallHead { provider: "x".repeat(600).into(), ..head(1) };
    assert!(fault(UsageEvent::Started { head: long }).contains("provider"));
    let region: Box<str> = "x".repeat(600).into();
    let long = CallHead { region: Some(region.clone()), ..head(1) };
    assert!(fault(UsageEvent::Started { head: long }).contains("region is longer"));
    let long = CallEnd { region: Some(region), ..end(1, 1) };
    assert!(fault(ended(1, long)).contains("end.region is longer"));
    let large = CallHead { request_text_bytes: Some((1 << 40) + 1), ..head(1) };
    assert!(fault(UsageEvent::Started { head: large }).contains("request_text_bytes"));
    let large = CallEnd { text_bytes: u64::MAX, ..end(1, 1) };
    assert!(fault(ended(1, large)).contains("end.text_bytes"));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_the_process_is_gone() {
    let ledger = Ledger::new();
    ledger.book(vec![started(1), finished(2)]).await;
    // Neither closed nor dropped in order: the files as a killed process leaves them.
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(ledger.directory.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let store = Store::open(copy.path()).unwrap();
    let after = Ledger { store, rules: ledger.rules.clone(), directory: copy };
    assert_eq!(after.book(vec![started(1), finished(2)]).await, [Duplicate, Duplicate]);
    assert_eq!(after.number("SELECT count(*) FROM calls").await, 2);
    after.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn a_rebuild_sees_a_running_sum_that_is_wrong() {
    let ledger = Ledger::new();
    let told = CallEnd { text_bytes: 20, ..end(10, 5) };
    ledger.book(vec![ended(1, told), started(2)]).await;
    let wrongs = [
        "UPDATE by_day_feature SET cost_pico = cost_pico + 1",
        "UPDATE by_task SET last_at = last_at + 1",
        "UPDATE cap_usage SET held = held + 1",
        "UPDATE by_day_text SET text_bytes = text_bytes + 1",
        "UPDATE by_day_charge SET units = units + 1",
        "UPDATE by_day_route SET original_pico = original_pico + 1",
        "UPDATE by_span_task SET smooth = smooth + 1 WHERE span = 4",
        "UPDATE by_span_task_customer SET cost_pico = cost_pico + 1",
        "UPDATE by_span_task_use SET tasks = tasks + 1 WHERE span = 16",
        "UPDATE by_span_workspace SET calls = calls + 1 WHERE span = 16",
        "UPDATE by_span_requests SET units = units + 1 WHERE span = 4",
        "UPDATE by_day_use SET refused = refused + 1",
        "UPDATE by_day_traffic SET premium_pico = premium_pico + 1",
        "UPDATE calls SET cost_pico = cost_pico + 1 WHERE cost_pico IS NOT NULL",
    ];
    for wrong in wrongs {
        ledger.store.write(move |write| write.execute(wrong, [])).await.unwrap();
        let check = ledger.store.read(rebuild_check).await.unwrap();
        assert!(!check.is_equal(), "{wrong}");
        let undo = wrong.replace("+ 1", "- 1");
        ledger.store.write(move |write| write.execute(&undo, [])).await.unwrap();
        ledger.assert_rebuild_equals_running().await;
    }
}

/// The sequence is drawn from a fixed seed: starts, ends, repeats, conflicts, orphans and re-ratings of sixty calls,
/// in batches.
#[tokio::test]
async fn rebuild_equals_running_after_any_mixture_of_events() {
    let mut ledger = Ledger::new();
    let mut seed: u64 = 0x2545_f491_4f6c_dd1d;
    let mut draw = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for round in 0..40 {
        let batch: Vec<UsageEvent> = (0..12)
            .map(|_| {
                let number = draw(60);
                match draw(4) {
                    0 | 1 => started(number),
                    2 => finished(number),
                    _ => {
                        let end = CallEnd { text_bytes: draw(40), ..end(draw(30), 3) };
                        let request_text_bytes = Some(draw(3) * 50).filter(|bytes| *bytes > 0);
                        let head = CallHead { request_text_bytes, ..head(number) };
                        UsageEvent::Finished { head, end: Box::new(end) }
                    }
                }
            })
            .collect();
        let boot = ["boot-1", "boot-2"][usize::try_from(draw(2)).unwrap()];
        ledger.book_from(boot, batch).await;
        if round % 10 == 9 {
            ledger.close_orphans(NOW + draw(60)).await;
            ledger = ledger.repriced(vec![price(round, Meter::Input, draw(9)), price(99, Meter::Output, 1)]);
            ledger.rerate(&[], false).await;
            ledger.assert_rebuild_equals_running().await;
        }
    }
    assert!(ledger.number("SELECT count(*) FROM corrections").await > 0);
    assert!(ledger.number("SELECT sum(request_calls * text_calls) FROM by_day_text").await > 0);
    let day = "SELECT sum(calls) FROM by_day_route";
    let ended = "SELECT count(*) FROM calls WHERE state IN (1, 2)";
    assert_eq!(ledger.number(day).await, ledger.number(ended).await);
    ledger.assert_rebuild_equals_running().await;
}
