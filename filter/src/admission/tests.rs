use super::*;
use crate::{
    counters::tests::InMemory,
    exchange::tests::{acme, call_head, snapshot},
};
use protocol::{allowance::Grant, attribution::Attribution, cap::Increase, ids::CallId};

const NOW: UnixNanos = 1_795_491_000_000_000_000;
const CAP: &str = "acme-day/usd";
const SUBJECT: &str = "customer=acme";

fn facts(input: u64, output_max: Option<u64>) -> RequestFacts {
    RequestFacts {
        model: Some("gpt-4o".into()),
        text_bytes: input * 4,
        output_tokens_max: output_max,
        whole: true,
        ..RequestFacts::default()
    }
}

fn head(attribution: Attribution) -> CallHead {
    CallHead { attribution, ..call_head(CallId::from_bytes([1; 16])) }
}

fn needs(snapshot: &Snapshot, facts: &RequestFacts) -> Needs {
    Needs::of(snapshot, &head(acme()), facts)
}

fn grant(shared: &InMemory, allowance: Amount, others: Amount, denied_need: Option<Amount>) {
    let (cap, subject) = (CAP.into(), SUBJECT.into());
    let (window_start, window_end) = (NOW - 1, NOW + 3_600_000_000_000);
    let grant = Grant {
        cap,
        subject,
        window_start,
        window_end,
        allowance,
        ttl_ms: 30_000,
        limit: 1,
        others,
        carried: 0,
        since: 0,
        denied_need,
    };
    counters::update(shared, CAP, SUBJECT, NOW, |counter| counter.apply(&grant, NOW)).unwrap();
}

fn admit(needs: &Needs, shared: &InMemory, recourse: Recourse) -> Answer {
    needs.admit(shared, false, false, recourse, Allow::Allow, NOW)
}

#[test]
fn a_hold_is_the_input_estimate_and_the_output_limit_at_their_prices() {
    let needs = needs(&snapshot(i64::MAX), &facts(1_000, Some(100)));
    assert_eq!(
        (needs.hold, needs.hold_input),
        (Some(PicoUsd::new(3_500_000_000)), Some(PicoUsd::new(2_500_000_000)))
    );
}

#[test]
fn an_absurd_output_limit_is_clamped_to_what_the_model_can_generate() {
    let absurd = needs(&snapshot(i64::MAX), &facts(0, Some(999_999_999)));
    assert_eq!(absurd, needs(&snapshot(i64::MAX), &facts(0, Some(16_384))));
}

#[test]
fn a_request_without_a_limit_holds_no_more_than_a_tenth_of_the_cap_but_its_input() {
    let held = |input, limit| {
        let needs = needs(&snapshot(limit), &facts(input, None));
        needs.needs[0].amount
    };
    assert_eq!(held(0, 1_000_000_000_000), 100_000_000_000, "a tenth");
    assert_eq!(held(0, 100_000_000_000_000), 16_384 * 10_000_000, "the model's most");
    assert_eq!(held(100_000, 1_000_000_000_000), 250_000_000_000, "the input");
}

#[test]
fn a_cap_in_tokens_holds_the_sides_whose_meters_it_counts() {
    let amount = |meters: &[Meter]| {
        let mut snapshot = snapshot(1_000_000);
        let meters = meters.iter().copied().collect();
        let cap = CapSpec { unit: Unit::Tokens, meters, ..(*snapshot.caps[0]).clone() };
        snapshot.caps[0] = cap.into();
        needs(&snapshot, &facts(1_000, Some(100))).needs[0].amount
    };
    assert_eq!((amount(&[]), amount(&[Meter::Reasoning]), amount(&[Meter::CacheRead])), (1_100, 100, 1_000));
}

