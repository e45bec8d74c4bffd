use super::*;

const NOW: UnixNanos = 1_000_000_000_000;
const WINDOW: (UnixNanos, UnixNanos) = (NOW - 1, NOW + 3_600_000_000_000);

fn grant(allowance: Amount, denied_need: Option<Amount>) -> Grant {
    let (window_start, window_end) = WINDOW;
    Grant {
        cap: "c/usd".into(),
        subject: "customer=acme".into(),
        window_start,
        window_end,
        allowance,
        ttl_ms: GRANT_TTL_MS,
        limit: 100,
        others: 0,
        carried: 0,
        since: 0,
        denied_need,
    }
}

fn granted(allowance: Amount) -> Counter {
    let mut counter = Counter::default();
    counter.apply(&grant(allowance, None), NOW);
    counter
}

#[test]
fn spent_and_held_never_pass_the_allowance() {
    let mut counter = granted(10);
    assert_eq!(counter.hold(6, NOW, 0), HoldAnswer::Held);
    assert_eq!(counter.hold(6, NOW, 0), HoldAnswer::Short);
    counter.settle(Some(counter.revision), 6, 2, NOW);
    assert_eq!((counter.spent, counter.held), (2, 0));
    assert_eq!(counter.hold(8, NOW, 0), HoldAnswer::Held);
    assert_eq!(counter.hold(1, NOW, 0), HoldAnswer::Short);
}

#[test]
fn before_the_first_grant_only_the_initial_amount_may_be_held_and_it_is_carried_into_the_window() {
    let mut counter = Counter::default();
    assert_eq!(counter.hold(3, NOW, 5), HoldAnswer::Held);
    assert_eq!(counter.hold(3, NOW, 5), HoldAnswer::Short);
    counter.apply(&grant(10, None), NOW);
    counter.settle(Some(counter.revision), 3, 4, NOW);
    assert_eq!((counter.spent, counter.held, counter.room(NOW, 5)), (4, 0, 6));
}

#[test]
fn a_grant_ends_and_then_nothing_more_may_be_held() {
    let mut counter = granted(10);
    let after = NOW + GRANT_TTL_MS * 1_000_000;
    assert_eq!(counter.hold(1, after, 100), HoldAnswer::Short);
}

#[test]
fn a_denied_need_is_refused_without_asking_again_but_a_smaller_one_is_not() {
    let mut counter = granted(10);
    counter.apply(&grant(10, Some(20)), NOW);
    assert_eq!(counter.hold(20, NOW, 0), HoldAnswer::Denied);
    assert_eq!(counter.hold(15, NOW, 0), HoldAnswer::Short);
    assert_eq!(counter.hold(10, NOW, 0), HoldAnswer::Held);
    let later = NOW + DENIAL_MS * 1_000_000;
    assert_eq!(counter.hold(20, later, 0), HoldAnswer::Short);
}

#[test]
fn a_new_window_begins_with_nothing_and_old_holds_stay_in_the_old_one() {
    let mut counter = granted(10);
    counter.hold(6, NOW, 0);
    assert_eq!(counter.hold(1, WINDOW.1, 0), HoldAnswer::Short);
    counter.settle(Some(counter.revision), 6, 6, WINDOW.1);
    assert_eq!((counter.spent, counter.held, counter.window_start), (0, 0, WINDOW.1));
}

#[test]
fn an_answer_that_arrives_late_or_twice_changes_nothing() {
    let mut counter = granted(10);
    counter.hold(4, NOW, 0);
    counter.apply(&grant(20, None), NOW + 5);
    let (before, after) = (counter, {
        counter.apply(&grant(10, None), NOW + 1);
        counter
    });
    assert_eq!(
        (before.allowance, before.expires_at, before.held),
        (after.allowance, after.expires_at, after.held)
    );
}

