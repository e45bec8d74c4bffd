//! Hours, tiers, factors and regions of LiteLLM's catalogue.

use super::*;
use crate::prices::gather::Gather;

const NOW: UnixNanos = 1_790_000_000_000_000_000;

/// The rows of a catalogue, as `meter[@tier][>n][ in region][ at hours] rate`, and what was not taken.
fn read_entry(name: &str, entry: &str) -> (Vec<String>, Import) {
    let import = import(&format!("{{\"{name}\": {{{entry}}}}}"), NOW).unwrap();
    let tell = |row: &PriceRow| {
        let tier = row.key.tier.as_deref().map(|tier| format!("@{tier}")).unwrap_or_default();
        let above = row.key.threshold.map(|at| format!(">{}", at.input_tokens)).unwrap_or_default();
        let region = row.key.region.as_deref().map(|region| format!(" in {region}")).unwrap_or_default();
        let hours = row.key.hours.as_ref().map(|hours| format!(" at {hours}")).unwrap_or_default();
        format!("{}{tier}{above}{region}{hours} {}", row.key.meter, row.rate.usd_per_mtok())
    };
    (import.rows.iter().filter(|row| row.inherits.is_none()).map(tell).collect(), import)
}

#[test]
fn off_peak_hours_are_rows_of_their_own_and_what_they_leave_out_stays() {
    let entry = r#""litellm_provider": "deepseek", "mode": "chat",
        "input_cost_per_token": 3e-07, "output_cost_per_token": 1.2e-06, "cache_read_input_token_cost": 6e-09,
        "off_peak_pricing": {"input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07,
            "windows": [{"hours_utc": ["00:00-01:00", "10:00-00:00"], "weekdays": [1, 5]},
                        {"hours_utc": "00:00-00:00", "weekdays": ["sat", 7]}]}"#;
    let hours = "UTC mon fri 00:00-01:00, mon fri 10:00-24:00, sat sun 00:00-24:00";
    let (rows, import) = read_entry("deepseek/ds", entry);
    assert_eq!(
        rows,
        [
            "input 0.3".to_owned(),
            format!("input at {hours} 0.15"),
            "cache_read 0.006".to_owned(),
            "output 1.2".to_owned(),
            format!("output at {hours} 0.6"),
        ]
    );
    assert_eq!((import.chat_entries, import.chat_entries_covered), (1, 1));
    // Hidden tokens are output, at those hours too; cached ones have a rate of their own at all hours.
    let heirs: Vec<String> = import
        .rows
        .iter()
        .filter(|row| row.inherits.is_some())
        .map(|row| row.key.meter.to_string())
        .collect();
    assert_eq!(heirs, ["reasoning", "reasoning", "image_in", "image_in"]);
}

#[test]
fn weekdays_of_a_zone_with_one_offset_are_moved_into_it_and_of_another_told_as_unreadable() {
    let entry = |zone: &str| {
        format!(
            r#""litellm_provider": "tencent", "mode": "chat", "input_cost_per_token": 3e-07,
            "off_peak_pricing": {{"input_cost_per_token": 1e-07, "weekday_timezone": "{zone}",
                "windows": [{{"hours_utc": "10:00-00:00", "weekdays": [5]}}]}}"#
        )
    };
    let (rows, _) = read_entry("t", &entry("Asia/Shanghai"));
    // Friday there is from 16:00 UTC on Thursday.
    assert_eq!(rows[1], "input at Asia/Shanghai fri 18:00-24:00, fri 00:00-08:00 0.1");
    let (rows, import) = read_entry("t", &entry("America/New_York"));
    assert_eq!(rows, ["input 0.3"]);
    assert!(import.unreadable[0].reason.contains("changes over the year"), "{:?}", import.unreadable);
    assert_eq!(
        (import.chat_entries_covered, &*import.not_covered["t"]),
        (0, &["off_peak_pricing".to_owned()][..])
    );
}

