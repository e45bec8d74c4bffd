use super::*;
use crate::prices::{HoldReason, PriceTable, compare};

const MONDAY: UnixNanos = 1_800_000_000_000_000_000;
const TUESDAY: UnixNanos = MONDAY + 86_400_000_000_000;

/// The real catalogue, where a copy of it lies beside the checkout.
#[test]
#[expect(clippy::print_stderr, reason = "a test that does not test says so")]
fn the_real_catalogue_is_read_whole() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/model_prices.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("SKIPPED: no catalogue at {path}; the excerpt above is what was tested");
        return;
    };
    let catalogue = import(&text, MONDAY).unwrap();
    assert!(catalogue.entries > 4_000, "{}", catalogue.entries);
    assert!(catalogue.unreadable.len() < 20, "{:#?}", catalogue.unreadable);
    for key in ["input_cost_per_token", "output_cost_per_token_batches", "cache_read_input_token_cost_flex"] {
        assert!(!catalogue.unmapped.contains_key(key), "{key}");
    }
    assert!(catalogue.unmapped.contains_key("output_cost_per_second"));
    assert!(!catalogue.unmapped.contains_key("max_input_tokens"));
    let mut rows = Vec::new();
    let diff = compare(&rows, catalogue, MONDAY);
    let waiting: Vec<&str> = diff
        .held
        .iter()
        .filter(|held| held.reason == HoldReason::Magnitude)
        .map(|held| &*held.row.key.model)
        .collect();
    assert!(waiting.contains(&"jais-30b-chat"), "{waiting:?}");
    assert!(waiting.len() < 40, "{waiting:?}");
    for row in diff.opened() {
        let id = u64::try_from(rows.len()).unwrap() + 1;
        rows.push(PriceRow { id, ..row.clone() });
    }
    let table = PriceTable::new(rows.clone());
    for (provider, model) in [("openai", "gpt-4o"), ("anthropic", "claude-haiku-5-5"), ("xai", "grok-4.20")] {
        let (prices, _) = table.find(provider, Some(model), None, MONDAY).unwrap();
        for meter in [Meter::Input, Meter::Output, Meter::CacheRead, Meter::Reasoning] {
            assert!(prices.rate(meter, None, 1).is_some(), "{model} {meter}");
        }
        assert!(prices.output_tokens_max.is_some());
    }
    assert!(compare(&rows, import(&text, TUESDAY).unwrap(), TUESDAY).is_empty());
}
