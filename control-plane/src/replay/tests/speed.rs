//! How long a replay takes. Prints it; a timing never fails a test. To be run with
//! `cargo test --release -p control-plane --lib -- --ignored --nocapture a_million_calls`.

use super::*;
use crate::clock::Stopwatch;

const CALLS: u64 = 1_000_000;
const CUSTOMERS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

#[tokio::test]
#[ignore = "takes a minute to fill the ledger"]
#[expect(clippy::print_stdout, reason = "this is what it is for")]
async fn a_million_calls() {
    let world = World::of([]).await;
    let mut number = 0_u64;
    while number < CALLS {
        let call = |number: u64| {
            let customer = CUSTOMERS[usize::try_from(number % 8).unwrap()];
            Past {
                at: NOW + number * 100_000_000,
                customer,
                takes: 20_000_000_000,
                tokens: 1_000,
                hold: 2_000,
                ..PAST
            }
        };
        world.book((number..number + 10_000).map(|number| call(number).event(number)).collect()).await;
        number += 10_000;
    }
    let policy = "
customers: {a: {time_zone: Europe/Berlin}, b: {time_zone: Asia/Tokyo}}
caps:
  - {name: a, subject: {customer: a}, limit_usd: \"60\", window: day}
  - {name: each-hour, each: customer, limit_usd: \"5\", window: hour}
  - {name: all, limit_usd: \"900\", limit_tokens: 900000000, window: day}
  - {name: model, each: [customer, model], limit_calls: 100000, window: month}
";
    let watch = Stopwatch::start();
    let report = world.replay(policy).await;
    println!("{CALLS} calls in {:?}: {}", watch.elapsed(), report["in_all"]["items"][0]);
}
