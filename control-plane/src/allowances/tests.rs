use super::*;
use crate::{policy, store::Store};
use protocol::allowance::{DEAD_AFTER_NS, GRANT_MARGIN_NS, GRANT_TTL_MS, LISTEN_NS};

/// 2026-11-24T10:00:00Z.
const NOW: UnixNanos = 1_795_514_400_000_000_000;
const TTL_NS: u64 = GRANT_TTL_MS * 1_000_000;
const SUBJECT: &str = "customer=acme";

struct Fleet {
    store: Store,
    policy: Policy,
    _directory: tempfile::TempDir,
}

impl Fleet {
    fn new(caps: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let policy = policy::parse(&format!("version: 1\ncaps:\n{caps}"), "policy.yaml").unwrap();
        Self { store: Store::open(directory.path()).unwrap(), policy, _directory: directory }
    }

    /// A cap of a hundred calls a day on customer acme.
    fn hundred_calls() -> Self {
        Self::new("  - {name: acme, subject: {customer: acme}, limit_calls: 100, window: day}\n")
    }

    async fn ask(&self, boot: &str, report: CounterReport, now: UnixNanos) -> AllowanceReply {
        self.ask_at(boot, report, Moment { now, listening_since: 0 }).await
    }

    async fn ask_at(&self, boot: &str, report: CounterReport, moment: Moment) -> AllowanceReply {
        let request =
            AllowanceRequest { version: 1, node: "n".into(), boot: boot.into(), counters: vec![report] };
        let policy = self.policy.clone();
        let job = move |write: &mut Write<'_>| answer(write, &policy, &policy.cap_specs(), &request, moment);
        self.store.write(job).await.unwrap()
    }

    async fn grant(&self, boot: &str, spent: Amount, want: Amount, revision: u64, now: UnixNanos) -> Grant {
        let report = report(spent, want, revision);
        self.ask(boot, report, now).await.grants.remove(0)
    }

    async fn states(&self, now: UnixNanos) -> Vec<CapState> {
        let policy = self.policy.clone();
        self.store.read(move |connection| caps(connection, &policy, &policy.cap_specs(), now)).await.unwrap()
    }
}

fn report(spent: Amount, want: Amount, revision: u64) -> CounterReport {
    let (cap, subject) = ("acme/calls".into(), SUBJECT.into());
    CounterReport { cap, subject, window_start: 0, spent, held: 0, want, revision, since: 0 }
}

#[tokio::test]
async fn the_allowances_of_a_fleet_never_pass_the_cap() {
    let fleet = Fleet::hundred_calls();
    let mut allowances = [0; 3];
    for round in 0..60_u64 {
        let at = usize::try_from(round % 3).unwrap();
        let boot = ["a", "b", "c"][at];
        // Each uses all it got, and asks for five more.
        let grant = fleet.grant(boot, allowances[at], 5, round, NOW).await;
        allowances[at] = grant.allowance;
        assert!(allowances.iter().sum::<Amount>() <= 100, "round {round}: {allowances:?}");
    }
    assert!(allowances.iter().sum::<Amount>() > 95, "{allowances:?}");
}

#[tokio::test]
async fn a_grant_names_its_window_its_limit_and_what_others_have() {
    let fleet = Fleet::hundred_calls();
    fleet.grant("a", 10, 0, 1, NOW).await;
    let grant = fleet.grant("b", 0, 4, 1, NOW).await;
    assert_eq!((grant.limit, grant.denied_need), (100, None));
    assert!((10..=32).contains(&grant.others), "{}", grant.others);
    let day = 86_400_000_000_000;
    assert_eq!((grant.window_start, grant.window_end), (NOW / day * day, NOW / day * day + day));
}

#[tokio::test]
async fn an_older_report_does_not_lower_what_is_known() {
    let fleet = Fleet::hundred_calls();
    fleet.grant("a", 90, 0, 7, NOW).await;
    fleet.grant("a", 10, 0, 3, NOW).await;
    let denied = fleet.grant("b", 0, 20, 1, NOW).await;
    assert_eq!(denied.denied_need, Some(20));
}

#[tokio::test]
async fn what_an_idle_envoy_was_given_comes_back_and_what_it_used_does_not() {
    let fleet = Fleet::hundred_calls();
    fleet.grant("a", 40, 40, 1, NOW).await;
    assert_eq!(fleet.grant("b", 0, 30, 1, NOW).await.denied_need, Some(30));
    let expired = NOW + TTL_NS + GRANT_MARGIN_NS;
    assert_eq!(fleet.grant("b", 0, 60, 2, expired).await.denied_need, None);
    let dead = NOW + TTL_NS + DEAD_AFTER_NS;
    assert_eq!(fleet.grant("c", 0, 61, 1, dead + TTL_NS).await.denied_need, Some(61));
    assert_eq!(fleet.grant("c", 0, 60, 2, dead + TTL_NS).await.denied_need, None);
}

