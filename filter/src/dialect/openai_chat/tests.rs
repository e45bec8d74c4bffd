use super::*;

fn units(usage: &Usage) -> Vec<(&'static str, u64)> {
    usage.units.iter().map(|(meter, units)| (meter.as_str(), *units)).collect()
}

fn told(json: &str) -> Option<Usage> {
    usage(&Counts::parse(Some(json.as_bytes())))
}

fn check_usage(json: &str, expected: &[(&'static str, u64)]) {
    assert_eq!(units(&told(json).unwrap()), expected, "{json}");
}

#[test]
fn the_meters_are_disjoint_and_add_up_to_the_providers_total() {
    check_usage(
        r#"{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}"#,
        &[("input", 9), ("output", 12)],
    );
    check_usage(
        r#"{"prompt_tokens":17903,"completion_tokens":300,"prompt_tokens_details":{"cached_tokens":17817,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":192,"rejected_prediction_tokens":7}}"#,
        &[("input", 86), ("cache_read", 17_817), ("output", 108), ("reasoning", 192)],
    );
    check_usage(
        r#"{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"audio_tokens":60,"cached_tokens":10},"completion_tokens_details":{"audio_tokens":40,"reasoning_tokens":0}}"#,
        &[
            ("input", 30),
            ("cache_read", 10),
            ("output", 10),
            ("reasoning", 0),
            ("audio_in", 60),
            ("audio_out", 40),
        ],
    );
}

#[test]
fn dialect_variants_are_understood() {
    // xAI: reasoning beside the completion. DeepSeek: its own cache field. Grok on Azure: more cached than prompted.
    check_usage(
        r#"{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,"completion_tokens_details":{"reasoning_tokens":290}}"#,
        &[("input", 12), ("output", 1), ("reasoning", 290)],
    );
    check_usage(
        r#"{"prompt_tokens":20,"completion_tokens":1,"prompt_cache_hit_tokens":15,"prompt_cache_miss_tokens":5}"#,
        &[("input", 5), ("cache_read", 15), ("output", 1)],
    );
    check_usage(
        r#"{"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":161}}"#,
        &[("input", 0), ("cache_read", 10), ("output", 1)],
    );
    for silent in [r#"{}"#, r#"{"total_tokens":30}"#, r#"{"input_tokens":10,"output_tokens":5}"#] {
        assert_eq!(told(silent), None, "{silent} tells nothing, which is not zero");
    }
    assert_eq!(told("null"), None);
    assert_eq!(told("{\"prompt_tokens\":\"many\"}"), None);
}