#[test]
fn the_allowances_of_a_fleet_never_pass_the_cap() {
    let mut shares = [Share::default(); 3];
    for round in 0..60_usize {
        let at = round % 3;
        let others =
            (0..3).filter(|other| *other != at).map(|other| shares[other].committed(&horizon(NOW))).sum();
        let decision = decide(1_000, others, &shares[at], 25, 3, NOW);
        shares[at].allowance = decision.allowance;
        shares[at].expires_at = NOW + 1;
        // The node uses all it got.
        shares[at].spent = decision.allowance;
        let total: Amount = shares.iter().map(|share| share.committed(&horizon(NOW))).sum();
        assert!(total <= 1_000, "round {round}: {total}");
    }
    let total: Amount = shares.iter().map(|share| share.committed(&horizon(NOW))).sum();
    assert!(total > 975, "a cap can be used up to the last call that fits, not {total}");
}

#[test]
fn a_need_that_does_not_fit_is_denied_and_leaves_the_old_grant_alone() {
    let own = Share { spent: 5, held: 0, allowance: 8, expires_at: NOW + 1, ledger: 0, revision: 0 };
    assert_eq!(decide(10, 0, &own, 6, 1, NOW), Decision { allowance: 8, denied: true });
    assert_eq!(decide(10, 0, &own, 5, 1, NOW), Decision { allowance: 10, denied: false });
    assert_eq!(decide(10, 2, &own, 4, 1, NOW), Decision { allowance: 8, denied: true });
}

#[test]
fn a_dead_nodes_share_collapses_to_what_it_spent_or_what_the_ledger_shows() {
    let share = Share { spent: 5, held: 4, allowance: 20, expires_at: NOW, ledger: 7, revision: 0 };
    assert_eq!(share.committed(&horizon(NOW)), 20);
    assert_eq!(share.committed(&horizon(NOW + GRANT_MARGIN_NS)), 9);
    assert_eq!(share.committed(&horizon(NOW + DEAD_AFTER_NS)), 7);
    let share = Share { ledger: 3, ..share };
    assert_eq!(share.committed(&horizon(NOW + DEAD_AFTER_NS)), 5, "what it said it spent is not forgotten");
}

#[test]
fn a_hold_made_before_the_first_grant_is_settled_in_its_own_window_only() {
    let mut counter = Counter::default();
    counter.hold(3, NOW, 5);
    counter.apply(&grant(10, None), NOW);
    counter.settle(Some(counter.revision), 3, 3, WINDOW.1);
    assert_eq!((counter.spent, counter.held, counter.window_start), (0, 0, WINDOW.1));
}

#[test]
fn a_window_that_a_new_policy_makes_longer_is_taken_over() {
    let mut counter = granted(10);
    counter.hold(4, NOW, 0);
    let longer = Grant { window_start: WINDOW.0 - 1_000, window_end: WINDOW.1 + 1_000, ..grant(20, None) };
    counter.apply(&longer, NOW + 1);
    assert_eq!(
        (counter.window_start, counter.window_end, counter.room(NOW, 0)),
        (WINDOW.0 - 1_000, WINDOW.1 + 1_000, 20)
    );
}

#[test]
fn a_limit_that_was_lowered_binds_a_node_that_was_granted_more() {
    let own = Share { spent: 12, held: 0, allowance: 34, expires_at: NOW + 1, ledger: 12, revision: 0 };
    assert_eq!(decide(10, 0, &own, 1, 1, NOW), Decision { allowance: 10, denied: true });
}

#[test]
fn a_grant_is_no_news_for_who_gave_it() {
    let mut counter = granted(10);
    counter.hold(4, NOW, 0);
    let told = counter.report("c/usd", "customer=acme", 0);
    counter.apply(&grant(20, None), NOW + 1);
    assert_eq!(counter.report("c/usd", "customer=acme", 0), told, "the other workers have nothing to report");
}

#[test]
fn a_hold_is_given_back_also_where_the_window_begins_later_by_the_nodes_clock() {
    // The control plane is ahead: it grants the next window, in which this node's clock is not yet.
    let mut counter = granted(10);
    let next = Grant { window_start: WINDOW.1, window_end: WINDOW.1 + 1, ..grant(10, None) };
    counter.apply(&next, WINDOW.1 - 5);
    assert_eq!(counter.hold(6, WINDOW.1 - 4, 0), HoldAnswer::Held);
    counter.settle(Some(counter.revision), 6, 1, WINDOW.1 - 3);
    assert_eq!((counter.spent, counter.held), (1, 0));
}

