use super::*;
use crate::{
    policy::{self, Pricing},
    prices::{PriceKey, PriceRow, PriceTable, Provenance, Status},
    reports::Format,
};
use protocol::{
    meters::{Meter, Units},
    money::{PicoUsd, PicoUsdPerUnit},
    price::Threshold,
};
use serde_json::json;

const NOW: u64 = 1_795_514_400_000_000_000;
const POLICY: &str = "version: 1\nplans: {pro: {price_usd: \"49.00\", expected_margin_percent: 80}}\n";

fn row(id: u64, model: &str, meter: Meter, pico: u64) -> PriceRow {
    PriceRow {
        id,
        key: PriceKey::plain("openai", model, meter),
        rate: PicoUsdPerUnit::new(pico),
        inherits: None,
        output_tokens_max: None,
        effective_from: 0,
        effective_to: None,
        source: Provenance {
            name: "test".into(),
            imported_at: 0,
            key: "".into(),
            text: "".into(),
            rounded: false,
        },
        status: Status::Active,
    }
}

/// Small: 1 and 2 USD per million, cached a tenth. Large: ten times as much, nothing for a cache, and double above 1,000
/// prompt tokens.
fn table() -> PriceTable {
    let mut above = row(7, "large", Meter::Input, 20_000_000);
    above.key.threshold = Some(Threshold { input_tokens: 1_000, inclusive: false, marginal: false });
    let rows = [
        row(1, "small", Meter::Input, 1_000_000),
        row(2, "small", Meter::CacheRead, 100_000),
        row(3, "small", Meter::CacheWrite5m, 1_250_000),
        row(4, "small", Meter::Output, 2_000_000),
        row(5, "large", Meter::Input, 10_000_000),
        row(6, "large", Meter::Output, 20_000_000),
        above,
    ];
    PriceTable::new(rows, Pricing::default())
}

fn fields(document: Value) -> Map<String, Value> {
    document.as_object().unwrap().clone()
}

fn typed(more: Value) -> Map<String, Value> {
    let mut all = fields(json!({
        "plan": "pro", "model": "openai/small", "calls": {"p50": 100, "p90": 2_000, "p99": 40_000},
        "input_tokens": 1_000, "output_tokens": 100,
    }));
    all.extend(fields(more));
    all
}

fn calculated(document: &Map<String, Value>) -> (Input, Calculation) {
    let policy = policy::parse(POLICY, "p").unwrap();
    let input = read(document, &policy, NOW).unwrap();
    let done = calculate(&input, Demand::of(&input.usage, None).unwrap(), &table()).unwrap();
    (input, done)
}

fn faults(document: Value) -> Vec<String> {
    let policy = policy::parse(POLICY, "p").unwrap();
    read(&fields(document), &policy, NOW).unwrap_err().into_iter().map(|fault| fault.path).collect()
}

fn usd(text: &str) -> PicoUsd {
    text.parse().unwrap()
}

fn costs(model: &ModelOutcome) -> Vec<Option<PicoUsd>> {
    model.percentiles.iter().map(|row| row.cost.and_then(Ratio::rounded)).collect()
}

#[test]
fn a_call_costs_what_rating_says_and_the_margin_is_what_is_left_of_the_price() {
    let (_, done) = calculated(&typed(json!({})));
    let [model] = &done.models[..] else { panic!("{done:?}") };
    // 1,000 × 1 $/M + 100 × 2 $/M.
    assert_eq!(model.per_call, Some(Ratio::whole(usd("0.0012"))));
    assert_eq!(costs(model), [Some(usd("0.12")), Some(usd("2.4")), Some(usd("48"))]);
    let margins: Vec<_> = model.percentiles.iter().map(|row| row.margin.unwrap()).collect();
    assert_eq!(margins, ["48.88", "46.6", "1"].map(|left| Ratio::whole(usd(left))));
    let expected: Vec<_> = model.percentiles.iter().map(|row| row.is_expected.unwrap()).collect();
    assert_eq!(expected, [true, true, false]);
    assert_eq!(done.cap, Some(usd("9.8")));
    // 49 / 0.0012 and 9.8 / 0.0012, whole calls.
    assert_eq!((model.break_even_calls, model.expected_calls), (Some(40_833), Some(8_166)));
}

