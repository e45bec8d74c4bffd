//! What admission adds to a call, and how soon a policy is in force. Two Envoys of two workers with the same filter: of
//! one the control plane has no caps, of the other two that are about every call. Calls come one at a time, so that what
//! is measured is waiting, not queueing.

use crate::table::quartiles;
use harness::{
    call::Call,
    client::{Answer, Connection},
    control_plane::ControlPlane,
    envoy::{Envoy, Setup},
    rig,
};
use serde_json::json;
use std::{fmt::Write, fs, net::SocketAddr, time::Duration};
use tokio::time::Instant;

/// A policy is applied so often at least, whatever the rounds.
const APPLIES_MIN: usize = 10;
const WARM_CALLS: usize = 400;
/// Each is the first of its workspace: it waits until the control plane has handed out something.
const COLD_CALLS: usize = 100;

/// One kind of call in one round, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Waited {
    p50: f64,
    p99: f64,
}

/// Without caps and with them.
type Pair = [Waited; 2];

/// Measures and says it.
pub(super) async fn report(provider: SocketAddr, with_caps: &str, rounds: usize) -> String {
    let without = ControlPlane::start("version: 1\n").await;
    let with = ControlPlane::start(with_caps).await;
    let envoys = [envoy(provider, &without).await, envoy(provider, &with).await];
    let (mut warm, mut cold) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let warm_row = pair(&envoys, round, WARM_CALLS, |_| "w".to_owned()).await;
        let cold_row = pair(&envoys, round, COLD_CALLS, |call| format!("w{round}-{call}")).await;
        if round > 0 {
            warm.push(warm_row); // round 0 warms caches, connections and the compiler of the module
            cold.push(cold_row);
        }
        eprintln!("round {round} of {rounds}");
    }
    let applied = applies(&envoys[0], &without, rounds.max(APPLIES_MIN)).await;
    let mut text = format!(
        "Envoy with two workers, `admission: strict`, two caps in money beside none; {rounds} interleaved rounds of {WARM_CALLS} warm \
         and {COLD_CALLS} cold calls, one at a time. Medians over the rounds; × is the median of the paired ratios (quartiles).\n\n\
         | call | quantile | no caps, µs | caps, µs | added, µs | × |\n|---|---|---|---|---|---|\n"
    );
    for (name, rows) in [("warm: the allowance is there", &warm), ("cold: it has to be asked for", &cold)] {
        line(&mut text, name, "p50", rows, |waited| waited.p50);
        line(&mut text, name, "p99", rows, |waited| waited.p99);
    }
    let count = applied.len();
    let [least, median, most] = ends_and_median(applied);
    let _written = writeln!(
        text,
        "\nFrom the start of `bursar policy apply` until both workers do as it says, {count} times: {least:.0} ms at \
         least, {median:.0} ms in the median, {most:.0} ms at most."
    );
    text
}

async fn envoy(provider: SocketAddr, bursar: &ControlPlane) -> Envoy {
    let mut setup = Setup::new(provider);
    setup.control_plane = Some(bursar.address());
    setup.configuration = vec![("admission".to_owned(), json!({"mode": "strict"}))];
    let mut envoy = Envoy::start(setup).await;
    rig::has_snapshot(&mut envoy).await;
    envoy
}

fn question(workspace: &str) -> Call {
    let call = Call::chat("gpt-4o").set("max_tokens", 20).script(&json!({"tokens": 5}));
    call.customer("acme").header("x-bursar-workspace", workspace)
}

/// The same calls through both, the first in turn.
async fn pair(envoys: &[Envoy; 2], round: usize, calls: usize, workspace: impl Fn(usize) -> String) -> Pair {
    let mut row = [Waited { p50: f64::NAN, p99: f64::NAN }; 2];
    for turn in [round % 2, (round + 1) % 2] {
        let mut connection = Connection::open(envoys[turn].address()).await;
        let mut took_us = Vec::with_capacity(calls);
        for number in 0..calls {
            let call = question(&workspace(number));
            let begun = Instant::now();
            let answer = connection.send(&call).await;
            took_us.push(begun.elapsed().as_secs_f64() * 1e6);
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("x-bursar-budget").is_some(), turn == 1, "caps are about one of them");
        }
        row[turn] = waited(took_us);
    }
    row
}

