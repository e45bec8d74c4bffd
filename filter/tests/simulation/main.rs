//! The protocol of allowances as a whole, in a world that is data: Envoys with the filter's own admission and counters,
//! a control plane with the protocol's own decision, a network that loses, repeats, reorders and delays, crashes, cuts,
//! clocks that err, windows that turn, a policy that changes. A seed is a run; after each step of it, what docs/CAPS.md
//! guarantees must hold.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a world that is not as it has to be has failed"
)]
#![expect(clippy::print_stdout, reason = "how far it came is for a person")]

mod chance;
mod control_plane;
mod envoy;
mod ledger;
mod plan;
mod planted;
mod truth;
mod world;

use planted::Planted;
use std::fmt::Write;
use world::{Done, Failure, World};

/// What `cargo test` does: a few seconds without optimisation.
const STEPS: u64 = 300_000;
/// A planted bug that this many runs do not find is one that the simulation cannot see.
const SEEDS_MAX: u64 = 400;

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but the environment")]
fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.replace('_', "").parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

fn report(failure: &Failure) -> String {
    let Failure { seed, step, what, log } = failure;
    let mut text = format!(
        "seed {seed} breaks a guarantee at step {step}:\n  {what}\n\nthe plan, and the last events:\n"
    );
    for line in log {
        writeln!(text, "  {line}").unwrap();
    }
    write!(
        text,
        "\nreplay it: BURSAR_SIMULATION_SEED={seed} cargo test -p filter --test simulation -- guarantees"
    )
    .unwrap();
    text
}

#[test]
fn the_guarantees_of_caps_hold_in_every_run() {
    if let Some(seed) = from_environment("BURSAR_SIMULATION_SEED") {
        let done = World::run(seed, None).unwrap_or_else(|failure| panic!("{}", report(&failure)));
        return println!("seed {seed}: {done:?}");
    }
    let steps = from_environment("BURSAR_SIMULATION_STEPS").unwrap_or(STEPS);
    let first = from_environment("BURSAR_SIMULATION_FIRST_SEED").unwrap_or(1);
    let (mut all, mut seed) = (Done::default(), first);
    while all.steps < steps {
        match World::run(seed, None) {
            Ok(done) => all.add(done),
            Err(failure) => panic!("{}", report(&failure)),
        }
        seed += 1;
    }
    println!("{} seeds from {first}: {all:?}", seed - first);
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for planted in Planted::ALL {
        let found = (1..=SEEDS_MAX).find_map(|seed| World::run(seed, Some(planted)).err());
        match found {
            Some(Failure { seed, step, what, .. }) => {
                println!("{planted:?}: seed {seed}, step {step}: {what}")
            }
            None => missed.push(planted),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    let steps = |seed| World::run(seed, None).map_or_else(|failure| failure.step, |done| done.steps);
    assert_eq!((steps(7), steps(8)), (steps(7), steps(8)));
}
