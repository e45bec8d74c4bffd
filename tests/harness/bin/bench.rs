//! `./build.sh bench`: what the filter costs, beside a bare Envoy and a module that does nothing, in one run. Three
//! Envoys of one worker each, interleaved rounds, CPU time of the Envoy processes as the scheduler counts it, ratios
//! pair by pair within a round. Bounded in calls and rounds; only this machine is loaded.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to a person")]
#![expect(clippy::float_arithmetic, reason = "ratios of times, and no money")]
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark that cannot go on says so")]

#[path = "bench/admission.rs"]
mod admission;
#[path = "bench/load.rs"]
mod load;
#[path = "bench/table.rs"]
mod table;

use harness::{
    call::Call,
    client::Client,
    control_plane::ControlPlane,
    envoy::{Envoy, Filter, Setup},
    places,
    ports::Port,
    process::Process,
    rig,
};
use load::{Load, Measured};
use std::{
    path::Path,
    process::{Command, ExitCode},
};

/// Medians of fewer pairs than this say nothing on a shared machine.
const ROUNDS: usize = 15;

/// The filter tells of a call up to 100 ms after its end; that work is counted with the calls it is for.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(150);

/// Caps that never refuse: every call holds and settles on two of them.
const POLICY: &str = r#"
version: 1
plans: {pro: {price_usd: "49.00", period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}}
caps:
  - {name: acme-month, subject: {customer: acme}, limit_usd: "100000.00", window: month}
  - {name: per-workspace-day, each: workspace, limit_usd: "100000.00", window: day}
"#;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first.starts_with(char::is_alphabetic)) {
        arguments.insert(0, ROUNDS.to_string()); // a load alone
    }
    let rounds = arguments.first().map_or(Ok(ROUNDS), |text| text.parse());
    let wanted = arguments.get(1).cloned().unwrap_or_default();
    let all: &[Load] = if wanted == "dialects" { &load::DIALECTS } else { &load::ALL };
    let loads: Vec<&Load> =
        all.iter().filter(|load| wanted == "dialects" || load.name.starts_with(&wanted)).collect();
    let of_admission = wanted == "admission";
    let (Ok(rounds), true) = (rounds, of_admission || !loads.is_empty()) else {
        eprintln!("usage: ./build.sh bench [ROUNDS] [unary|paced|burst|dialects|admission]");
        return ExitCode::from(2);
    };
    let place = tempfile::tempdir().expect("a temporary directory");
    let (provider, port) = simulator(place.path()).await;
    if of_admission {
        println!("{}", admission::report(port.address(), POLICY, rounds).await);
        drop(provider);
        return ExitCode::SUCCESS;
    }
    let bursar = ControlPlane::start(POLICY).await;
    let setup = |filter| {
        let control_plane = (filter == Filter::Bursar).then(|| bursar.address());
        Setup { filter, control_plane, concurrency: 1, ..Setup::new(port.address()) }
    };
    let mut bursars = Envoy::start(setup(Filter::Bursar)).await;
    rig::has_snapshot(&mut bursars).await;
    let bare = Envoy::start(setup(Filter::Absent)).await;
    let noop = Envoy::start(setup(Filter::Noop)).await;
    let variants = [("bare Envoy", bare), ("no-op wasm", noop), ("Bursar", bursars)];

    let mut measured: Vec<Vec<[Measured; 3]>> = vec![Vec::new(); loads.len()];
    for round in 0..=rounds {
        for (load, rows) in loads.iter().zip(&mut measured) {
            let mut row = [Measured::default(); 3];
            // Who comes first changes, so that nobody always meets the warmer machine.
            for turn in 0..3 {
                let variant = (round + turn) % 3;
                if let (Some((_, envoy)), Some(cell)) = (variants.get(variant), row.get_mut(variant)) {
                    *cell = measure(envoy, load).await;
                }
            }
            eprintln!("round {round} of {rounds}, {}: {}", load.name, table::ratios(&row));
            if round > 0 {
                rows.push(row); // round 0 warms caches, pools and the compiler of the module
            }
        }
    }
    let memory: Vec<u64> = variants.iter().map(|(_, envoy)| envoy.process.resident_kb()).collect();
    let names = variants.each_ref().map(|(name, _)| *name);
    println!("{}", table::render(&loads, names, &measured, &memory, rounds));
    let (_, envoy) = &variants[2];
    println!("{}", table::events(&envoy.admin("/stats/prometheus").await));
    drop(provider);
    ExitCode::SUCCESS
}

/// In a process of its own, so that its work is not counted as Envoy's or the client's.
async fn simulator(place: &Path) -> (Process, Port) {
    let port = Port::free();
    let program = std::env::current_exe().expect("this program has a path").with_file_name("simulator");
    assert!(
        program.exists(),
        "no simulator beside the benchmark ({}): ./build.sh bench",
        places::root().display()
    );
    let mut command = Command::new(program);
    command.arg(port.address().to_string());
    let mut process = Process::start("simulator", command, &place.join("simulator.log"));
    let client = Client::new(port.address());
    let look = Call::get("/_sim/requests");
    process.until("it listens", async || (client.send(&look).await.status == 200).then_some(())).await;
    (process, port)
}

async fn measure(envoy: &Envoy, load: &Load) -> Measured {
    let before = envoy.process.cpu_time();
    let latencies = load.run(&envoy.client()).await;
    tokio::time::sleep(SETTLE).await;
    let cpu = envoy.process.cpu_time() - before;
    let calls = f64::from(load.calls());
    Measured { cpu_us: cpu.as_secs_f64() * 1e6 / calls, latency_ms: table::median(latencies) }
}
