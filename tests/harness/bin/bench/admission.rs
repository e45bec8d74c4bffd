//! What admission adds to a call, warm and cold, beside the same filter without caps; and how long a policy takes to be
//! enforced by every worker.

use harness::{
    call::Call,
    client::{Client, Connection},
    control_plane::ControlPlane,
    envoy::{Envoy, Setup},
    ports::Port,
    rig,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Nothing to admit by.
const OPEN: &str = "version: 1\n";
/// Two caps on each customer, which never refuse.
const CAPPED: &str = "version: 1\ncaps:\n  - {name: a, each: customer, limit_usd: \"100000\", window: month}\n  \
    - {name: b, each: customer, limit_calls: 1000000, window: day}\n";
/// Calls of each kind in a round.
const WARM: usize = 400;
const COLD: usize = 100;
/// A worker of two serves at least one of so many connections but once in 2,000.
const CONNECTIONS: usize = 12;

/// Milliseconds, in rounds that take turns.
#[derive(Debug, Default)]
struct Took {
    open: Vec<f64>,
    capped: Vec<f64>,
}

/// Measures, and prints a table.
pub(super) async fn run(rounds: usize, simulator: &Port) {
    let (open, mut open_envoy) = start(OPEN, simulator, 1).await;
    let (capped, mut capped_envoy) = start(CAPPED, simulator, 1).await;
    for envoy in [&mut open_envoy, &mut capped_envoy] {
        rig::has_snapshot(envoy).await;
    }
    let (mut warm, mut cold) = (Took::default(), Took::default());
    for round in 0..=rounds {
        let mut these = [Took::default(), Took::default()];
        for (kind, calls) in [WARM, COLD].into_iter().enumerate() {
            let name = |number: usize| match kind {
                0 => "warm".to_owned(),
                _ => format!("cold-{round}-{number}"),
            };
            let took = &mut these[kind];
            took.open = sequence(&open_envoy.client(), calls, name).await;
            took.capped = sequence(&capped_envoy.client(), calls, name).await;
        }
        // The first round warms pools and the compiler of the module.
        if round > 0 {
            let [these_warm, these_cold] = these;
            for (all, these) in [(&mut warm, these_warm), (&mut cold, these_cold)] {
                all.open.extend(these.open);
                all.capped.extend(these.capped);
            }
        }
        eprintln!("round {round} of {rounds}");
    }
    println!(
        "| call | p50, no caps, µs | p50 | added | p99, no caps, µs | p99 | added |\n|---|---|---|---|---|---|---|"
    );
    for (name, took) in [("warm allowance", warm), ("cold, strict", cold)] {
        let [open, capped] = [took.open, took.capped].map(sorted);
        let cells = [0.5, 0.99].map(|part| {
            let (open, capped) = (at(&open, part) * 1e3, at(&capped, part) * 1e3);
            format!("{open:.0} | {capped:.0} | {:+.0} µs, {:.2} ×", capped - open, capped / open)
        });
        println!("| {name} | {} | {} |", cells[0], cells[1]);
    }
    drop((open, capped));
    enforcement(simulator).await;
}

async fn start(policy: &str, simulator: &Port, concurrency: u32) -> (ControlPlane, Envoy) {
    let bursar = ControlPlane::start(policy).await;
    let mut setup = Setup::new(simulator.address());
    setup.control_plane = Some(bursar.address());
    setup.concurrency = concurrency;
    setup.configuration = vec![("admission".to_owned(), json!({"mode": "strict"}))];
    let envoy = Envoy::start(setup).await;
    (bursar, envoy)
}

fn call(customer: &str) -> Call {
    Call::chat("gpt-4o").customer(customer).set("max_tokens", 16)
}

async fn sequence(client: &Client, calls: usize, name: impl Fn(usize) -> String) -> Vec<f64> {
    let mut took = Vec::with_capacity(calls);
    for number in 0..calls {
        let (call, begin) = (call(&name(number)), Instant::now());
        assert_eq!(client.send(&call).await.status, 200, "a call that must pass");
        took.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    took
}

/// A policy that refuses, and one that does not, put in force in turns; every connection asks until it gets the other answer.
async fn enforcement(simulator: &Port) {
    const TIMES: usize = 12;
    let (bursar, mut envoy) = start(OPEN, simulator, 2).await;
    rig::has_snapshot(&mut envoy).await;
    let refusing = json!({"version": 1, "caps": [
        {"name": "none", "subject": {"customer": "probe"}, "limit_calls": 0, "window": "day"},
    ]});
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(envoy.address()).await);
    }
    let mut took = Vec::new();
    for turn in 0..TIMES {
        let refuses = turn % 2 == 0;
        let policy: Value = if refuses { refusing.clone() } else { json!({"version": 1}) };
        let answer = bursar.put("/v1/policy", policy).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let begin = Instant::now();
        for connection in &mut connections {
            while (connection.send(&call("probe")).await.status == 200) == refuses {}
        }
        took.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let took = sorted(took);
    println!(
        "\nFrom `policy apply` to enforcement in every worker, ms, {TIMES} times: least {:.0}, median {:.0}, most {:.0}",
        at(&took, 0.0),
        at(&took, 0.5),
        at(&took, 1.0)
    );
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a place in a list of some thousands"
)]
fn at(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}
