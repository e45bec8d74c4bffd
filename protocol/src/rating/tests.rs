use super::*;
use crate::price::{Rate, Threshold, Whose};

type Row<'a> = (Meter, u64, Option<&'a str>, Option<Threshold>);

fn prices(rows: &[Row<'_>]) -> ModelPrices {
    let rate = |(price, (meter, pico, tier, threshold)): (u64, &Row<'_>)| Rate {
        tier: tier.map(Into::into),
        threshold: *threshold,
        ..Rate::plain(price, *meter, PicoUsdPerUnit::new(*pico))
    };
    ModelPrices { rates: (0..).zip(rows).map(rate).collect(), output_tokens_max: None }
}

fn total(units: &[(Meter, u64)], tier: Option<&str>, prices: &ModelPrices) -> Result<String, Unpriced> {
    let terms = Terms { tier, ..Terms::default() };
    rate(&units.iter().copied().collect(), &terms, &Offer::from(prices))
        .map(|lines| cost(&lines).unwrap().to_string())
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
    let above = Some(Threshold { input_tokens: 200_000, ..Threshold::default() });
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
    let rate_usage = |usage: &Usage| rate_usage(usage, &Terms::default(), &Offer::default());
    assert_eq!(rate_usage(&nothing), Ok(vec![]));
    assert_eq!(rate_usage(&Usage::default()), Err(Unpriced::NoUsage));
    let some = Usage { units: [(Meter::Input, 1)].into(), ..nothing };
    assert_eq!(rate_usage(&some), Err(Unpriced::NoModel));
}

/// `meter units@rate list` of each line.
fn lines(units: &[(Meter, u64)], offer: &Offer<'_>) -> Result<Vec<String>, Unpriced> {
    let tell = |line: Line| {
        let list = line.list.map(|list| format!(" list {}", list.rate.pico())).unwrap_or_default();
        let discount = line.discount.map(|name| format!(" by {name}")).unwrap_or_default();
        format!("{} {}@{}{list}{discount}", line.meter, line.units, line.rate.pico())
    };
    let rated = rate(&units.iter().copied().collect(), &Terms::default(), offer)?;
    Ok(rated.into_iter().map(tell).collect())
}

#[test]
fn above_a_marginal_threshold_only_what_is_above_pays_more_and_what_was_cached_stands_first() {
    let above = |input_tokens, inclusive| Some(Threshold { input_tokens, inclusive, marginal: true });
    let tiered = prices(&[
        (Meter::Input, 1, None, None),
        (Meter::Input, 2, None, above(200, false)),
        (Meter::Input, 3, None, above(300, false)),
        (Meter::CacheRead, 1, None, None),
        (Meter::Output, 10, None, None),
        (Meter::Output, 20, None, above(200, false)),
    ]);
    let of = |units: &[(Meter, u64)]| lines(units, &Offer::from(&tiered)).unwrap();
    assert_eq!(of(&[(Meter::Input, 200), (Meter::Output, 5)]), ["input 200@1", "output 5@10"]);
    assert_eq!(of(&[(Meter::Input, 201), (Meter::Output, 5)]), ["input 200@1", "input 1@2", "output 5@20"]);
    assert_eq!(
        of(&[(Meter::Input, 250), (Meter::CacheRead, 150)]),
        ["input 50@1", "input 100@2", "input 100@3", "cache_read 150@1"]
    );
    let inclusive = prices(&[(Meter::Input, 1, None, None), (Meter::Input, 2, None, above(200, true))]);
    assert_eq!(
        lines(&[(Meter::Input, 200)], &Offer::from(&inclusive)).unwrap(),
        ["input 199@1", "input 1@2"]
    );
}

/// The rates of a list, of a contract for all accounts, and of one for the account of the call.
fn merged(parts: [&[Row<'_>]; 3]) -> ModelPrices {
    let whose = [Whose::List, Whose::AllAccounts, Whose::Account];
    let of =
        |(rows, of): (&[Row<'_>], Whose)| prices(rows).rates.into_iter().map(move |rate| Rate { of, ..rate });
    ModelPrices { rates: parts.into_iter().zip(whose).flat_map(of).collect(), output_tokens_max: None }
}

#[test]
fn a_contract_wins_over_the_list_and_both_are_kept() {
    let prices = merged([
        &[(Meter::Input, 100, None, None), (Meter::Output, 1_001, None, None)],
        &[],
        &[(Meter::Input, 60, None, None), (Meter::WebSearch, 7, None, None)],
    ]);
    let discount = |name: &str, meters: &[Meter], parts_per_million| Discount {
        name: name.into(),
        meters: meters.to_vec(),
        parts_per_million,
    };
    let discounts = [discount("out", &[Meter::Output], 500_000), discount("all", &[], 100_000)];
    let offer = Offer { prices: Some(&prices), discounts: &discounts };
    let units = [(Meter::Input, 2), (Meter::Output, 1), (Meter::WebSearch, 1)];
    // 500.5 is rounded half to even, once, in the rate.
    assert_eq!(
        lines(&units, &offer).unwrap(),
        ["input 2@60 list 100", "output 1@500 list 1001 by out", "web_search 1@7"]
    );
    let rated = rate(&units.into(), &Terms::default(), &offer).unwrap();
    assert_eq!(cost(&rated).unwrap().pico(), 627);
    assert_eq!(list_cost(&rated).unwrap().pico(), 1_208);
}

#[test]
fn meter_by_meter_the_account_s_contract_comes_before_that_of_all_and_that_before_the_list() {
    let offered = merged([
        &[(Meter::Input, 3, None, None), (Meter::Output, 15, None, None), (Meter::WebSearch, 9, None, None)],
        &[(Meter::Input, 2, None, None), (Meter::Output, 10, None, None)],
        &[(Meter::Input, 1, None, None)],
    ]);
    assert_eq!(
        lines(&[(Meter::Input, 1), (Meter::Output, 1), (Meter::WebSearch, 1)], &Offer::from(&offered))
            .unwrap(),
        ["input 1@1 list 3", "output 1@10 list 15", "web_search 1@9"]
    );
}

#[test]
fn a_rate_that_is_written_is_paid_before_one_that_a_contract_or_a_region_only_inherits() {
    let mut offered = merged([
        &[
            (Meter::Input, 30, None, None),
            (Meter::CacheRead, 3, None, None),
            (Meter::Reasoning, 150, None, None),
        ],
        &[],
        &[
            (Meter::Input, 27, None, None),
            (Meter::CacheRead, 27, None, None),
            (Meter::Reasoning, 130, None, None),
        ],
    ]);
    for rate in &mut offered.rates {
        // Cached tokens have a price of their own in the list; hidden ones have none in either.
        rate.inherited =
            rate.meter == Meter::Reasoning || (rate.of != Whose::List && rate.meter == Meter::CacheRead);
    }
    assert_eq!(
        lines(&[(Meter::Input, 1), (Meter::CacheRead, 1), (Meter::Reasoning, 1)], &Offer::from(&offered))
            .unwrap(),
        ["input 1@27 list 30", "cache_read 1@3", "reasoning 1@130 list 150"]
    );
}

#[test]
fn below_a_contract_s_marginal_threshold_the_list_is_paid() {
    let above = |input_tokens| Some(Threshold { input_tokens, inclusive: false, marginal: true });
    let offered = merged([&[(Meter::Input, 3, None, None)], &[], &[(Meter::Input, 1, None, above(1_000))]]);
    assert_eq!(
        lines(&[(Meter::Input, 2_000)], &Offer::from(&offered)).unwrap(),
        ["input 1000@3", "input 1000@1 list 3"]
    );
}

#[test]
fn a_whole_threshold_ends_the_marginal_ones_below_it() {
    let above = |input_tokens, marginal| Some(Threshold { input_tokens, inclusive: false, marginal });
    let mixed = prices(&[
        (Meter::Input, 1, None, None),
        (Meter::Input, 2, None, above(100, true)),
        (Meter::Input, 3, None, above(200, false)),
        (Meter::Input, 4, None, above(300, true)),
    ]);
    let of = |input| lines(&[(Meter::Input, input)], &Offer::from(&mixed)).unwrap();
    assert_eq!(of(150), ["input 100@1", "input 50@2"]);
    assert_eq!(of(250), ["input 250@3"]);
    assert_eq!(of(400), ["input 300@3", "input 100@4"]);
}

#[test]
fn a_price_per_request_is_paid_once_by_what_used_anything() {
    let prices = prices(&[(Meter::Input, 1, None, None), (Meter::Requests, 5, None, None)]);
    assert_eq!(lines(&[(Meter::Input, 3)], &Offer::from(&prices)).unwrap(), ["input 3@1", "requests 1@5"]);
    let nothing = Usage { complete: true, ..Usage::default() };
    assert_eq!(rate_usage(&nothing, &Terms::default(), &Offer::from(&prices)), Ok(vec![]));
    assert_eq!(lines(&[(Meter::Input, 0)], &Offer::from(&prices)), Ok(vec![]), "what used nothing");
}

#[test]
fn a_search_costs_the_same_in_a_tier_that_says_nothing_of_it() {
    let prices = prices(&[(Meter::Input, 2, Some("flex"), None), (Meter::WebSearch, 9, None, None)]);
    assert_eq!(
        total(&[(Meter::Input, 1), (Meter::WebSearch, 1)], Some("flex"), &prices),
        Ok("0.000000000011".to_owned())
    );
}
