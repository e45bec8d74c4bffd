//! Real providers' answers, with the counts they must give, read whole, byte by byte and cut at many offsets. They
//! lie beside the repository and not in it; without them, this says so and checks nothing.

use crate::recordings::{Recording, expected, read, recordings};
use filter::response::ResponseFacts;
use protocol::{
    meters::{Meter, Side},
    money::PicoUsd,
};
use serde_json::Value;
use std::collections::BTreeMap;

fn faults(recording: &Recording, facts: &ResponseFacts) -> Vec<String> {
    let mut faults = Vec::new();
    let (expected, extra) = (&recording.about["expected"], &recording.about["expected_extra"]);
    let usage = facts.usage.clone().unwrap_or_default();
    let unit = |meter| usage.units.get(&meter).copied();
    let written = [Meter::CacheWrite5m, Meter::CacheWrite1h].into_iter().filter_map(unit).sum::<u64>();
    let mut check = |what: &str, wanted: &Value, got: Option<u64>| {
        if let Some(wanted) = wanted.as_u64()
            && got.unwrap_or(0) != wanted
        {
            faults.push(format!("{what}: {got:?} instead of {wanted}"));
        }
    };
    // Anthropic bills what compaction used, which its totals leave out.
    let billed = extra["billed_from_iterations"].as_object().and_then(|by_model| by_model.values().next());
    let of = |key: &str| billed.map_or(&expected[key], |billed| &billed[key]);
    let in_head = recording.about["response_headers"]
        .as_object()
        .is_some_and(|head| head.keys().any(|name| name.starts_with("x-amzn-bedrock-")));
    let is_cut = extra["usage_final"] == Value::Bool(false);
    check("input", of("input_tokens"), Some(usage.tokens(Side::Prompt)));
    // Grok on Azure tells more cached tokens than prompted ones.
    let cached = of("cached_input_tokens").as_u64().min(of("input_tokens").as_u64());
    check("cached", &cached.into(), unit(Meter::CacheRead));
    check("written", of("cache_write_tokens"), Some(written));
    if !is_cut {
        // Anthropic's placeholder is no count.
        check("output", of("output_tokens"), Some(usage.tokens(Side::Generated)));
        check("reasoning", &expected["reasoning_tokens"], unit(Meter::Reasoning));
    }
    check("1 h", &extra["cache_write_by_ttl"]["ephemeral_1h_input_tokens"], unit(Meter::CacheWrite1h));
    check("searches", &extra["server_tool_use"]["web_search_requests"], unit(Meter::WebSearch));
    check("search units", &extra["search_units"], unit(Meter::SearchUnits));
    check("seconds", &extra["audio_seconds"], unit(Meter::AudioSeconds));
    if let Some(cost) = extra["cost_usd"].as_number().map(ToString::to_string) {
        let wanted = PicoUsd::parse_rounded(&cost).ok();
        // The script that computed it counted in floats.
        let difference = wanted.zip(facts.provider_cost).and_then(|(wanted, told)| wanted.checked_sub(told));
        if difference.is_none_or(|difference| difference.pico().abs() > 10) {
            faults.push(format!("cost: {:?} instead of {cost}", facts.provider_cost));
        }
    }
    if expected["has_usage"] == Value::Bool(true) && facts.usage.is_none() {
        faults.push("no usage".to_owned());
    }
    if expected["has_usage"] == Value::Bool(false) && !in_head && facts.usage.is_some() {
        faults.push(format!("usage {:?} out of nothing", facts.usage));
    }
    let words = [
        ("model", facts.model.as_deref()),
        ("finish_reason", facts.finish_reasons.first().map(|reason| &**reason)),
    ];
    for (key, got) in words {
        if let Some(wanted) = expected[key].as_str()
            && got != Some(wanted)
            && wanted != "in_progress"
        {
            faults.push(format!("{key}: {got:?} instead of {wanted}"));
        }
    }
    let error = &extra["error"];
    let named = ["type", "code"].iter().any(|key| !error[key].is_null());
    if error.is_object() && named && facts.error_type.is_none() {
        faults.push(format!("error {error} not seen"));
    }
    faults
}

#[derive(Default)]
struct Tally {
    recordings: usize,
    passed: usize,
    splits: usize,
}

/// Every offset of a short body; a hundred of a long one, which would take minutes else.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(if length <= 1_500 { 1 } else { length / 100 })
}

#[test]
fn real_answers_give_their_counts_however_the_bytes_arrive() {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut failures = Vec::new();
    for recording in recordings() {
        let Some(expected) = expected(&recording) else {
            continue;
        };
        let tally = tallies.entry(recording.api.clone()).or_default();
        tally.recordings += 1;
        let facts = read(&recording, expected, [recording.body.as_slice()]);
        let faults = faults(&recording, &facts);
        if faults.is_empty() {
            tally.passed += 1;
        } else {
            failures.push(format!("{}: {}", recording.name, faults.join("; ")));
        }
        assert_eq!(
            read(&recording, expected, recording.body.chunks(1)),
            facts,
            "{}: byte by byte",
            recording.name
        );
        for cut in cuts(recording.body.len()) {
            let (head, tail) = recording.body.split_at(cut);
            assert_eq!(read(&recording, expected, [head, tail]), facts, "{}: cut at {cut}", recording.name);
            tally.splits += 1;
        }
    }
    for (api, Tally { recordings, passed, splits }) in &tallies {
        println!("| {api} | {passed} of {recordings} | {splits} |");
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