#[test]
fn a_hold_made_before_the_first_grant_is_given_back_also_where_a_window_begins_meanwhile() {
    let mut counter = Counter::default();
    counter.hold(3, WINDOW.0 - 1, 5);
    let held_at = counter.revision;
    counter.apply(&grant(10, None), NOW);
    counter.settle(Some(held_at), 3, 2, NOW);
    assert_eq!((counter.spent, counter.held), (2, 0));
}

#[test]
fn a_counter_that_made_room_for_others_counts_on_from_what_it_had_spent() {
    let window = WINDOW;
    let mut own = Share { spent: 6, held: 1, revision: 40, expires_at: NOW - 1, ..Share::default() };
    let mut anew = Counter { revision: 50, since: 50, ..Counter::default() };
    anew.hold(2, NOW, 2);
    let told = anew.report("c/usd", "customer=acme", 1);
    // The first answer is lost.
    grant_of(&mut own, &told, window);
    let answer = grant_of(&mut own, &told, window);
    assert_eq!(own.committed(&horizon(NOW)), answer.allowance);
    anew.apply(&answer, NOW);
    anew.apply(&answer, NOW);
    assert_eq!((anew.spent, anew.held), (6, 2));
    grant_of(&mut own, &anew.report("c/usd", "customer=acme", 0), window);
    assert_eq!((own.spent, own.held), (6, 2));
}

#[test]
fn a_counter_that_made_room_for_others_does_not_take_an_answer_of_before() {
    let mut counter = Counter { revision: 50, since: 50, ..Counter::default() };
    counter.apply(&Grant { since: 40, ..grant(20, None) }, NOW);
    assert_eq!(counter.room(NOW, 0), 0);
}

#[test]
fn what_was_handed_out_before_a_limit_was_lowered_counts_until_it_ends() {
    let mut own = Share { spent: 2, allowance: 8, expires_at: NOW + 7_000_000, ..Share::default() };
    let report = Counter { spent: 2, window_start: WINDOW.0, ..Counter::default() }.report("c/usd", "", 0);
    let answer = super::grant(4, WINDOW, &mut own, &[], &report, moment(NOW));
    assert_eq!((answer.allowance, answer.ttl_ms), (4, 7));
    assert_eq!(own.committed(&horizon(NOW)), 8, "the answer may be lost");
    let ended = own.expires_at + GRANT_MARGIN_NS;
    let answer = super::grant(4, WINDOW, &mut own, &[], &report, moment(ended));
    assert_eq!((answer.allowance, answer.ttl_ms, own.committed(&horizon(ended))), (2, GRANT_TTL_MS, 2));
}

fn grant_of(own: &mut Share, report: &CounterReport, window: (UnixNanos, UnixNanos)) -> Grant {
    super::grant(10, window, own, &[], report, moment(NOW))
}

fn moment(now: UnixNanos) -> Moment {
    Moment { now, listening_since: 0 }
}

fn horizon(now: UnixNanos) -> Horizon {
    Horizon::of(moment(now), [])
}

#[test]
fn what_ended_while_the_control_plane_was_away_counts_until_it_has_listened_a_while() {
    let ended = Share { spent: 2, allowance: 20, expires_at: NOW, ..Share::default() };
    let long_over = Share { expires_at: NOW - GRANT_TTL_MS * 1_000_000 - GRANT_MARGIN_NS, ..ended };
    let listening_since = NOW + 60_000_000_000;
    let after = |now| Horizon::of(Moment { now, listening_since }, [&ended, &long_over]);
    assert_eq!(ended.committed(&after(listening_since)), 20, "it may have used it and could not say so");
    assert_eq!(ended.committed(&after(listening_since + LISTEN_NS)), 2);
    assert_eq!(long_over.committed(&after(listening_since)), 2, "was handed out again before");
    // The clock went back a little after the control plane had started, and it decided.
    let decided = listening_since - 500_000_000;
    let granted = Share { expires_at: decided + GRANT_TTL_MS * 1_000_000, ..ended };
    let moment = Moment { now: decided, listening_since };
    assert_eq!(ended.committed(&Horizon::of(moment, [&ended, &granted])), 20);
}