#[test]
fn retries_and_fallbacks_are_exact_ratios() {
    let more =
        json!({"retries_per_call": "0.333333", "fallback_percent": "12.5", "fallback_model": "openai/large"});
    let (_, done) = calculated(&typed(more));
    // (7/8 × 0.0012 + 1/8 × 0.012) × 1.333333 = 0.00255 × 1.333333
    let expected = Ratio::whole(usd("0.00255")).times(1_333_333).unwrap().divided(1_000_000).unwrap();
    assert_eq!(done.models[0].per_call, Some(expected));
    assert_eq!(expected.rounded(), Some(usd("0.003399999150")));
}

#[test]
fn cached_shares_are_whole_tokens_that_add_up_to_the_prompt() {
    let (input, done) = calculated(&typed(
        json!({"input_tokens": 1_001, "cached_percent": "33.3", "cache_write_percent": 10}),
    ));
    let Usage::Typed { units, .. } = &input.usage else { panic!() };
    let expected =
        [(Meter::Input, 568), (Meter::CacheRead, 333), (Meter::CacheWrite5m, 100), (Meter::Output, 100)];
    assert_eq!(*units, Units::from(expected));
    // 568 × 1 + 333 × 0.1 + 100 × 1.25 + 100 × 2, in millionths of a USD.
    assert_eq!(done.models[0].per_call, Some(Ratio::whole(usd("0.0009263"))));
}

#[test]
fn other_models_stand_beside_it_with_their_own_thresholds() {
    let (_, done) = calculated(&typed(json!({"compare": "openai/large", "input_tokens": 1_001})));
    assert_eq!(done.models[0].per_call, Some(Ratio::whole(usd("0.001201"))));
    // Above 1,000 prompt tokens the whole request pays double for its input.
    assert_eq!(done.models[1].per_call, Some(Ratio::whole(usd("0.02202"))));
    let at = calculated(&typed(json!({"model": "openai/large"}))).1;
    assert_eq!(at.models[0].per_call, Some(Ratio::whole(usd("0.012"))), "exactly 1,000 are not above");
}

#[test]
fn a_meter_without_a_rate_is_said_and_never_free() {
    let document = typed(json!({"cached_percent": 50, "compare": ["openai/large", "openai/nobody-knows"]}));
    let (input, done) = calculated(&document);
    let [small, large, unknown] = &done.models[..] else { panic!("{done:?}") };
    assert!(small.unpriced.is_none());
    assert_eq!(costs(large), [None, None, None]);
    assert_eq!((large.per_call, large.break_even_calls, large.expected_calls), (None, None, None));
    assert!(large.percentiles.iter().all(|row| row.margin.is_none() && row.is_expected.is_none()));
    let report = report(&input, Demand::of(&input.usage, None).unwrap(), &done).render(Format::Json);
    let report: Value = serde_json::from_str(&report).unwrap();
    let limits = report["limits"]["items"].as_array().unwrap();
    assert_eq!(limits[1]["unpriced"], "no_rate:cache_read");
    assert_eq!(limits[2]["unpriced"], "no_model");
    assert_eq!(limits[1]["cost_per_call_usd"], Value::Null);
    assert_eq!(report["margins"]["items"][3]["cost_usd"], Value::Null);
    assert_eq!(unknown.matched, None);
    let fallback = json!({"cached_percent": 50, "fallback_percent": 1, "fallback_model": "openai/large"});
    let (_, done) = calculated(&typed(fallback));
    assert_eq!(done.models[0].per_call, None, "a hundredth of it has no price, so nor has the whole");
}