#[test]
fn a_higher_limit_for_a_while_is_what_a_call_is_held_against() {
    let mut snapshot = snapshot(1_000);
    let increase =
        Increase { subject: Some(SUBJECT.into()), limit: 10_000_000_000, from: NOW, until: NOW + 9 };
    snapshot.caps[0] = CapSpec { increases: vec![increase], ..(*snapshot.caps[0]).clone() }.into();
    let answer = |at| {
        let head = CallHead { started_at: at, ..head(acme()) };
        let needs = Needs::of(&snapshot, &head, &facts(1_000, Some(100)));
        admit(&needs, &InMemory::default(), Recourse::Ask)
    };
    assert!(matches!(answer(NOW), Answer::Ask(_)));
    assert!(matches!(answer(NOW + 9), Answer::Refused(_)), "larger than its cap again");
}

#[test]
fn without_allowance_the_control_plane_is_asked_and_its_answer_decides() {
    let (snapshot, shared) = (snapshot(10_000_000_000), InMemory::default());
    let needs = needs(&snapshot, &facts(1_000, Some(100)));
    let Answer::Ask(reports) = admit(&needs, &shared, Recourse::Ask) else { panic!("did not ask") };
    assert_eq!((reports[0].want, &*reports[0].cap, &*reports[0].subject), (3_500_000_000, CAP, SUBJECT));
    grant(&shared, 4_000_000_000, 0, None);
    let Answer::Admitted(admitted) = admit(&needs, &shared, Recourse::Asked) else { panic!("not admitted") };
    assert_eq!((admitted.held[0].amount, admitted.fullness_percent), (3_500_000_000, Some(35)));
    grant(&shared, 4_000_000_000, 5_000_000_000, Some(3_500_000_000));
    let Answer::Refused(refused) = admit(&needs, &shared, Recourse::Ask) else { panic!("not refused") };
    let cap = refused.cap.unwrap();
    assert_eq!((refused.reason, cap.waiting_helps, cap.fullness_percent), (Refusal::Cap, true, 85));
    assert_eq!(cap.resets_at, Some(NOW + 3_600_000_000_000));
}

#[test]
fn a_call_larger_than_its_cap_is_refused_without_asking() {
    let needs = needs(&snapshot(1_000), &facts(1_000, Some(100)));
    let Answer::Refused(refused) = admit(&needs, &InMemory::default(), Recourse::Ask) else {
        panic!("not refused")
    };
    assert!(refused.cap.unwrap().larger_than_cap);
}

#[test]
fn when_the_control_plane_is_away_the_policy_decides_visibly() {
    let needs = needs(&snapshot(10_000_000_000), &facts(1_000, Some(100)));
    let shared = InMemory::default();
    let answer = needs.admit(&shared, false, false, Recourse::Unreachable, Allow::Refuse, NOW);
    assert!(matches!(answer, Answer::Refused(Refused { reason: Refusal::Unreachable, .. })));
    let Answer::Admitted(admitted) =
        needs.admit(&shared, false, false, Recourse::Unreachable, Allow::Allow, NOW)
    else {
        panic!()
    };
    assert_eq!(admitted.decisions[0].decision, CapAnswer::AllowedUnreachable);
}

