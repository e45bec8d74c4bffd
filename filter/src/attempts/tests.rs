use super::*;
use crate::exchange::tests::call_head;
use protocol::ids::CallId;

fn head() -> CallHead {
    let head = call_head(CallId::new(1, [0; 10]));
    CallHead { input_tokens_estimate: 100, output_tokens_max: Some(50), ..head }
}

fn at(name: &str) -> Target {
    Target { name: Some(name.into()), ..Target::default() }
}

fn answer(attempts: &mut Attempts, number: u32, status: &str) {
    let headers: &[(&[u8], &[u8])] = &[
        (b":status", status.as_bytes()),
        (b"x-ratelimit-remaining-requests", b"59"),
        (b"anthropic-ratelimit-tokens-remaining", b"149984"),
        (b"retry-after", b"soon"),
    ];
    attempts.answer(number, &Headers::new(headers), 20);
}

fn ended(connected: bool) -> AttemptEnd {
    AttemptEnd { upstream: Some("10.0.0.1:443".into()), connected }
}

fn told(attempts: &[Attempt]) -> Vec<(u32, bool, Fate, Option<&str>)> {
    let told = |attempt: &Attempt| (attempt.number, attempt.decides, attempt.fate);
    attempts
        .iter()
        .map(|attempt| {
            let (number, decides, fate) = told(attempt);
            (number, decides, fate, attempt.reason.as_deref())
        })
        .collect()
}

#[test]
fn each_try_says_why_it_was_made_and_the_last_answer_decides() {
    let mut attempts = Attempts::default();
    let first = attempts.begin(at("a"), None, 10);
    answer(&mut attempts, first, "503");
    attempts.end(first, ended(true), 30);
    let second = attempts.begin(at("a"), None, 40);
    attempts.end(second, ended(false), 50);
    let third = attempts.begin(at("a"), Some(300), 60);
    attempts.end(third, ended(true), 299_000_060);
    let fourth = attempts.begin(at("a"), Some(300), 80);
    attempts.end(fourth, ended(true), 200_000_080);
    let fifth = attempts.begin(at("b"), None, 100);
    answer(&mut attempts, fifth, "200");
    attempts.decide();
    let list = attempts.close(&head(), 110);
    assert_eq!(
        told(&list),
        [
            (1, false, Fate::Failed, None),
            (2, false, Fate::Unsent, Some("status_503")),
            (3, false, Fate::Lost, Some("connect_failure")),
            (4, false, Fate::Lost, Some("per_try_timeout")),
            (5, true, Fate::Answered, Some("reset")),
        ]
    );
    let last = list.last().unwrap();
    let limit = RateLimit { requests_left: Some(59), tokens_left: Some(149_984), retry_after_s: None };
    assert_eq!((last.rate_limit, last.ended_at, last.cluster.as_deref()), (Some(limit), 110, Some("b")));
    assert_eq!(list[0].upstream.as_deref(), Some("10.0.0.1:443"));
}

#[test]
fn of_hedged_requests_the_one_that_was_passed_on_decides() {
    let mut attempts = Attempts::default();
    let (first, second) = (attempts.begin(at("a"), None, 10), attempts.begin(at("a"), None, 20));
    answer(&mut attempts, first, "200");
    attempts.decide();
    attempts.end(second, ended(true), 30);
    // Nothing that comes later changes what the client gets.
    answer(&mut attempts, second, "200");
    attempts.decide();
    let list = attempts.close(&head(), 40);
    assert_eq!(told(&list), [(1, true, Fate::Answered, None), (2, false, Fate::Answered, Some("hedged"))]);
}

#[test]
fn without_any_answer_the_last_try_decides() {
    let mut attempts = Attempts::default();
    for _ in 0..2 {
        let number = attempts.begin(at("a"), None, 10);
        attempts.end(number, ended(true), 20);
    }
    let decides: Vec<bool> = attempts.close(&head(), 30).iter().map(|attempt| attempt.decides).collect();
    assert_eq!(decides, [false, true]);
}

#[test]
fn an_answer_that_was_not_passed_on_does_not_decide_what_a_later_loss_does() {
    let mut attempts = Attempts::default();
    let first = attempts.begin(at("a"), None, 10);
    answer(&mut attempts, first, "503");
    attempts.end(first, ended(true), 20);
    let second = attempts.begin(at("b"), None, 30);
    attempts.end(second, ended(true), 40);
    // Envoy answers by itself.
    attempts.decide();
    let list = attempts.close(&head(), 50);
    assert_eq!(told(&list), [(1, false, Fate::Failed, None), (2, true, Fate::Lost, Some("status_503"))]);
    let used = usage_of_lost(&list, &head(), &Snapshot::default()).unwrap();
    assert_eq!(used.units, [(Meter::Input, 100)].into());
}

#[test]
fn no_request_makes_a_lost_try_dearer_than_its_model_can_be() {
    let mut attempts = Attempts::default();
    let lost = attempts.begin(at("a"), None, 10);
    attempts.end(lost, ended(true), 20);
    attempts.begin(at("a"), None, 30);
    let head = CallHead { output_tokens_max: Some(1 << 40), ..head() };
    let mut list = attempts.close(&head, 40);
    let bills_on_abort = [("openai".into(), BillsOnAbort::Full)].into();
    estimate_wasted(&mut list, &head, &Snapshot { bills_on_abort, ..Snapshot::default() });
    let units = &list[0].usage.as_ref().unwrap().units;
    assert_eq!(units[&Meter::Output], OUTPUT_TOKENS_ASSUMED);
}

#[test]
fn what_a_lost_try_is_billed_for_is_what_the_policy_says() {
    let mut attempts = Attempts::default();
    let numbers: Vec<u32> = (0..4).map(|_| attempts.begin(at("a"), None, 10)).collect();
    answer(&mut attempts, numbers[0], "500");
    attempts.end(numbers[1], ended(false), 20);
    attempts.end(numbers[2], ended(true), 20);
    answer(&mut attempts, numbers[3], "200");
    attempts.decide();
    let head = head();
    let list = attempts.close(&head, 30);
    let bills = |rule: Option<BillsOnAbort>| {
        let bills_on_abort = rule.map(|rule| ("openai".into(), rule)).into_iter().collect();
        let snapshot = Snapshot { bills_on_abort, ..Snapshot::default() };
        let mut list = list.clone();
        estimate_wasted(&mut list, &head, &snapshot);
        list.into_iter().map(|attempt| attempt.usage.map(|usage| usage.units)).collect::<Vec<_>>()
    };
    let input = [(Meter::Input, 100)].into();
    let full = [(Meter::Input, 100), (Meter::Output, 50)].into();
    assert_eq!(bills(None), [None, None, Some(input), None]);
    assert_eq!(bills(Some(BillsOnAbort::None)), [None, None, None, None]);
    assert_eq!(bills(Some(BillsOnAbort::Full)), [None, None, Some(full), None]);
}

#[test]
fn a_storm_of_tries_is_told_up_to_a_bound_and_the_last_is_kept() {
    let mut attempts = Attempts::default();
    for _ in 0..1_000 {
        let number = attempts.begin(at("a"), None, 10);
        answer(&mut attempts, number, "503");
        attempts.end(number, ended(true), 20);
    }
    attempts.decide();
    assert_eq!(attempts.count, 1_000);
    let list = attempts.close(&head(), 30);
    let numbers: Vec<u32> = list.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (1..16).chain([1_000]).collect::<Vec<_>>());
    assert!(list.last().unwrap().decides);
}