#[test]
fn all_faults_are_told_at_once_by_name() {
    let found = faults(json!({
        "plan": "gold", "price_usd": "-1", "period": "fortnight", "expected_margin_percent": 101, "model": "small",
        "calls": "p50=many,p101=3,p90=5,p99=4", "input_tokens": 1.5, "cached_percent": "60", "cache_write_percent": "60",
        "retries_per_call": "0.0000001", "fallback_percent": 5, "compare": [1], "at": "soon", "since": "30d", "shoe": 42,
    }));
    let expected = [
        "shoe",
        "plan",
        "price_usd",
        "period",
        "expected_margin_percent",
        "since",
        "calls.p50",
        "calls.p101",
        "calls.p99",
        "input_tokens",
        "output_tokens",
        "cache_write_percent",
        "model",
        "retries_per_call",
        "fallback_model",
        "compare",
        "at",
    ];
    assert_eq!(found, expected);
    assert_eq!(faults(json!({})), ["price_usd", "calls", "input_tokens", "output_tokens", "model"]);
    let measured = json!({"measure_plan": "pro", "calls": "p50=1", "since": "soon", "retries_per_call": 1});
    assert_eq!(faults(measured), ["calls", "retries_per_call", "since"]);
    let backwards = json!({"measure_plan": "pro", "from": "2026-11-02", "to": "2026-11-01"});
    assert_eq!(faults(backwards), ["from"]);
}

#[test]
fn what_is_too_much_money_to_count_is_none_and_no_wrong_number() {
    let policy = policy::parse(POLICY, "p").unwrap();
    let huge = typed(json!({
        "calls": "p50=1000000000", "input_tokens": 100_000_000, "output_tokens": 0, "retries_per_call": "99.999999",
        "model": "openai/absurd", "fallback_percent": "33.3333", "fallback_model": "openai/absurd",
    }));
    let input = read(&huge, &policy, NOW).unwrap();
    let prices = PriceTable::new([row(1, "absurd", Meter::Input, u64::MAX)], Pricing::default());
    assert_eq!(calculate(&input, Demand::of(&input.usage, None).unwrap(), &prices), None);
}

fn measured(customers: &[(u64, u64)]) -> Measured {
    let customers = customers.iter().map(|(calls, tokens)| CustomerUse {
        calls: *calls,
        booked: PicoUsd::new(i128::from(*tokens * *calls * 1_000_000)),
        shapes: [(Units::from([(Meter::Input, *tokens)]), *calls)].into(),
    });
    // A tenth of a month.
    let range = crate::reports::Range { from: 0, to: 262_974_600_000_000 };
    Measured { range, customers: customers.collect(), ..Measured::default() }
}

#[test]
fn a_measured_usage_is_taken_to_a_whole_period_and_customers_are_ranked() {
    let policy = policy::parse(POLICY, "p").unwrap();
    let document = fields(json!({"measure_plan": "pro", "compare": "openai/large"}));
    let input = read(&document, &policy, NOW).unwrap();
    // Ten customers: the fifth is the median, the ninth and tenth are p90 and p99.
    let found = measured(&(0..10).map(|customer| (customer * 10, 1_000)).collect::<Vec<_>>());
    let done = calculate(&input, Demand::Measured(&found), &table()).unwrap();
    let [booked, large] = &done.models[..] else { panic!("{done:?}") };
    let calls: Vec<u64> = booked.percentiles.iter().map(|row| row.calls).collect();
    assert_eq!(calls, [400, 800, 900], "ten times what a tenth of a month saw");
    assert_eq!(costs(booked), [Some(usd("0.4")), Some(usd("0.8")), Some(usd("0.9"))]);
    assert_eq!(costs(large), [Some(usd("4")), Some(usd("8")), Some(usd("9"))]);
    assert_eq!(booked.per_call, Some(Ratio::whole(usd("0.001"))));
    assert_eq!(large.break_even_calls, Some(4_900));
}

#[test]
fn every_request_of_a_measured_usage_is_rated_by_its_own_size() {
    let policy = policy::parse(POLICY, "p").unwrap();
    let input = read(&fields(json!({"measure_plan": "pro", "model": "openai/large"})), &policy, NOW).unwrap();
    let mut found = measured(&[(2, 1_000)]);
    found.customers[0].shapes =
        [1_000, 1_001].map(|tokens| (Units::from([(Meter::Input, tokens)]), 1)).into();
    let done = calculate(&input, Demand::Measured(&found), &table()).unwrap();
    // 0.01 and 0.02002: together they would be above the threshold, apart only one is.
    assert_eq!(done.models[0].per_call, Some(Ratio::whole(usd("0.01501"))));
}
