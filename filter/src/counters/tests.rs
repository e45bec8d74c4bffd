use super::*;
use protocol::allowance::HoldAnswer;
use std::{cell::RefCell, collections::HashMap};

type Intruder = Box<dyn FnOnce(&InMemory)>;

/// Envoy's shared data as it was measured: versions, and no deletion. It may let another worker in before a swap.
#[derive(Default)]
pub(crate) struct InMemory {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    pub(crate) before_swap: RefCell<Vec<Intruder>>,
}

impl SharedData for InMemory {
    fn read(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Unavailable> {
        Ok(self.values.borrow().get(key).cloned())
    }

    fn swap(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<bool, Unavailable> {
        let intruder = self.before_swap.borrow_mut().pop();
        if let Some(intruder) = intruder {
            intruder(self);
        }
        let mut values = self.values.borrow_mut();
        let current = values.get(key).map(|(_, version)| *version);
        if current != version {
            return Ok(false);
        }
        values.insert(key.to_owned(), (value.to_vec(), current.unwrap_or(0) + 1));
        Ok(true)
    }
}

fn hold(shared: &InMemory, need: i64) -> HoldAnswer {
    update(shared, "c/usd", "customer=acme", 1, |counter| counter.hold(need, 1, 10)).unwrap()
}

#[test]
fn counters_read_back_as_they_were_written() {
    let mut slot = Slot::read(Vec::new());
    let first = slot.add("c/usd", "customer=\u{e9}", 1).unwrap();
    slot.add("", "", 1).unwrap();
    let mut counter = Counter { expires_at: u64::MAX, others: -3, limit: i64::MIN, ..Counter::default() };
    counter.force_hold(7);
    slot.put(&first, &counter);
    let slot = Slot::read(slot.bytes);
    let found = |cap, subject| slot.find(cap, subject).map(|place| slot.counter(&place));
    assert_eq!(found("c/usd", "customer=\u{e9}"), Some(counter));
    assert_eq!(found("", ""), Some(Counter::default()));
    assert_eq!(found("c/usd", ""), None);
    for cut in 0..slot.bytes.len() {
        assert!(Slot::read(slot.bytes[..cut].to_vec()).entries().count() < 2, "cut at {cut}");
    }
    assert_eq!(Slot::read(b"\x07garbage".to_vec()).entries().count(), 0);
}

#[test]
fn a_hold_of_another_worker_in_between_is_not_lost() {
    let shared = InMemory::default();
    shared.before_swap.borrow_mut().push(Box::new(|shared| {
        assert_eq!(hold(shared, 6), HoldAnswer::Held);
    }));
    // Read before the other held 6 of 10, swapped after: it must be looked at again, and does not fit.
    assert_eq!(hold(&shared, 6), HoldAnswer::Short);
    assert_eq!(hold(&shared, 4), HoldAnswer::Held);
}

#[test]
fn a_full_slot_gives_up_idle_counters_but_never_open_ones() {
    let shared = InMemory::default();
    let subjects: Vec<String> = (0..)
        .map(|number| format!("task={number}"))
        .filter(|subject| slot_key("c/usd", subject) == slot_key("c/usd", "task=0"))
        .take(18)
        .collect();
    let use_it = |subject: &str, need| {
        update(&shared, "c/usd", subject, 1, |counter| counter.force_hold(need)).map(|_| ())
    };
    for subject in &subjects[..16] {
        assert_eq!(use_it(subject, i64::from(subject != &subjects[3])), Ok(()));
    }
    assert_eq!(use_it(&subjects[16], 1), Ok(()), "the idle one made room");
    assert_eq!(use_it(&subjects[17], 1), Err(CounterFault::SlotFull));
    let held = update(&shared, "c/usd", &subjects[0], 1, |counter| counter.held);
    assert_eq!(held, Ok(1));
}

#[test]
fn a_counter_that_was_asked_for_is_the_one_that_is_answered() {
    let shared = InMemory::default();
    let since = |now| update(&shared, "c/usd", "customer=acme", now, |counter| counter.since).unwrap();
    assert_eq!((since(5_000), since(9_000)), (5, 5));
}

#[test]
fn a_slots_key_is_its_number() {
    for slot in 0..SLOTS {
        assert_eq!(decimal_key("bursar/counters/", slot), format!("bursar/counters/{slot}"));
    }
}
