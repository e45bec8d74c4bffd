//! Hammered: hundreds of connections at once at a cap with room for three calls, through two workers and through three
//! Envoys. What `bursar policy explain` says beforehand is the most that gets through.

#![expect(clippy::print_stderr, reason = "by how much a cap is passed is what people ask")]

use harness::{
    call::Call,
    client::{Answer, Connection},
    control_plane::ControlPlane,
    envoy::{Envoy, Setup},
    provider::Provider,
    rig, wait,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::{sync::Barrier, task::JoinSet, time::Instant};

/// So many connections at each Envoy.
const CLIENTS: usize = 200;
/// 100 generated tokens at 10 USD per million and 10 prompt tokens at 2.50.
const CALL_PICO: i128 = 1_025_000_000;

struct Case {
    name: &'static str,
    admission: &'static str,
    envoys: usize,
    limit: &'static str,
    /// Used up by the first Envoy before the others start; then three more fit.
    before: usize,
}

/// In calls and in money the cap has room for three; `limit_usd` for three holds.
const THREE_CALLS: &str = "limit_calls: 3";
const THREE_HOLDS: &str = "limit_usd: '0.0036'";
/// One Envoy may admit a hundredth of this before it asks.
const HUNDRED_CALLS: &str = "limit_calls: 100";

const fn case(
    name: &'static str,
    admission: &'static str,
    envoys: usize,
    limit: &'static str,
    before: usize,
) -> Case {
    Case { name, admission, envoys, limit, before }
}

fn policy(limit: &str) -> String {
    format!(
        "version: 1\nplans: {{pro: {{price_usd: '49.00'}}}}\ncustomers: {{acme: {{plan: pro}}}}\n\
         caps: [{{name: c, subject: {{customer: acme}}, {limit}, window: lifetime}}]\nwhen_unreachable: refuse\n"
    )
}

fn question() -> Call {
    let script = json!({"head_delay_ms": 200, "tokens": 100, "prompt_tokens": 10});
    Call::chat("gpt-4o").customer("acme").set("max_tokens", 100).script(&script)
}

/// An amount of a cap: of calls as it is, of money in pico-dollars.
fn amount(value: &Value) -> i128 {
    match value.as_str().map(|text| text.split_once(' ').unwrap_or((text, "USD"))) {
        Some((count, "calls")) => count.parse().unwrap(),
        Some((usd, _)) => pico(usd),
        None => i128::from(value.as_i64().unwrap()),
    }
}

fn pico(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<12}").parse().unwrap()
}

