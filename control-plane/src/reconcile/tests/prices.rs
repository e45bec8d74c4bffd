//! Rates that explain what is charged, and those that do not.

use super::*;

/// Days of tokens and USD, where the table says 1 USD per million.
fn found(days: &[(u64, &str)]) -> Vec<Correction> {
    let groups = days.iter().zip(DAY..).map(|((units, cost), day)| Group {
        day,
        model: "m".into(),
        theirs_tokens: *units,
        ours_tokens: *units,
        theirs: usd(cost),
        ours: PicoUsd::ZERO,
        is_rated: false,
        causes: BTreeMap::new(),
        seen: vec![Seen {
            meter: Meter::Input,
            place: home(),
            units: *units,
            cost: usd(cost),
            rate: Some(PicoUsdPerUnit::new(1_000_000)),
        }],
    });
    corrections(&Compared { groups: groups.collect() })
}

#[test]
fn three_days_at_one_rate_make_a_correction_and_two_do_not() {
    let two = [(1_000_000, "1.25"), (3_000_000, "3.75")];
    assert_eq!(found(&two), []);
    let all = [(1_000_000, "1"), two[0], two[1], (7_654_321, "9.567901")];
    let [correction] = &found(&all)[..] else { panic!("{:?}", found(&all)) };
    assert_eq!((correction.from, correction.days), (DAY + 1, 3));
    assert_eq!(
        correction.theirs,
        PicoUsdPerUnit::new(1_250_000),
        "as it is sold, though amounts are rounded"
    );
    let text = yaml("openai", std::slice::from_ref(correction));
    let price: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(price["prices"][0]["rates"]["input"]["usd_per_mtok"], "1.25");
    assert_eq!(price["prices"][0]["from"], "2026-11-21");
}

#[test]
fn days_that_imply_different_rates_are_no_correction() {
    assert_eq!(found(&[(1_000_000, "1.25"), (1_000_000, "1.3"), (1_000_000, "1.25")]), []);
    assert_eq!(found(&[(1_000_000, "1.25"), (1_000_000, "1"), (1_000_000, "1.25"), (1_000_000, "1.25")]), []);
    assert_eq!(
        found(&[(1_000_000, "1"), (1_000_000, "1.0005"), (1_000_000, "1")]),
        [],
        "what is rounded is no drift"
    );
}