#[test]
fn daily_hours_need_no_windows() {
    let entry = r#""litellm_provider": "d", "input_cost_per_token": 3e-07,
        "off_peak_pricing": {"hours_utc": "16:30-00:30", "input_cost_per_token": 1e-07}"#;
    assert_eq!(read_entry("m", entry).0, ["input 0.3", "input at UTC 16:30-00:30 0.1"]);
}

#[test]
fn tiers_are_thresholds_above_which_the_whole_request_moves() {
    let entry = r#""litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": [
        {"range": [0, 32000.0], "input_cost_per_token": 3e-07, "output_cost_per_token": 1.5e-06},
        {"range": [32000.0, 128e3], "input_cost_per_token": 5e-07, "output_cost_per_token": 2.5e-06,
         "output_cost_per_reasoning_token": 4e-06}]"#;
    let (rows, import) = read_entry("dashscope/q", entry);
    assert_eq!(rows, ["input 0.3", "input>32000 0.5", "output 1.5", "output>32000 2.5", "reasoning>32000 4"]);
    assert!(!import.rows.iter().any(|row| row.key.threshold.is_some_and(|at| at.inclusive)));
    let by_results = r#""litellm_provider": "exa", "mode": "search",
        "tiered_pricing": [{"input_cost_per_query": 0.005, "max_results_range": [0, 25]}]"#;
    let (rows, import) = read_entry("exa/search", by_results);
    assert!(rows.is_empty() && import.unmapped.contains_key("tiered_pricing"));
}

#[test]
fn factors_become_rows_for_tokens_in_every_tier_and_size_and_not_for_searches() {
    let entry = r#""litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 3e-06,
        "input_cost_per_token_above_200k_tokens": 6e-06, "output_cost_per_token_batches": 7.5e-06,
        "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_high": 0.01},
        "provider_specific_entry": {"us": 1.1, "fast": 2.0}"#;
    let (rows, import) = read_entry("claude", entry);
    assert_eq!(
        rows,
        [
            "input 3",
            "input>200000 6",
            "input in us 3.3",
            "input>200000 in us 6.6",
            "input@fast 6",
            "input@fast>200000 12",
            "input@fast in us 6.6",
            "input@fast>200000 in us 13.2",
            "output@batch 7.5",
            "output@batch in us 8.25",
            "web_search 10000",
        ]
    );
    let row =
        import.rows.iter().find(|row| row.key.tier.as_deref() == Some("fast") && row.key.region.is_some());
    let source = &row.unwrap().source;
    assert_eq!((&*source.text, source.rounded), ("3e-06 × 2.0 × 1.1", false));
    assert_eq!(
        &*source.key,
        "claude: input_cost_per_token × provider_specific_entry.fast × provider_specific_entry.us"
    );
    assert_eq!((import.chat_entries_covered, import.unmapped.len()), (1, 0));
}

#[test]
fn a_product_that_no_pico_dollar_reaches_is_rounded_and_says_so() {
    let entry = r#""litellm_provider": "openai", "input_cost_per_token": 3.3e-11,
        "regional_processing_uplift_multiplier_eu": 1.1"#;
    let (rows, import) = read_entry("m", entry);
    assert_eq!(rows, ["input 0.000033", "input in eu 0.000036"]);
    let rounded: Vec<bool> = import
        .rows
        .iter()
        .filter(|row| row.key.meter == Meter::Input)
        .map(|row| row.source.rounded)
        .collect();
    assert_eq!(rounded, [false, true]);
}

#[test]
fn vertex_has_one_price_for_its_global_endpoint_and_one_for_all_others() {
    let entry = r#""litellm_provider": "vertex_ai-language-models", "input_cost_per_token": 1e-06,
        "regional_endpoint_uplift_multiplier": 1.1"#;
    assert_eq!(read_entry("vertex_ai/gem", entry).0, ["input 1", "input in !global 1.1"]);
}

#[test]
fn numbers_of_a_provider_s_own_that_nobody_knows_are_unmapped_and_words_are_not() {
    let entry = r#""litellm_provider": "p", "input_cost_per_token": 1e-06,
        "provider_specific_entry": {"free_images": 5, "schema": "titan_v2", "frames": {"480p": "x"}}"#;
    let (_, import) = read_entry("m", entry);
    let unmapped: Vec<&str> = import.unmapped.keys().map(|key| &**key).collect();
    assert_eq!(unmapped, ["provider_specific_entry.free_images"]);
}

