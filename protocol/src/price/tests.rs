use super::*;

fn priced(pico: u64) -> ModelPrices {
    let rate = Rate {
        price: pico,
        meter: Meter::Input,
        rate: PicoUsdPerUnit::new(pico),
        tier: None,
        threshold: None,
    };
    ModelPrices { rates: vec![rate], output_tokens_max: None }
}

fn book() -> PriceBook {
    let exact = [("gpt-4o", 1), ("gpt-4o-2024-08-06", 2)].map(|(model, pico)| (model.into(), priced(pico)));
    let prefixes =
        [("ft:gpt-4o", 3), ("ft:gpt-4o-mini", 4)].map(|(model, pico)| (model.into(), priced(pico)));
    PriceBook {
        exact: [("openai".into(), exact.into())].into(),
        prefixes: [("openai".into(), prefixes.into())].into(),
    }
}

#[test]
fn the_served_model_is_looked_up_before_the_requested_one_and_the_longest_prefix_wins() {
    for (served, requested, expected) in [
        (Some("gpt-4o-2024-08-06"), Some("gpt-4o"), Some((2, MatchedBy::ServedModel))),
        (Some("gpt-4o-2031-01-01"), Some("gpt-4o"), Some((1, MatchedBy::RequestedModel))),
        (None, Some("gpt-4o"), Some((1, MatchedBy::RequestedModel))),
        (Some("ft:gpt-4o-mini:acme"), None, Some((4, MatchedBy::Prefix))),
        (Some("ft:gpt-4o:acme"), None, Some((3, MatchedBy::Prefix))),
        (Some("gpt-4o-mini"), None, None),
        (None, None, None),
    ] {
        let book = book();
        let found = book.find("openai", served, requested).map(|(p, by)| (p.rates[0].price, by));
        assert_eq!(found, expected, "{served:?} {requested:?}");
    }
    assert_eq!(book().find("azure", Some("gpt-4o"), None), None);
}

#[test]
fn a_threshold_is_exclusive_unless_it_says_otherwise() {
    let exclusive = Threshold { input_tokens: 200_000, inclusive: false };
    let inclusive = Threshold { input_tokens: 200_000, inclusive: true };
    assert!(!exclusive.is_crossed_by(200_000) && exclusive.is_crossed_by(200_001));
    assert!(inclusive.is_crossed_by(200_000) && !inclusive.is_crossed_by(199_999));
}
