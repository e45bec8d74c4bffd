use super::*;

#[test]
fn amounts_print_exactly_and_read_back() {
    for (pico, text) in [
        (0, "0"),
        (1, "0.000000000001"),
        (123_450_000, "0.00012345"),
        (30_000_000_000_000, "30"),
        (-1_500_000_000_000, "-1.5"),
    ] {
        assert_eq!(PicoUsd::new(pico).to_string(), text);
        assert_eq!(text.parse(), Ok(PicoUsd::new(pico)));
    }
}

#[test]
fn what_is_no_amount_is_refused_and_says_why() {
    for (text, error) in [
        ("", MoneyError::NotDecimal),
        (".", MoneyError::NotDecimal),
        ("1,5", MoneyError::NotDecimal),
        ("1e", MoneyError::NotDecimal),
        (".inf", MoneyError::NotDecimal),
        ("0.0000000000001", MoneyError::TooFine),
        ("1e99", MoneyError::TooLarge),
    ] {
        assert_eq!(text.parse::<PicoUsd>(), Err(error), "{text}");
    }
}

#[test]
fn catalogue_rates_are_read_from_decimal_text_without_a_float() {
    assert_eq!(PicoUsdPerUnit::parse_usd_per_unit("1.5e-07"), Ok((PicoUsdPerUnit::new(150_000), false)));
    assert_eq!(PicoUsdPerUnit::parse_usd_per_unit("0.000003"), Ok((PicoUsdPerUnit::new(3_000_000), false)));
    assert_eq!(PicoUsdPerUnit::parse_usd_per_unit("0.0"), Ok((PicoUsdPerUnit::new(0), false)));
    assert_eq!(PicoUsdPerUnit::parse_usd_per_mtok("2.50"), Ok((PicoUsdPerUnit::new(2_500_000), false)));
}

#[test]
fn a_rate_finer_than_a_pico_dollar_rounds_once_and_says_so() {
    assert_eq!(PicoUsdPerUnit::parse_usd_per_unit("2.9999999999999e-12"), Ok((PicoUsdPerUnit::new(3), true)));
    assert_eq!(PicoUsdPerUnit::parse_usd_per_unit("2.5e-12"), Ok((PicoUsdPerUnit::new(2), true)));
    assert_eq!(PicoUsdPerUnit::parse_usd_per_unit("1e-90"), Ok((PicoUsdPerUnit::new(0), true)));
}

#[test]
fn tokens_times_rate_never_rounds() {
    assert_eq!(
        PicoUsdPerUnit::new(12_500).cost(3).map(|cost| cost.to_string()),
        Some("0.0000000375".to_owned())
    );
    assert_eq!(PicoUsdPerUnit::new(3_000_000).usd_per_mtok(), "3");
    assert_eq!(PicoUsdPerUnit::new(12_500).usd_per_mtok(), "0.0125");
}

#[test]
fn reports_round_half_to_even() {
    for (amount, places, rounded) in [
        ("0.125", 2, "0.12"),
        ("0.135", 2, "0.14"),
        ("-0.125", 2, "-0.12"),
        ("0.1251", 2, "0.13"),
        ("1.5", 0, "2"),
    ] {
        assert_eq!(amount.parse::<PicoUsd>().unwrap().rounded(places).to_string(), rounded, "{amount}");
    }
}

#[test]
fn a_sum_that_does_not_fit_is_no_sum() {
    assert_eq!(PicoUsd::new(i128::MAX).checked_add(PicoUsd::new(1)), None);
    assert_eq!(PicoUsd::total([PicoUsd::new(1), PicoUsd::new(2)]), Some(PicoUsd::new(3)));
}