fn waited(mut took_us: Vec<f64>) -> Waited {
    took_us.sort_by(f64::total_cmp);
    let at = |percent: usize| took_us.get((took_us.len() * percent).div_ceil(100).saturating_sub(1));
    Waited { p50: at(50).copied().unwrap_or(f64::NAN), p99: at(99).copied().unwrap_or(f64::NAN) }
}

fn line(text: &mut String, name: &str, quantile: &str, rows: &[Pair], of: fn(&Waited) -> f64) {
    let median = |pick: &dyn Fn(&Pair) -> f64| quartiles(rows.iter().map(pick).collect());
    let [_, without, _] = median(&|[without, _]| of(without));
    let [_, with, _] = median(&|[_, with]| of(with));
    let [_, added, _] = median(&|[without, with]| of(with) - of(without));
    let [low, times, high] = median(&|[without, with]| of(with) / of(without));
    let _written = writeln!(
        text,
        "| {name} | {quantile} | {without:.0} | {with:.0} | {added:+.0} | {times:.2} ({low:.2}–{high:.2}) |"
    );
}

/// How long it took, each time, in milliseconds. What is toggled is whether calls of nobody pass: that no allowance is
/// part of.
async fn applies(envoy: &Envoy, bursar: &ControlPlane, times: usize) -> Vec<f64> {
    let mut workers = one_connection_per_worker(envoy).await;
    let server = format!("http://{}", bursar.address());
    let mut took_ms = Vec::new();
    for time in 0..times {
        let refuses = time % 2 == 0;
        let rule = if refuses { "refuse" } else { "allow" };
        let file = bursar.data().with_file_name("applied.yaml");
        fs::write(&file, format!("version: 1\nunattributed: {{rule: {rule}}}\n")).expect("a writable place");
        let begun = Instant::now();
        let output = bursar.run(&["policy", "apply", &file.display().to_string(), "--server", &server]);
        assert!(output.status.success(), "policy apply: {}", String::from_utf8_lossy(&output.stderr));
        for connection in &mut workers {
            while is_refused(&connection.send(&Call::chat("gpt-4o")).await) != refuses {
                assert!(begun.elapsed() < Duration::from_secs(20), "the policy does not come");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        took_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        // Looks for news are a second apart; the next command is not to begin at the same point between two each time.
        tokio::time::sleep(Duration::from_millis(u64::try_from(time * 370 % 1_000).unwrap_or(0))).await;
    }
    took_ms
}

fn is_refused(answer: &Answer) -> bool {
    let why = answer.header("x-bursar-refused");
    assert!(answer.status == 200 || why == Some("unattributed"), "{} {}", answer.status, answer.text());
    why.is_some()
}

/// Envoy tells which worker took a connection by its counters alone.
async fn one_connection_per_worker(envoy: &Envoy) -> Vec<Connection> {
    let counted = async || {
        let page = envoy.admin("/stats?filter=worker_[0-9]+.downstream_cx_total$").await;
        let listener = format!(".{}.worker_", envoy.address().to_string().replace(':', "_"));
        let ours = page
            .lines()
            .filter(|line| line.contains(&listener) || line.contains(&envoy.address().to_string()));
        ours.map(str::to_owned).collect::<Vec<String>>()
    };
    let (mut found, mut before): (Vec<Connection>, _) = (Vec::new(), counted().await);
    let mut seen: Vec<usize> = Vec::new();
    let workers = usize::try_from(envoy.concurrency()).unwrap_or(0);
    for _ in 0..200 {
        let mut connection = Connection::open(envoy.address()).await;
        connection.send(&Call::chat("gpt-4o")).await;
        let after = counted().await;
        let worker = before.iter().zip(&after).position(|(before, after)| before != after);
        before = after;
        if let Some(worker) = worker.filter(|worker| !seen.contains(worker)) {
            seen.push(worker);
            found.push(connection);
        }
        if found.len() == workers {
            break;
        }
    }
    assert_eq!(found.len(), workers, "no connection of each worker: {before:?}");
    found
}

fn ends_and_median(mut values: Vec<f64>) -> [f64; 3] {
    let [_, median, _] = quartiles(values.clone());
    values.sort_by(f64::total_cmp);
    [values.first().copied().unwrap_or(f64::NAN), median, values.last().copied().unwrap_or(f64::NAN)]
}