/// The cap's limit, and what all Envoys together may use on top of it before they ask, as `explain` says.
fn explained(bursar: &ControlPlane, text: &str, envoys: usize) -> (i128, i128) {
    let file = bursar.data().with_file_name("explained.yaml");
    std::fs::write(&file, text).unwrap();
    let (file, envoys) = (file.display().to_string(), envoys.to_string());
    let output = bursar.run(&["policy", "explain", &file, "--envoys", &envoys, "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cap = &report["items"][0];
    (amount(&cap["limit"]), amount(&cap["initial_fleet"]))
}

async fn envoy(bursar: &ControlPlane, provider: &Provider, admission: &str, number: usize) -> Envoy {
    let mut setup = Setup::new(provider.address());
    setup.control_plane = Some(bursar.address());
    setup.node = format!("envoy-{number}");
    setup.configuration = vec![("admission".to_owned(), json!({"mode": admission}))];
    let mut envoy = Envoy::start(setup).await;
    rig::has_snapshot(&mut envoy).await;
    envoy
}

/// Opens the connections, then sends a call on each at one moment.
async fn hammered(envoys: &[Envoy], clients: usize) -> Vec<Answer> {
    let all = clients * envoys.len();
    let start = Arc::new(Barrier::new(all));
    let mut sent = JoinSet::new();
    for number in 0..all {
        let (address, start) = (envoys[number % envoys.len()].address(), Arc::clone(&start));
        sent.spawn(async move {
            let mut connection = Connection::open(address).await;
            start.wait().await;
            connection.send(&question()).await
        });
    }
    sent.join_all().await
}

fn admitted(answers: &[Answer]) -> usize {
    let refused = |answer: &Answer| answer.status == 429 && answer.header("x-bursar-refused") == Some("cap");
    let unlike = answers.iter().find(|answer| answer.status != 200 && !refused(answer));
    assert!(unlike.is_none(), "{unlike:?}");
    answers.iter().filter(|answer| answer.status == 200).count()
}

async fn holds(case: Case) {
    let text = policy(case.limit);
    let provider = Provider::start().await;
    let bursar = ControlPlane::start(&text).await;
    let (limit, initial) = explained(&bursar, &text, case.envoys);
    let mut envoys = vec![envoy(&bursar, &provider, case.admission, 0).await];
    let mut passed = admitted(&hammered(&envoys, case.before).await);
    let mut sent = case.before;
    assert_eq!(passed, case.before);
    for number in 1..case.envoys {
        envoys.push(envoy(&bursar, &provider, case.admission, number).await);
    }
    let first = admitted(&hammered(&envoys, CLIENTS).await);
    (passed, sent) = (passed + first, sent + CLIENTS * case.envoys);
    // Whoever asked too often while others held was refused; in the end the cap is used up, and never passed.
    let each: i128 = if case.limit.starts_with("limit_usd") { CALL_PICO } else { 1 };
    let spends = |calls: usize| i128::try_from(calls).unwrap() * each;
    let full = async || {
        if spends(passed) + each > limit {
            return Some(());
        }
        (passed, sent) = (passed + admitted(&hammered(&envoys, 4).await), sent + 4 * case.envoys);
        None
    };
    wait::until("the cap is used up", full).await;
    let spent = spends(passed);
    eprintln!(
        "{:38} {CLIENTS} clients each: limit {limit}, explain allows {initial} on top; {first} admitted at once, \
         {spent} used in all, {} above the limit",
        case.name,
        (spent - limit).max(0)
    );
    if case.admission == "strict" {
        assert!(spent <= limit, "{spent} of {limit}");
    }
    assert!(spent <= limit + initial, "{spent} of {limit} and {initial}");
    assert_eq!(provider.received().len(), passed, "the provider got what was admitted");
    books_agree(&bursar, sent, passed, (spent, limit)).await;
}

/// Ledger, caps and aggregates say what really happened.
async fn books_agree(bursar: &ControlPlane, sent: usize, passed: usize, (spent, limit): (i128, i128)) {
    let calls = bursar.calls("acme", sent).await;
    assert_eq!(calls.iter().filter(|call| call["state"] == "finished").count(), passed);
    assert_eq!(calls.iter().filter(|call| call["state"] == "refused").count(), sent - passed);
    let cap = wait::until("the cap shows it", async || {
        let cap = bursar.items("/v1/caps").await.remove(0);
        (amount(&cap["held"]) == 0 && amount(&cap["spent"]) == spent).then_some(cap)
    });
    let cap = cap.await;
    assert_eq!(amount(&cap["debt"]), (spent - limit).max(0), "{cap:#}");
    assert_eq!(cap["holds"], json!([]), "{cap:#}");
    bursar.is_consistent();
}

#[tokio::test]
async fn of_two_hundred_at_one_envoy_three_pass_where_every_call_waits_for_its_allowance() {
    holds(case("strict, one Envoy, calls", "strict", 1, THREE_CALLS, 0)).await;
}

#[tokio::test]
async fn of_two_hundred_at_one_envoy_three_pass_where_three_holds_fit() {
    holds(case("strict, one Envoy, money", "strict", 1, THREE_HOLDS, 0)).await;
}

#[tokio::test]
async fn of_six_hundred_at_three_envoys_three_pass_where_every_call_waits_for_its_allowance() {
    holds(case("strict, three Envoys, calls", "strict", 3, THREE_CALLS, 0)).await;
}

#[tokio::test]
async fn of_six_hundred_at_three_envoys_three_pass_where_three_holds_fit() {
    holds(case("strict, three Envoys, money", "strict", 3, THREE_HOLDS, 0)).await;
}

#[tokio::test]
async fn a_fast_envoy_admits_no_more_than_was_explained() {
    holds(case("fast, one Envoy, calls", "fast", 1, THREE_CALLS, 0)).await;
}

#[tokio::test]
async fn three_fast_envoys_that_start_at_a_cap_with_three_left_admit_no_more_than_was_explained() {
    holds(case("fast, three Envoys, three of 100 calls left", "fast", 3, HUNDRED_CALLS, 97)).await;
}

#[tokio::test]
async fn three_fast_envoys_admit_no_more_money_than_was_explained() {
    holds(case("fast, three Envoys, money", "fast", 3, THREE_HOLDS, 0)).await;
}

#[tokio::test]
async fn a_call_whose_allowance_is_warm_asks_nobody() {
    const CALLS: usize = 600;
    let provider = Provider::start().await;
    let bursar = ControlPlane::start(&policy("limit_calls: 1000000")).await;
    let envoys = [envoy(&bursar, &provider, "strict", 0).await];
    let quick = Call::chat("gpt-4o").customer("acme");
    assert_eq!(envoys[0].client().send(&quick).await.status, 200, "the first one asks");
    let asked = async || {
        let page = envoys[0].admin("/stats?filter=^cluster.bursar.upstream_rq_total$").await;
        page.split_whitespace().last().unwrap().parse::<usize>().unwrap()
    };
    let (before, begun) = (asked().await, Instant::now());
    let mut senders = JoinSet::new();
    for _ in 0..4 {
        let (mut connection, quick) = (Connection::open(envoys[0].address()).await, quick.clone());
        senders.spawn(async move {
            for _ in 0..CALLS / 4 {
                assert_eq!(connection.send(&quick).await.status, 200);
            }
        });
    }
    senders.join_all().await;
    let (requests, took_ms) = (asked().await - before, usize::try_from(begun.elapsed().as_millis()).unwrap());
    eprintln!("{CALLS} warm calls in {took_ms} ms: {requests} requests to the control plane");
    // By the clock alone: of each worker ten batches of events and two reports a second, of the Envoy one look for news.
    let by_the_clock = (2 * (10 + 2) + 1) * (took_ms + 1_000) / 1_000;
    assert!(requests <= by_the_clock, "{requests} in {took_ms} ms, {by_the_clock} by the clock");
    assert!(requests < CALLS / 3, "{requests} for {CALLS} calls");
    bursar.calls("acme", CALLS + 1).await;
    bursar.is_consistent();
}
