use super::*;
use crate::{
    policy::Pricing,
    prices::{HoldReason, PriceTable, Query, compare},
};
use protocol::price::{ModelPrices, Terms};
use std::sync::Arc;

fn listed(table: &PriceTable, provider: &str, model: &str) -> Arc<ModelPrices> {
    let query = Query { provider, served: Some(model), at: MONDAY, ..Query::default() };
    table.find(&query).found().unwrap().prices
}

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
    let (chat, covered) = (catalogue.chat_entries, catalogue.chat_entries_covered);
    eprintln!("{covered} of {chat} chat entries are covered completely");
    assert!(covered * 1_000 > chat * 946, "{covered} of {chat}: {:#?}", catalogue.not_covered);
    assert!(!catalogue.rows.iter().any(|row| row.key.model.contains("us-east-1/")));
    assert!(!catalogue.rows.iter().any(|row| row.key.model.contains("commitment")));
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
    let table = PriceTable::new(rows.clone(), Pricing::default());
    for (provider, model) in [("openai", "gpt-4o"), ("anthropic", "claude-haiku-5-5"), ("xai", "grok-4.20")] {
        let prices = listed(&table, provider, model);
        for meter in [Meter::Input, Meter::Output, Meter::CacheRead, Meter::Reasoning] {
            assert!(prices.rate(meter, &Terms::default()).is_some(), "{model} {meter}");
        }
        assert!(prices.output_tokens_max.is_some());
    }
    for (provider, model, meter) in [
        ("openai", "whisper-1", Meter::AudioSeconds),
        ("openai", "tts-1", Meter::Characters),
        ("gemini", "imagen-3.0-generate-001", Meter::Images),
        ("cohere", "rerank-v3.5", Meter::SearchUnits),
        ("perplexity", "sonar-deep-research", Meter::Citation),
        ("mistral", "mistral-ocr-latest", Meter::Pages),
        ("perplexity", "sonar-small-online", Meter::Requests),
    ] {
        let prices = listed(&table, provider, model);
        assert!(prices.rate(meter, &Terms::default()).is_some(), "{model} {meter}");
    }
    assert!(rows.iter().any(|row| &*row.key.provider == "deepseek" && row.key.hours.is_some()));
    assert!(compare(&rows, import(&text, TUESDAY).unwrap(), TUESDAY).is_empty());
}

/// The rates of a catalogue of one entry, as `meter rate [<- parent]`, and its unmapped keys.
fn rates_of(entry: &str) -> (Vec<String>, Vec<String>) {
    let text = format!("{{\"m\": {{\"litellm_provider\": \"p\", {entry}}}}}");
    let import = import(&text, MONDAY).unwrap();
    let tell = |row: &PriceRow| {
        let parent = row.inherits.map(|meter| format!(" <- {meter}")).unwrap_or_default();
        format!("{} {}{parent}", row.key.meter, row.rate.usd_per_mtok())
    };
    (import.rows.iter().map(tell).collect(), import.unmapped.into_keys().collect())
}

#[test]
fn what_is_billed_beside_tokens_has_meters_of_its_own() {
    let cases = [
        (r#""mode": "audio_transcription", "input_cost_per_second": 0.0001"#, "audio_seconds 100"),
        (r#""mode": "audio_speech", "input_cost_per_character": 1.5e-05"#, "characters 15"),
        (r#""mode": "image_generation", "output_cost_per_image": 0.04"#, "images 40000"),
        (r#""mode": "image_edit", "output_cost_per_image": 0.04"#, "images 40000"),
        (r#""mode": "rerank", "input_cost_per_query": 0.002"#, "search_units 2000"),
        (r#""mode": "chat", "citation_cost_per_token": 2e-06"#, "citation 2"),
    ];
    for (entry, expected) in cases {
        assert_eq!(rates_of(entry), (vec![expected.to_owned()], vec![]), "{entry}");
    }
}

#[test]
fn a_key_that_can_mean_something_else_there_is_unmapped() {
    let cases = [
        // Reserved capacity; a session; a prompt; a search of the web.
        (r#""mode": "chat", "input_cost_per_second": 0.01"#, "input_cost_per_second"),
        (r#""mode": "realtime", "input_cost_per_second": 0.01"#, "input_cost_per_second"),
        (r#""mode": "chat", "input_cost_per_character": 1e-06"#, "input_cost_per_character"),
        (r#""input_cost_per_character": 1e-06"#, "input_cost_per_character"),
        (r#""mode": "search", "input_cost_per_query": 0.005"#, "input_cost_per_query"),
        // A song; an image that the model is shown, or makes, as the case may be.
        (r#""mode": "audio_speech", "output_cost_per_image": 0.06"#, "output_cost_per_image"),
        (r#""mode": "image_generation", "input_cost_per_image": 0.02"#, "input_cost_per_image"),
    ];
    for (entry, unmapped) in cases {
        assert_eq!(rates_of(entry), (vec![], vec![unmapped.to_owned()]), "{entry}");
    }
}

#[test]
fn a_rate_that_its_own_entry_contradicts_is_unmapped() {
    let second = |output: &str| {
        rates_of(&format!(
            r#""mode": "audio_transcription", "input_cost_per_second": 0.0001, "output_cost_per_second": {output}"#
        ))
        .0
    };
    for same in ["0.0001", "1e-4", "0.0", "null"] {
        assert_eq!(second(same), ["audio_seconds 100"], "{same}");
    }
    assert_eq!(second("0.0002"), [""; 0]);
    // Some write the rate on the other side, and nothing on this one: it is not free.
    let other_side =
        r#""mode": "audio_transcription", "input_cost_per_second": 0.0, "output_cost_per_second": 2.7e-05"#;
    assert_eq!(rates_of(other_side).0, [""; 0]);
    let by_size =
        r#""mode": "image_generation", "output_cost_per_image": 0.08, "output_cost_per_image_4K": 0.16"#;
    assert_eq!(
        rates_of(by_size),
        (vec![], vec!["output_cost_per_image".to_owned(), "output_cost_per_image_4K".to_owned()])
    );
    let by_token =
        r#""mode": "image_generation", "output_cost_per_image": 0.08, "output_cost_per_image_token": 3e-05"#;
    assert_eq!(rates_of(by_token).0, ["image_out 30", "images 80000"]);
}

#[test]
fn images_that_a_model_may_see_count_as_its_input_and_audio_as_nothing_it_has_a_rate_for() {
    let rates = |more: &str| {
        let priced = r#""input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06"#;
        rates_of(&format!("{priced}{more}")).0
    };
    let sees = |more: &str| rates(more).contains(&"image_in 1 <- input".to_owned());
    assert!(sees(r#", "mode": "chat""#));
    assert!(sees(r#", "mode": "responses", "supports_vision": null"#));
    assert!(sees(r#", "mode": "embedding", "supports_vision": true"#));
    assert!(!sees(r#", "mode": "chat", "supports_vision": false"#));
    assert!(!sees(r#", "mode": "embedding""#));
    assert!(!sees(r#", "mode": "chat", "input_cost_per_image_token": 3e-06"#));
    let all = rates(r#", "mode": "chat""#);
    assert!(all.contains(&"reasoning 2 <- output".to_owned()), "{all:?}");
    for meter in ["audio_in", "audio_out", "cache_write_5m", "cache_write_1h", "image_out"] {
        assert!(!all.iter().any(|rate| rate.starts_with(meter)), "{all:?}");
    }
}
