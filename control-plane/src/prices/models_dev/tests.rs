use super::*;

const NOW: UnixNanos = 1_790_000_000_000_000_000;

/// In the form of the real file, with numbers of our own.
const FILE: &str = r#"{
  "google": {"id": "google", "models": {
    "gem-x": {"id": "gem-x", "modalities": {"input": ["text", "image"], "output": ["text"]},
      "limit": {"context": 1000000, "output": 65536},
      "cost": {"input": 1.25, "output": 10, "cache_read": 0.125, "input_audio": 1,
        "tiers": [{"tier": {"type": "context", "size": 128000}, "input": 2.5, "output": 15}],
        "context_over_200k": {"input": 2.5, "output": 15}}}}},
  "anthropic": {"id": "anthropic", "models": {
    "claude-x": {"id": "claude-x", "limit": {"context": 1, "output": 0},
      "cost": {"input": 3, "output": 15, "cache_write": 3.75, "cahce_read": 0.3, "reasoning": 20,
        "context_over_200k": {"input": 6}},
      "experimental": {"modes": {"fast": {"cost": {"input": 6, "output": 30}}}}},
    "unpriced": {"id": "unpriced"},
    "wrong": {"cost": {"input": -1, "output": "a lot"}}}},
  "nobody": {"id": "nobody"}
}"#;

fn rows(import: &Import, provider: &str, model: &str) -> Vec<String> {
    let of_model =
        import.rows.iter().filter(|row| &*row.key.provider == provider && &*row.key.model == model);
    let tell = |row: &super::super::PriceRow| {
        let above = row.key.threshold.map(|at| format!(">{}", at.input_tokens)).unwrap_or_default();
        let heir = if row.inherits.is_some() { " inherited" } else { "" };
        format!("{}{above} {}{heir}", row.key.meter, row.rate.usd_per_mtok())
    };
    of_model.map(tell).collect()
}

#[test]
fn costs_per_million_become_rates_and_tiers_win_over_the_older_key() {
    let import = import(FILE, "models-dev", NOW).unwrap();
    assert_eq!(
        rows(&import, "gemini", "gem-x"),
        [
            "input 1.25",
            "input>128000 2.5",
            "cache_read 0.125",
            "output 10",
            "output>128000 15",
            "reasoning 10 inherited",
            "reasoning>128000 15 inherited",
            "audio_in 1",
            "image_in 1.25 inherited",
            "image_in>128000 2.5 inherited",
        ]
    );
    assert_eq!(
        rows(&import, "anthropic", "claude-x"),
        [
            "input 3",
            "input>200000 6",
            "cache_read 3 inherited",
            "cache_read>200000 6 inherited",
            "cache_write_5m 3.75",
            "output 15",
            "reasoning 20",
        ]
    );
    let maxima: Vec<Option<u64>> = import
        .rows
        .iter()
        .filter(|row| row.key.meter == Meter::Output && row.key.threshold.is_none())
        .map(|row| row.output_tokens_max)
        .collect();
    assert_eq!(maxima, [None, Some(65_536)]);
}

#[test]
fn misspelt_keys_and_modes_are_listed_and_a_model_without_a_cost_has_no_price() {
    let import = import(FILE, "models-dev", NOW).unwrap();
    let unmapped: Vec<&str> = import.unmapped.keys().map(|key| &**key).collect();
    assert_eq!(unmapped, ["cost.cahce_read", "experimental.modes.fast.cost"]);
    assert!(rows(&import, "anthropic", "unpriced").is_empty());
    let unreadable: Vec<&str> = import.unreadable.iter().map(|it| &*it.key).collect();
    assert_eq!(unreadable, ["cost.input", "cost.output", "models"]);
    assert_eq!(import.entries, 4);
}
