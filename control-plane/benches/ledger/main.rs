//! `./build.sh bench CALLS ledger`: how long the pages of the console, the reports and the lists take over a ledger of so
//! many calls. Fills one in a temporary directory as Envoys would, by the ledger's own booking; then serves it with the real
//! `bursar` and asks over HTTP. `BURSAR_BENCH_LEDGER=DIR` keeps it there, and asks the one that is there already.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to a person")]
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark that cannot go on says so")]
#![expect(
    clippy::as_conversions,
    clippy::float_arithmetic,
    reason = "rates for a person to read, and no money"
)]

mod ask;
mod fill;
mod pages;
mod traffic;

use std::{path::Path, process::ExitCode};

const CALLS: u64 = 10_000_000;

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some(calls) = given.first().map_or(Some(CALLS), |text| text.parse().ok()).filter(|calls| *calls > 0)
    else {
        eprintln!("usage: ./build.sh bench CALLS ledger");
        return ExitCode::from(2);
    };
    let own = tempfile::tempdir().expect("a temporary directory");
    let kept = control_plane::config::environment("BURSAR_BENCH_LEDGER");
    let directory = kept.as_deref().map_or(own.path(), Path::new);
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let filled = runtime.block_on(fill::fill(directory, calls));
    println!("{filled}");
    ask::ask(directory);
    ExitCode::SUCCESS
}
