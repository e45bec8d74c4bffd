//! How long an evaluation takes over ten thousand customers, each with a call in three hours of every day. Measured,
//! not bounded: machines differ. `cargo test --release -p control-plane -- --ignored --nocapture ten_thousand`

use crate::{
    alerts::desk::{Desk, NOW},
    clock::Stopwatch,
};

const CUSTOMERS: u64 = 10_000;

#[tokio::test]
#[ignore = "a measurement, which takes a minute"]
#[expect(clippy::print_stderr, reason = "this is how a measurement is told")]
async fn ten_thousand_customers_are_looked_at_in_a_fraction_of_the_time_between_two_looks() {
    let customers: String = (0..CUSTOMERS)
        .map(|number| {
            let zone = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"]
                [usize::try_from(number % 4).unwrap()];
            format!("  c{number}: {{plan: pro, time_zone: {zone}, anchor_day: {}}}\n", number % 28 + 1)
        })
        .collect();
    let desk = Desk::with(&format!(
        "plans: {{pro: {{price_usd: 50, expected_margin_percent: 80}}}}\ncustomers:\n{customers}caps:
  - {{name: month, each: customer, limit_usd: 30, window: month}}
destinations: {{ops: {{url: \"http://127.0.0.1:9/\", kind: slack}}}}\nalerts: {{to: [ops]}}\n"
    ))
    .await;
    desk.sql(&rows()).await;
    for round in ["first, all of it", "the same again", "and again"] {
        let watch = Stopwatch::start();
        let evaluated = desk.evaluate().await;
        eprintln!("{round}: {evaluated:?} in {} ms", watch.elapsed().as_millis());
    }
    desk.set(NOW + 660_000_000_000);
    let watch = Stopwatch::start();
    let evaluated = desk.evaluate().await;
    eprintln!("what was remembered is read anew: {evaluated:?} in {} ms", watch.elapsed().as_millis());
    desk.sql("UPDATE by_day_customer SET cost_pico = cost_pico + 1 WHERE day >= (SELECT max(day) FROM by_day_customer)").await;
    let watch = Stopwatch::start();
    let evaluated = desk.evaluate().await;
    eprintln!("everybody has spent: {evaluated:?} in {} ms", watch.elapsed().as_millis());
}

/// 45 days of 10 to 40 cents each: some pass, some will, some never.
fn rows() -> String {
    let (day, hour) = (NOW / 86_400_000_000_000, NOW / 3_600_000_000_000);
    let november = NOW - 23 * 86_400_000_000_000 - 10 * 3_600_000_000_000;
    let upto = |end: u64| {
        format!(
            "WITH RECURSIVE g(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM g WHERE value < {})
             SELECT value FROM g",
            end - 1
        )
    };
    let sums = "calls, refused, errors, unpriced, estimated, unattributed, tokens_in, tokens_out, cost_pico";
    let nothing = "0, 0, 0, 0, 0, 0, 0";
    format!(
        "CREATE TEMP TABLE numbers AS {};
         CREATE TEMP TABLE days AS {};
         CREATE TEMP TABLE hours AS {};
         INSERT INTO words (text) VALUES ('w0'), ('w1'), ('pro'), ('boot'), ('month/usd');
         INSERT INTO words (text) SELECT 'c' || value FROM numbers;
         INSERT INTO words (text) SELECT 'customer=c' || value FROM numbers;
         CREATE TEMP TABLE payers AS
             SELECT id, 100000000000 * (value % 4 + 1) AS pico FROM numbers JOIN words ON text = 'c' || value;
         INSERT INTO by_day_customer (day, customer, plan, {sums})
             SELECT {day} - days.value, payers.id, words.id, 3, {nothing}, pico
             FROM days, payers, words WHERE text = 'pro';
         INSERT INTO by_hour_workspace (hour, customer, workspace, {sums})
             SELECT {hour} - days.value * 24 - hours.value, payers.id, words.id, 1, {nothing}, pico / 3
             FROM days, payers, hours JOIN words ON text = 'w' || (hours.value % 2);
         INSERT INTO cap_usage
             SELECT cap.id, subject.id, {november}, boot.id, 25000000000000, 0 FROM words cap, words subject, words boot
             WHERE cap.text = 'month/usd' AND boot.text = 'boot' AND subject.text GLOB 'customer=c*';",
        upto(CUSTOMERS),
        upto(45),
        upto(3),
    )
}
