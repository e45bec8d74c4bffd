use super::*;
use crate::counters::tests::InMemory;

const NOW: UnixNanos = 1_795_491_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

fn spec() -> LoopSpec {
    LoopSpec { within_ns: 60 * SECOND, release_after_ns: 600 * SECOND, ..LoopSpec::default() }
}

/// Calls of one task, a second apart, with these fingerprints: how many were made before the guard stopped one.
fn made(spec: &LoopSpec, requests: impl IntoIterator<Item = u64>) -> (usize, Option<LoopRule>) {
    let shared = InMemory::default();
    for (number, request) in requests.into_iter().enumerate() {
        let now = NOW + u64::try_from(number).unwrap() * SECOND;
        if let Some(tripped) = begin(&shared, spec, "t", Some(request), now).unwrap() {
            return (number, Some(tripped.rule));
        }
        end(&shared, spec, "t", &Ended::default(), now).unwrap();
    }
    (usize::MAX, None)
}

#[test]
fn the_same_request_may_be_made_so_often_and_no_more() {
    let spec = LoopSpec { identical_requests: Some(8), ..spec() };
    assert_eq!(made(&spec, [7; 20]), (8, Some(LoopRule::IdenticalRequests)));
    // Two that take turns, as when a fallback answers with what the other had failed with.
    let turns = (0..40).map(|number| number % 2 + 1);
    assert_eq!(made(&spec, turns), (16, Some(LoopRule::IdenticalRequests)));
    // A session in which nothing repeats.
    assert_eq!(made(&spec, 1..=200), (usize::MAX, None));
}

#[test]
fn requests_that_are_far_apart_do_not_add_up() {
    let spec = LoopSpec { identical_requests: Some(3), ..spec() };
    let shared = InMemory::default();
    for minute in 0..20 {
        let now = NOW + minute * 61 * SECOND;
        assert_eq!(begin(&shared, &spec, "t", Some(7), now), Ok(None), "{minute}");
    }
}

#[test]
fn a_minute_a_task_and_its_money_have_limits() {
    let per_minute = LoopSpec { calls_per_minute: Some(5), ..spec() };
    let start = NOW - NOW % MINUTE_NS;
    let shared = InMemory::default();
    let begun = |at| begin(&shared, &per_minute, "t", None, at).unwrap().map(|tripped| tripped.rule);
    let minute: Vec<_> = (0..6).map(|second| begun(start + second * SECOND)).collect();
    assert_eq!(minute, [None, None, None, None, None, Some(LoopRule::CallsPerMinute)]);
    let calls = LoopSpec { calls: Some(4), ..spec() };
    assert_eq!(made(&calls, 1..=9), (4, Some(LoopRule::Calls)));
    let cost = LoopSpec { cost_pico: Some(100), ..spec() };
    let shared = InMemory::default();
    for _ in 0..2 {
        assert_eq!(begin(&shared, &cost, "t", None, NOW), Ok(None));
        end(&shared, &cost, "t", &Ended { cost_pico: 50, ..Ended::default() }, NOW).unwrap();
    }
    let tripped = begin(&shared, &cost, "t", None, NOW).unwrap();
    assert_eq!(tripped.map(|tripped| tripped.rule), Some(LoopRule::Cost));
}

#[test]
fn failures_in_a_row_stop_a_task_and_one_success_forgives_them() {
    let spec = LoopSpec { consecutive_failures: Some(3), ..spec() };
    let shared = InMemory::default();
    let call = |failed| {
        let tripped = begin(&shared, &spec, "t", None, NOW).unwrap();
        end(&shared, &spec, "t", &Ended { failed, ..Ended::default() }, NOW).unwrap();
        tripped.map(|tripped| tripped.rule)
    };
    assert_eq!([true, true, false, true, true, true].map(call), [None; 6]);
    assert_eq!(call(true), Some(LoopRule::ConsecutiveFailures));
}

#[test]
fn a_tool_that_is_called_the_same_way_again_and_again_is_a_loop_whatever_the_prompts() {
    let spec = LoopSpec { identical_tool_calls: Some(4), ..spec() };
    let shared = InMemory::default();
    let mut made = 0;
    for number in 0..40 {
        if begin(&shared, &spec, "t", Some(number + 1), NOW + number).unwrap().is_some() {
            break;
        }
        made += 1;
        // A cycle of two calls.
        let tool_calls = Some(number % 2 + 1);
        end(&shared, &spec, "t", &Ended { tool_calls, ..Ended::default() }, NOW + number).unwrap();
    }
    assert_eq!(made, 7, "four of the one and three of the other");
}

#[test]
fn a_task_that_was_stopped_stays_so_until_it_is_released_or_has_waited() {
    let spec = LoopSpec { calls: Some(1), ..spec() };
    let shared = InMemory::default();
    let begun = |spec: &LoopSpec, at| begin(&shared, spec, "t", None, at).unwrap().is_some();
    assert!(!begun(&spec, NOW) && begun(&spec, NOW + 1));
    assert!(begun(&spec, NOW + 599 * SECOND), "asking again does not help");
    let released = LoopSpec { released: [("t".into(), NOW + 600 * SECOND)].into(), ..spec.clone() };
    assert!(!begun(&released, NOW + 600 * SECOND), "released by hand");
    assert!(begun(&released, NOW + 601 * SECOND), "and released once, not for ever");
    assert!(!begun(&spec, NOW + 1_201 * SECOND), "released by time");
    assert_eq!(begin(&shared, &spec, "other", None, NOW), Ok(None), "each task by itself");
}

#[test]
fn what_is_throttled_may_pass_later_and_what_is_only_watched_always() {
    let throttled = LoopSpec { calls_per_minute: Some(1), action: LoopAction::Throttle, ..spec() };
    let start = NOW - NOW % MINUTE_NS;
    let shared = InMemory::default();
    assert_eq!(begin(&shared, &throttled, "t", None, start), Ok(None));
    let next = start + MINUTE_NS;
    let tripped = Tripped { rule: LoopRule::CallsPerMinute, until: next };
    assert_eq!(begin(&shared, &throttled, "t", None, start + 1), Ok(Some(tripped)));
    assert_eq!(begin(&shared, &throttled, "t", None, next), Ok(None));
    let shadow = LoopSpec { calls: Some(1), action: LoopAction::Shadow, ..spec() };
    let shared = InMemory::default();
    let rules: Vec<_> = (0..3).map(|_| begin(&shared, &shadow, "t", None, NOW).unwrap().is_some()).collect();
    assert_eq!(rules, [false, true, true]);
}

#[test]
fn memory_is_bounded_and_the_quietest_task_makes_room() {
    let spec = LoopSpec { calls: Some(1), ..spec() };
    let shared = InMemory::default();
    for task in 0..50_000_u64 {
        begin(&shared, &spec, &format!("task-{task}"), None, NOW + task).unwrap();
    }
    let slots: Vec<Vec<u8>> = (0..SLOTS)
        .filter_map(|slot| shared.read(&format!("bursar/loops/{slot}")).unwrap())
        .map(|(bytes, _)| bytes)
        .collect();
    assert!(slots.iter().all(|slot| slot.len() <= TASKS_PER_SLOT * TASK_BYTES));
    assert!(
        begin(&shared, &spec, "task-49999", None, NOW + 50_000).unwrap().is_some(),
        "the newest is known"
    );
}
