//! How long looking a price up takes. Prints it; a timing never fails a test. To be run with
//! `cargo test -p control-plane --lib -- --ignored --nocapture look_up`, in release for figures that count.

use super::*;
use crate::{clock::Stopwatch, policy};

const MODELS: usize = 10_000;
const ROUNDS: u32 = 200_000;

fn table() -> PriceTable {
    let mut rows = Vec::new();
    let mut put = |model: &str, matching, hours: Option<Hours>| {
        for meter in [Meter::Input, Meter::Output, Meter::CacheRead, Meter::Reasoning] {
            let id = u64::try_from(rows.len()).unwrap() + 1;
            let key = PriceKey { matching, hours: hours.clone(), ..PriceKey::plain("openai", model, meter) };
            let source = Provenance {
                name: "s".into(),
                imported_at: 0,
                key: "".into(),
                text: "".into(),
                rounded: false,
            };
            rows.push(PriceRow {
                id,
                key,
                rate: PicoUsdPerUnit::new(id),
                inherits: None,
                output_tokens_max: None,
                effective_from: 0,
                effective_to: None,
                source,
                status: Status::Active,
            });
        }
    };
    for number in 0..MODELS {
        put(&format!("maker/model-{number}-2026-01-01"), Matching::Exact, None);
        if number % 10 == 0 {
            put(&format!("family-{number}-"), Matching::Prefix, None);
        }
    }
    put("by-the-hour", Matching::Exact, None);
    put("by-the-hour", Matching::Exact, Some("UTC 16:30-00:30".parse().unwrap()));
    let aliases: String =
        (0..1_000).map(|number| format!("      d-{number}: maker/model-{number}-2026-01-01\n")).collect();
    let text = format!("version: 1\nprices:\n  aliases:\n    openai:\n{aliases}");
    PriceTable::new(rows, policy::parse(&text, "p").unwrap().prices)
}

#[test]
#[ignore = "it measures, and a machine that is busy measures wrong"]
#[expect(clippy::print_stderr, reason = "a measurement is for whoever runs it")]
fn to_look_up_a_price_takes_so_long() {
    let table = table();
    for (kind, model) in [
        ("exact", "maker/model-5000-2026-01-01"),
        ("alias", "d-500"),
        ("prefix", "family-5000-mini"),
        ("by the hour", "by-the-hour"),
        ("unknown", "maker/model-5000-2026-01-02"),
    ] {
        let query = Query {
            provider: "openai",
            served: Some(model),
            at: 1_795_514_400_000_000_000,
            ..Query::default()
        };
        let watch = Stopwatch::start();
        let mut found: u32 = 0;
        for _ in 0..ROUNDS {
            found +=
                u32::from(std::hint::black_box(&table).find(std::hint::black_box(&query)).found().is_some());
        }
        let nanos = watch.elapsed().as_nanos() / u128::from(ROUNDS);
        eprintln!("{kind}: {nanos} ns per look-up among {MODELS} models (found: {})", found > 0);
    }
}