#[test]
fn of_several_caps_all_hold_or_none_does() {
    let mut snapshot = snapshot(10_000_000_000);
    let calls = CapSpec {
        id: "acme-calls/calls".into(),
        unit: Unit::Calls,
        limit: 1,
        initial: 1,
        ..(*snapshot.caps[0]).clone()
    };
    snapshot.caps.insert(0, calls.into());
    let (needs, shared) = (needs(&snapshot, &facts(1_000, Some(100))), InMemory::default());
    let answer = needs.admit(&shared, false, true, Recourse::Ask, Allow::Allow, NOW);
    let Answer::Admitted(Admitted { held, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(held.len(), 2);
    // The one call is used up: the second call is short of it, and gives back what it held of nothing else.
    assert!(
        matches!(needs.admit(&shared, false, true, Recourse::Ask, Allow::Allow, NOW), Answer::Ask(reports) if reports.len() == 1)
    );
    let counter = counters::update(&shared, CAP, SUBJECT, NOW, |counter| counter.held).unwrap();
    assert_eq!(counter, 3_500_000_000);
    settle(&shared, &held, &protocol::meters::Units::new(), Some(PicoUsd::new(7)), NOW);
    let spent = |cap: &str| {
        counters::update(&shared, cap, SUBJECT, NOW, |counter| (counter.spent, counter.held)).unwrap()
    };
    assert_eq!((spent(CAP), spent("acme-calls/calls")), ((7, 0), (1, 0)));
}

#[test]
fn a_shadow_cap_records_and_refuses_nothing() {
    let mut snapshot = snapshot(1_000);
    snapshot.caps[0] = CapSpec { shadow: true, ..(*snapshot.caps[0]).clone() }.into();
    let answer = admit(&needs(&snapshot, &facts(1_000, Some(100))), &InMemory::default(), Recourse::Ask);
    let Answer::Admitted(admitted) = answer else { panic!("{answer:?}") };
    assert_eq!(admitted.decisions[0].decision, CapAnswer::ShadowRefused);
}

#[test]
fn an_unpriced_model_follows_the_policys_rule() {
    let mut snapshot = snapshot(10_000_000_000);
    let unpriced = RequestFacts { model: Some("nobody-priced-me".into()), ..facts(1_000, Some(100)) };
    let answer =
        |snapshot: &Snapshot| admit(&needs(snapshot, &unpriced), &InMemory::default(), Recourse::Unreachable);
    let Answer::Admitted(admitted) = answer(&snapshot) else { panic!() };
    assert_eq!(admitted.held[0].amount, 0);
    snapshot.unpriced = UnpricedRule::Refuse;
    assert!(matches!(answer(&snapshot), Answer::Refused(Refused { reason: Refusal::Unpriced, .. })));
    snapshot.unpriced = UnpricedRule::Ceiling(protocol::money::PicoUsdPerUnit::new(1_000_000));
    let Answer::Admitted(admitted) = answer(&snapshot) else { panic!() };
    assert_eq!(admitted.held[0].amount, 1_100_000_000);
}

#[test]
fn a_call_without_a_customer_is_refused_where_the_policy_says_so() {
    let mut snapshot = snapshot(1);
    let needs = |snapshot: &Snapshot| Needs::of(snapshot, &head(Attribution::default()), &facts(1, None));
    assert!(matches!(admit(&needs(&snapshot), &InMemory::default(), Recourse::Ask), Answer::Admitted(_)));
    snapshot.unattributed = Allow::Refuse;
    let answer = admit(&needs(&snapshot), &InMemory::default(), Recourse::Ask);
    assert!(matches!(answer, Answer::Refused(Refused { reason: Refusal::Unattributed, .. })));
}

/// A cap that gives way to a cheaper model, behind it one that refuses.
fn giving_way() -> Snapshot {
    let mut snapshot = snapshot(1);
    let gives_way = CapSpec { downgrade: Some("mini".into()), ..(*snapshot.caps[0]).clone() };
    snapshot.caps = vec![gives_way.into()];
    snapshot
}

#[test]
fn a_cap_without_room_gives_way_to_its_cheaper_model_where_the_request_can_be_altered() {
    let (snapshot, shared) = (giving_way(), InMemory::default());
    let dear = needs(&snapshot, &facts(1_000, Some(100)));
    let answer =
        |needs: &Needs, alterable| needs.admit(&shared, alterable, false, Recourse::Asked, Allow::Allow, NOW);
    assert!(matches!(answer(&dear, false), Answer::Refused(_)), "signed, or passed on already");
    let Answer::GiveWay(cap) = answer(&dear, true) else { panic!("does not give way") };
    let mini = RequestFacts { model: Some("mini".into()), ..facts(1_000, Some(100)) };
    let cheap = needs(&snapshot, &mini).giving_way(vec![cap]);
    let Answer::Admitted(admitted) = answer(&cheap, true) else { panic!("not admitted") };
    assert_eq!(admitted.decisions[0].decision, CapAnswer::Downgraded);
    // Who asks for the cheap one is not worse off.
    let Answer::Admitted(admitted) = answer(&needs(&snapshot, &mini), true) else { panic!("not admitted") };
    assert_eq!(admitted.decisions[0].held, 0, "nobody priced it");
}
