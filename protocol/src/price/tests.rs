use super::*;

fn priced(pico: u64) -> ModelPrices {
    let rate = Rate::plain(pico, Meter::Input, PicoUsdPerUnit::new(pico));
    ModelPrices { rates: vec![rate], output_tokens_max: None }
}

fn book() -> PriceBook {
    let exact = [("gpt-4o", 1), ("gpt-4o-2024-08-06", 2)].map(|(model, pico)| (model.into(), priced(pico)));
    let prefixes = [("ft:gpt-4o", 3), ("ft:gpt-4o-mini", 4), ("ft:gpt-4o-mini-x", 5)]
        .map(|(model, pico)| (model.into(), priced(pico)));
    let own = PriceBook {
        exact: [("openai".into(), [("gpt-4o".into(), priced(9))].into())].into(),
        ..PriceBook::default()
    };
    PriceBook {
        exact: [("openai".into(), exact.into())].into(),
        prefixes: [("openai".into(), prefixes.into())].into(),
        accounts: [("prod".into(), own)].into(),
    }
}

#[test]
fn the_served_model_is_looked_up_before_the_requested_one_and_the_longest_prefix_wins() {
    for (served, requested, expected) in [
        (Some("gpt-4o-2024-08-06"), Some("gpt-4o"), Some(2)),
        (Some("gpt-4o-2031-01-01"), Some("gpt-4o"), Some(1)),
        (None, Some("gpt-4o"), Some(1)),
        (Some("ft:gpt-4o-mini:acme"), None, Some(4)),
        (Some("ft:gpt-4o-mini-"), None, Some(4)),
        (Some("ft:gpt-4o-mini-x"), None, Some(5)),
        (Some("ft:gpt-4o:acme"), None, Some(3)),
        (Some("ft:gpt-4"), None, None),
        (Some("gpt-4o-mini"), None, None),
        (None, None, None),
    ] {
        let book = book();
        let found = book.find("openai", None, served, requested).map(|prices| prices.rates[0].price);
        assert_eq!(found, expected, "{served:?} {requested:?}");
    }
    assert_eq!(book().find("azure", None, Some("gpt-4o"), None), None);
}

#[test]
fn an_account_with_prices_of_its_own_pays_them_and_the_common_ones_for_the_rest() {
    let price = |account, model| {
        book().find("openai", account, Some(model), None).map(|prices| prices.rates[0].price)
    };
    assert_eq!(price(Some("prod"), "gpt-4o"), Some(9));
    assert_eq!(price(Some("prod"), "gpt-4o-2024-08-06"), Some(2));
    assert_eq!(price(Some("test"), "gpt-4o"), Some(1));
}

#[test]
fn the_longest_prefix_is_found_among_neighbours_that_are_none() {
    let rows: std::collections::BTreeMap<Box<str>, u32> =
        [("a", 1), ("ab", 2), ("abä", 3), ("abb", 4), ("abca", 5), ("abcz", 6)]
            .map(|(key, value)| (key.into(), value))
            .into();
    for (text, expected) in [
        ("abcm", Some(2)),
        ("abäö", Some(3)),
        ("abö", Some(2)),
        ("ax", Some(1)),
        ("abcz", Some(6)),
        ("b", None),
        ("", None),
    ] {
        assert_eq!(longest_prefix(&rows, text).map(|(_, value)| *value), expected, "{text}");
    }
}

#[test]
fn a_threshold_is_exclusive_unless_it_says_otherwise() {
    let exclusive = Threshold { input_tokens: 200_000, ..Threshold::default() };
    let inclusive = Threshold { inclusive: true, ..exclusive };
    assert!(!exclusive.is_crossed_by(200_000) && exclusive.is_crossed_by(200_001));
    assert!(inclusive.is_crossed_by(200_000) && !inclusive.is_crossed_by(199_999));
}

#[test]
fn the_rate_that_is_meant_most_closely_holds() {
    let rate = |price| Rate::plain(price, Meter::Input, PicoUsdPerUnit::new(price));
    let above = |input_tokens| Some(Threshold { input_tokens, ..Threshold::default() });
    let prices = ModelPrices {
        rates: vec![
            rate(1),
            Rate { threshold: above(10), ..rate(2) },
            Rate { region: Some("eu".into()), ..rate(3) },
            Rate { region: Some("!global".into()), ..rate(4) },
            Rate { during: Some([(100, 200)].into()), ..rate(5) },
            Rate { tier: Some("flex".into()), ..rate(6) },
        ],
        output_tokens_max: None,
    };
    let of = |tier, region, at, input_tokens| {
        prices.rate(Meter::Input, &Terms { tier, region, at, input_tokens }).map(|rate| rate.price)
    };
    assert_eq!(of(None, None, 0, 10), Some(1));
    assert_eq!(of(None, None, 0, 11), Some(2));
    assert_eq!(of(Some("default"), Some("EU"), 150, 11), Some(3));
    assert_eq!(of(None, Some("us-central1"), 0, 0), Some(4));
    assert_eq!(of(None, Some("global"), 0, 0), Some(1));
    assert_eq!([99, 100, 199, 200].map(|at| of(None, None, at, 0)), [Some(1), Some(5), Some(5), Some(1)]);
    assert_eq!(of(Some("flex"), None, 150, 11), Some(6));
    assert_eq!(of(Some("batch"), None, 0, 0), None);
}
