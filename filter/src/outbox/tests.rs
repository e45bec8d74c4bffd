use super::*;
use crate::exchange::tests::{blank_end, call_head};
use protocol::{codec::Batch, event::UsageEvent};

fn outbox(max_events: usize) -> Outbox {
    let json = format!(r#"{{"outbox": {{"max_events": {max_events}}}}}"#);
    Outbox::new(crate::config::Config::parse(json.as_bytes()).unwrap().outbox)
}

fn call(number: u64) -> CallId {
    CallId::new(number, [0; 10])
}

fn starts(outbox: &mut Outbox, number: u64) -> Queued {
    outbox.started(&Rc::new(call_head(call(number))))
}

fn ends(outbox: &mut Outbox, number: u64) -> Queued {
    outbox.finished(&call_head(call(number)), &blank_end(0))
}

fn batch(outbox: &mut Outbox, now: UnixNanos) -> Vec<(u64, bool)> {
    let Some(bytes) = outbox.take_batch("n", "b", now, 1_000) else { return vec![] };
    let batch: Batch = codec::decode(&bytes).unwrap();
    let number = |event: &UsageEvent| (1..100).find(|number| event.call() == Some(call(*number))).unwrap();
    batch.events.iter().map(|event| (number(event), matches!(event, UsageEvent::Started { .. }))).collect()
}

#[test]
fn what_is_not_acknowledged_is_sent_again_with_growing_pauses() {
    let mut outbox = outbox(10);
    starts(&mut outbox, 1);
    assert_eq!(batch(&mut outbox, 0), [(1, true)]);
    assert_eq!(batch(&mut outbox, 1), [], "one batch at a time");
    outbox.failed(1, u16::MAX);
    assert_eq!(batch(&mut outbox, 99_000_000), []);
    assert_eq!(batch(&mut outbox, 100_000_001), [(1, true)]);
    outbox.failed(100_000_001, u16::MAX);
    assert_eq!(batch(&mut outbox, 299_000_000), []);
    assert_eq!(batch(&mut outbox, 300_000_001), [(1, true)]);
    outbox.acknowledged(&[ItemResult::Accepted]);
    assert!(outbox.is_empty());
}

#[test]
fn a_batch_that_nobody_ever_answers_is_sent_again() {
    let mut outbox = outbox(10);
    starts(&mut outbox, 1);
    assert_eq!(batch(&mut outbox, 0), [(1, true)]);
    assert_eq!(batch(&mut outbox, 2_000_000_000), [(1, true)]);
}

#[test]
fn a_start_that_still_waits_is_replaced_by_its_end_but_not_one_under_way() {
    let mut outbox = outbox(10);
    starts(&mut outbox, 1);
    assert_eq!(batch(&mut outbox, 0), [(1, true)]);
    starts(&mut outbox, 2);
    ends(&mut outbox, 2);
    ends(&mut outbox, 1);
    outbox.acknowledged(&[ItemResult::Accepted]);
    assert_eq!(batch(&mut outbox, 0), [(2, false), (1, false)]);
}

#[test]
fn a_full_queue_drops_what_is_new_and_says_so() {
    let mut outbox = outbox(2);
    assert_eq!(starts(&mut outbox, 1), Queued::Kept);
    assert_eq!(starts(&mut outbox, 2), Queued::Kept);
    assert!(outbox.is_full());
    assert_eq!(starts(&mut outbox, 3), Queued::Dropped);
    assert_eq!(ends(&mut outbox, 2), Queued::Kept, "its start made room");
}

#[test]
fn an_answer_to_fewer_events_leaves_the_rest() {
    let mut outbox = outbox(10);
    starts(&mut outbox, 1);
    starts(&mut outbox, 2);
    batch(&mut outbox, 0);
    outbox.acknowledged(&[ItemResult::Invalid]);
    assert_eq!(batch(&mut outbox, 0), [(2, true)]);
}

#[test]
fn a_batch_that_is_rejected_is_halved_until_the_event_is_found_that_nobody_takes() {
    let mut outbox = outbox(10);
    for number in 1..=4 {
        starts(&mut outbox, number);
    }
    assert_eq!(batch(&mut outbox, 0).len(), 4);
    assert_eq!(outbox.rejected(), 0);
    assert_eq!(batch(&mut outbox, 0).len(), 2);
    assert_eq!(outbox.rejected(), 0);
    assert_eq!(batch(&mut outbox, 0), [(1, true)]);
    assert_eq!(outbox.rejected(), 1);
    assert_eq!(batch(&mut outbox, 0), [(2, true), (3, true), (4, true)]);
}

#[test]
fn an_end_that_does_not_fit_leaves_its_start() {
    let mut outbox = outbox(10);
    starts(&mut outbox, 1);
    starts(&mut outbox, 2);
    batch(&mut outbox, 0);
    outbox.failed(0, u16::MAX);
    outbox.limits.max_bytes = outbox.bytes;
    assert_eq!(ends(&mut outbox, 1), Queued::Dropped);
    assert_eq!(batch(&mut outbox, 200_000_000), [(1, true), (2, true)]);
}

#[test]
fn what_fills_half_of_the_queue_does_not_wait_for_the_next_tick() {
    let mut outbox = outbox(4);
    starts(&mut outbox, 1);
    assert!(!outbox.is_pressing());
    starts(&mut outbox, 2);
    assert!(outbox.is_pressing());
    outbox.limits.max_events = 1_000;
    assert!(!outbox.is_pressing());
    outbox.limits.max_bytes = 4 * START_BYTES;
    assert!(outbox.is_pressing());
}
