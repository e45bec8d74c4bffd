use super::*;
use crate::instant::Instant;

const NOW: UnixNanos = 1_790_000_000_000_000_000;

/// In the form of the real list, with numbers of our own.
const LIST: &str = r#"{"data": [
  {"id": "maker/model-x", "name": "X", "context_length": 200000, "architecture": {"input_modalities": ["text", "image"]},
   "pricing": {"prompt": "0.000003", "completion": "0.000015", "request": "0", "image": "0.0048", "web_search": "0.01",
     "internal_reasoning": "0", "input_cache_read": "0.0000003", "input_cache_write": "0.00000375",
     "overrides": [{"min_prompt_tokens": 200000, "prompt": "0.000006", "completion": "0.0000225"},
                   {"utc_days": ["saturday", "sunday"], "utc_start": 1630, "utc_end": 0, "prompt": "0.000001"}]},
   "top_provider": {"max_completion_tokens": 64000, "is_moderated": false}},
  {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
  {"id": "maker/free:free", "pricing": {"prompt": "0", "completion": "0", "request": "0.002"}},
  {"id": "maker/nothing"},
  {"id": "maker/odd", "pricing": {"prompt": "cheap", "completion": 0.000002, "discount": 0.5,
     "overrides": [{"moon": "full", "prompt": "0.1"}, {"utc_start": 2575, "prompt": "0.1"}]}}
]}"#;

fn rows(import: &Import, model: &str) -> Vec<String> {
    let of_model = import.rows.iter().filter(|row| &*row.key.model == model);
    let tell = |row: &PriceRow| {
        let from = row.key.threshold.map(|at| format!(">={}", at.input_tokens)).unwrap_or_default();
        let hours = row.key.hours.as_ref().map(|hours| format!(" at {hours}")).unwrap_or_default();
        let heir = if row.inherits.is_some() { " inherited" } else { "" };
        format!("{}{from}{hours} {}{heir}", row.key.meter, row.rate.usd_per_mtok())
    };
    of_model.map(tell).collect()
}

#[test]
fn a_model_s_texts_become_rates_and_its_overrides_rows_under_conditions() {
    let import = import(LIST, "openrouter", NOW).unwrap();
    let hours = "UTC sat sun 16:30-24:00";
    assert_eq!(
        rows(&import, "maker/model-x"),
        [
            "input 3".to_owned(),
            format!("input at {hours} 1"),
            "input>=200000 6".to_owned(),
            "cache_read 0.3".to_owned(),
            "cache_write_5m 3.75".to_owned(),
            "output 15".to_owned(),
            "output>=200000 22.5".to_owned(),
            "reasoning 15 inherited".to_owned(),
            "reasoning>=200000 22.5 inherited".to_owned(),
            "image_in 3 inherited".to_owned(),
            format!("image_in at {hours} 1 inherited"),
            "image_in>=200000 6 inherited".to_owned(),
            "web_search 10000".to_owned(),
        ]
    );
    let output = |row: &&PriceRow| &*row.key.model == "maker/model-x" && row.key.meter == Meter::Output;
    let output = import.rows.iter().find(output).unwrap();
    assert_eq!((output.output_tokens_max, &*output.source.text), (Some(64_000), "0.000015"));
    assert_eq!(&*output.source.key, "maker/model-x: pricing.completion");
    let late = "2026-11-28T23:59:59Z".parse::<Instant>().unwrap().0;
    assert!(import.rows.iter().filter_map(|row| row.key.hours.as_ref()).all(|hours| hours.contain(late)));
}

#[test]
fn what_varies_is_no_price_and_what_is_free_is_one() {
    let import = import(LIST, "openrouter", NOW).unwrap();
    assert!(rows(&import, "openrouter/auto").is_empty());
    assert_eq!(
        rows(&import, "maker/free:free"),
        ["input 0", "cache_read 0 inherited", "output 0", "reasoning 0 inherited", "requests 2000"]
    );
    let unreadable: Vec<String> =
        import.unreadable.iter().map(|it| format!("{} {}: {}", it.entry, it.key, it.reason)).collect();
    assert_eq!(
        unreadable,
        [
            "openrouter/auto pricing.prompt: varies by the model that is chosen: no price",
            "openrouter/auto pricing.completion: varies by the model that is chosen: no price",
            "maker/nothing pricing: has no prices",
            "maker/odd pricing.prompt: is not a decimal number",
            "maker/odd pricing.overrides: has an entry without a condition that is known here",
            "maker/odd pricing.overrides: `utc_start` is no time of day such as 1630",
        ]
    );
    let unmapped: Vec<&str> = import.unmapped.keys().map(|key| &**key).collect();
    assert_eq!(unmapped, ["pricing.discount", "pricing.image"]);
    assert_eq!(import.entries, 5);
}

#[test]
fn of_windows_that_overlap_the_later_is_left_out_and_told() {
    let list = r#"{"data": [{"id": "m", "pricing": {"prompt": "0.000003", "completion": "0.00001", "overrides": [
        {"utc_start": 0, "utc_end": 1200, "prompt": "0.000001"}, {"utc_start": 1200, "utc_end": 1300, "prompt": "0.0000005"},
        {"utc_days": ["monday"], "utc_start": 1130, "utc_end": 1200, "prompt": "0.000002"}]}}]}"#;
    let import = import(list, "openrouter", NOW).unwrap();
    let input: Vec<String> = rows(&import, "m").into_iter().filter(|row| row.starts_with("input")).collect();
    assert_eq!(input, ["input 3", "input at UTC 00:00-12:00 1", "input at UTC 12:00-13:00 0.5"]);
    assert_eq!(import.unreadable.len(), 1);
}
