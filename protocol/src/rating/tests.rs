use super::*;
use crate::price::{Rate, Threshold};

type Row<'a> = (Meter, u64, Option<&'a str>, Option<Threshold>);

fn prices(rows: &[Row<'_>]) -> ModelPrices {
    let rate = |(price, (meter, pico, tier, threshold)): (u64, &Row<'_>)| Rate {
        price,
        meter: *meter,
        rate: PicoUsdPerUnit::new(*pico),
        tier: tier.map(Into::into),
        threshold: *threshold,
    };
    ModelPrices { rates: (0..).zip(rows).map(rate).collect(), output_tokens_max: None }
}

fn total(units: &[(Meter, u64)], tier: Option<&str>, prices: &ModelPrices) -> Result<String, Unpriced> {
    rate(&units.iter().copied().collect(), tier, prices).map(|lines| cost(&lines).unwrap().to_string())
}

#[test]
fn a_cached_anthropic_call_costs_what_the_invoice_says() {
    let sonnet = prices(&[
        (Meter::Input, 3_000_000, None, None),
        (Meter::CacheWrite5m, 3_750_000, None, None),
        (Meter::Output, 15_000_000, None, None),
    ]);
    let units =
        [(Meter::Input, 3), (Meter::CacheWrite5m, 12_304), (Meter::CacheRead, 0), (Meter::Output, 550)];
    assert_eq!(total(&units, None, &sonnet), Ok("0.054399".to_owned()));
}

#[test]
fn unknown_is_never_zero() {
    let input_only = prices(&[(Meter::Input, 1, None, None)]);
    assert_eq!(
        total(&[(Meter::Input, 1), (Meter::Output, 1)], None, &input_only),
        Err(Unpriced::NoRate(Meter::Output))
    );
    assert_eq!(
        total(&[(Meter::Input, 1), (Meter::Output, 0)], None, &input_only),
        Ok("0.000000000001".to_owned())
    );
    assert_eq!(total(&[], None, &input_only), Err(Unpriced::NoUsage));
}

#[test]
fn a_threshold_moves_every_meter_of_the_request() {
    let above = Some(Threshold { input_tokens: 200_000, inclusive: false });
    let prices = prices(&[
        (Meter::Input, 1, None, None),
        (Meter::Input, 2, None, above),
        (Meter::Output, 10, None, None),
        (Meter::Output, 20, None, above),
    ]);
    let at =
        |input| total(&[(Meter::Input, input), (Meter::CacheRead, 0), (Meter::Output, 1)], None, &prices);
    assert_eq!(at(200_000), Ok("0.00000020001".to_owned()));
    assert_eq!(at(200_001), Ok("0.000000400022".to_owned()));
}

#[test]
fn a_tier_without_rates_is_unpriced_and_the_standard_tier_has_many_names() {
    let prices = prices(&[(Meter::Input, 4, None, None), (Meter::Input, 2, Some("flex"), None)]);
    let at = |tier| total(&[(Meter::Input, 1)], tier, &prices);
    assert_eq!(at(Some("default")), at(None));
    assert_eq!(at(Some("flex")), Ok("0.000000000002".to_owned()));
    assert_eq!(at(Some("priority")), Err(Unpriced::NoRate(Meter::Input)));
}

#[test]
fn a_call_that_used_nothing_costs_nothing_and_one_that_nobody_knows_has_no_cost() {
    let nothing = Usage { complete: true, ..Usage::default() };
    assert_eq!(rate_usage(&nothing, None, None), Ok(vec![]));
    assert_eq!(rate_usage(&Usage::default(), None, None), Err(Unpriced::NoUsage));
    let some = Usage { units: [(Meter::Input, 1)].into(), ..nothing };
    assert_eq!(rate_usage(&some, None, None), Err(Unpriced::NoModel));
}