#[test]
fn bedrock_s_regions_are_regions_and_reserved_capacity_prices_no_call() {
    let entry = r#""litellm_provider": "bedrock", "mode": "chat", "max_output_tokens": 4096,
        "input_cost_per_token": 8e-06, "output_cost_per_token": 2.4e-05"#;
    let (rows, import) = read_entry("bedrock/us-gov-west-1/claude-v2", entry);
    assert_eq!(rows, ["input in us-gov-west-1 8", "output in us-gov-west-1 24"]);
    assert!(import.rows.iter().all(|row| &*row.key.model == "claude-v2"));
    assert!(import.rows.iter().any(|row| row.output_tokens_max == Some(4_096)));
    let (rows, _) = read_entry("bedrock/claude_platform/claude-v2", entry);
    assert_eq!(rows, ["input 8", "output 24"]);
    let reserved = r#""litellm_provider": "bedrock", "mode": "chat", "input_cost_per_second": 0.01,
        "input_cost_per_token": 8e-06"#;
    for name in ["bedrock/us-east-1/1-month-commitment/claude-v2", "bedrock/*/6-month-commitment/c"] {
        let (rows, import) = read_entry(name, reserved);
        let unmapped: Vec<&str> = import.unmapped.keys().map(|key| &**key).collect();
        assert_eq!((rows.len(), unmapped), (0, vec!["input_cost_per_second", "input_cost_per_token"]));
        assert_eq!(import.chat_entries_covered, 0);
    }
}

#[test]
fn pages_requests_and_decisions_have_meters_and_tiers() {
    let ocr = r#""litellm_provider": "mistral", "mode": "ocr", "ocr_cost_per_page": 0.004,
        "ocr_cost_per_page_batches": 0.002, "annotation_cost_per_page": 0.005"#;
    let (rows, import) = read_entry("mistral/ocr", ocr);
    assert_eq!(rows, ["pages 4000", "pages@batch 2000"]);
    assert_eq!(import.unmapped.len(), 1);
    let either = r#""litellm_provider": "d", "mode": "ocr", "ocr_cost_per_page": 0.0003, "input_cost_per_token": 3e-07"#;
    assert_eq!(read_entry("ocr", either).0, ["input 0.3"]);
    let request = r#""litellm_provider": "perplexity", "mode": "chat", "input_cost_per_request": 0.005,
        "input_cost_per_token_decisions": 1e-07"#;
    assert_eq!(read_entry("p", request).0, ["input@decisions 0.1", "requests 5000"]);
}

#[test]
fn what_costs_nothing_or_says_the_same_in_another_unit_is_covered() {
    let entry = r#""litellm_provider": "databricks", "mode": "chat", "input_cost_per_token": 1e-06,
        "input_dbu_cost_per_token": 1.4e-05, "input_cost_per_character": 0, "web_search_billing_unit": "per_query""#;
    let (_, import) = read_entry("m", entry);
    assert_eq!((import.chat_entries_covered, import.unmapped.len()), (1, 0));
    let alone = r#""litellm_provider": "databricks", "mode": "chat", "input_dbu_cost_per_token": 1.4e-05"#;
    assert_eq!(read_entry("m", alone).1.chat_entries_covered, 0);
    // A limit on what is free changes the price, and Bursar does not know it.
    let free = r#""litellm_provider": "g", "mode": "chat", "search_free_requests": {"count": 1500}"#;
    assert_eq!(read_entry("m", free).1.chat_entries_covered, 0);
}

#[test]
fn the_rows_of_an_entry_are_gathered_under_the_name_of_the_source() {
    let import =
        read(r#"{"m": {"litellm_provider": "p", "input_cost_per_token": 1e-06}}"#, "mirror", NOW).unwrap();
    assert!(import.rows.iter().all(|row| &*row.source.name == "mirror"));
    assert_eq!(Gather::new("mirror", NOW).finish().source, import.source);
}