#[tokio::test]
async fn an_increase_is_handed_out_while_it_holds_and_no_longer() {
    let fleet = Fleet::new(
        "  - {name: acme, subject: {customer: acme}, limit_calls: 100, window: lifetime,\n    \
         increases: [{limit_calls: 150, until: 2026-11-24T10:01:00Z}]}\n",
    );
    let grant = fleet.grant("a", 120, 10, 1, NOW).await;
    assert_eq!((grant.limit, grant.denied_need), (150, None));
    assert_eq!(fleet.states(NOW).await[0].limit, 150);
    let over = NOW + 60_000_000_000;
    let grant = fleet.grant("a", 130, 1, 2, over).await;
    assert_eq!((grant.limit, grant.denied_need), (100, Some(1)));
    assert_eq!(fleet.states(over).await[0].limit, 100);
}

#[tokio::test]
async fn a_cap_that_the_policy_does_not_have_is_named() {
    let fleet = Fleet::hundred_calls();
    let report = CounterReport { cap: "gone/usd".into(), ..report(0, 1, 1) };
    let reply = fleet.ask("a", report, NOW).await;
    assert_eq!((reply.grants.len(), reply.unknown_caps), (0, vec!["gone/usd".into()]));
}

#[tokio::test]
async fn totals_of_the_window_before_do_not_count_in_the_new_one() {
    let fleet = Fleet::hundred_calls();
    let first = fleet.grant("a", 95, 0, 9, NOW).await;
    let stale = CounterReport { window_start: first.window_start, ..report(95, 50, 10) };
    let grant = fleet.ask("a", stale, first.window_end + 1).await.grants.remove(0);
    assert_eq!((grant.window_start, grant.denied_need), (first.window_end, None));
}

#[tokio::test]
async fn grants_survive_a_restart_of_the_control_plane() {
    let mut fleet = Fleet::hundred_calls();
    let before = fleet.grant("a", 50, 20, 1, NOW).await.allowance;
    fleet.store.close().await;
    fleet.store = Store::open(fleet._directory.path()).unwrap();
    assert_eq!(fleet.grant("b", 0, 100 - before + 1, 1, NOW).await.denied_need, Some(100 - before + 1));
}

#[tokio::test]
async fn what_ended_while_the_control_plane_was_away_is_not_handed_out_before_it_has_listened() {
    let fleet = Fleet::hundred_calls();
    fleet.grant("a", 50, 20, 1, NOW).await;
    let listening_since = NOW + TTL_NS + GRANT_MARGIN_NS;
    let ask = |after, revision| {
        fleet.ask_at("b", report(0, 45, revision), Moment { now: listening_since + after, listening_since })
    };
    assert_eq!(ask(0, 1).await.grants[0].denied_need, Some(45), "a may have used it, and could not say so");
    assert_eq!(ask(LISTEN_NS, 2).await.grants[0].denied_need, None);
}

#[tokio::test]
async fn the_state_of_a_cap_shows_what_is_spent_held_and_handed_out() {
    let fleet = Fleet::new(
        "  - {name: acme, subject: {customer: acme}, limit_calls: 100, window: day}\n  - {name: each, each: workspace, limit_calls: 5, window: day}\n",
    );
    let states = fleet.states(NOW).await;
    assert_eq!(states.len(), 1, "one that counts nothing yet is shown where its subject is known");
    let grant = fleet.grant("a", 3, 4, 1, NOW).await;
    let write = move |write: &mut Write<'_>| {
        let (cap, subject, boot) =
            (write.word(Some("acme/calls"))?, write.word(Some(SUBJECT))?, write.word(Some("a"))?);
        let start = i64::try_from(grant.window_start).unwrap();
        write.execute(
            "INSERT INTO cap_usage VALUES (?1, ?2, ?3, ?4, 99, 7)",
            params![cap, subject, start, boot],
        )
    };
    fleet.store.write(write).await.unwrap();
    let state = fleet.states(NOW).await.remove(0);
    assert_eq!((state.spent, state.held, state.handed_out, state.debt()), (99, 7, grant.allowance, 6));
    assert_eq!(fleet.states(NOW + TTL_NS).await.remove(0).handed_out, 0);
}

#[tokio::test]
async fn an_envoy_that_forgot_a_count_is_not_given_the_same_room_again() {
    let fleet = Fleet::hundred_calls();
    let grant = fleet.grant("a", 100, 0, 9, NOW).await;
    let write = move |write: &mut Write<'_>| {
        let (cap, subject, boot) =
            (write.word(Some("acme/calls"))?, write.word(Some(SUBJECT))?, write.word(Some("a"))?);
        let start = i64::try_from(grant.window_start).unwrap();
        write.execute(
            "INSERT INTO cap_usage VALUES (?1, ?2, ?3, ?4, 100, 0)",
            params![cap, subject, start, boot],
        )
    };
    fleet.store.write(write).await.unwrap();
    let fresh = fleet.grant("a", 0, 5, 10, NOW).await;
    assert_eq!((fresh.allowance, fresh.denied_need), (0, Some(5)));
}
