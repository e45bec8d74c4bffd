//! How far the estimate of a cut stream is off: streams whose totals are known, cut at 25, 50 and 75 %, estimated by
//! what complete answers of the same provider tell of bytes per token.

use crate::recordings::{Recording, expected, read, recordings};
use filter::response::ResponseFacts;
use protocol::{
    meters::Side,
    ratio::{TextRatio, TextRatios},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A complete answer.
struct Known {
    recording: Recording,
    provider: String,
    model: String,
    facts: ResponseFacts,
    tokens: u64,
}

fn known(recording: Recording) -> Option<Known> {
    let is_whole = recording.about["expected_extra"]["usage_final"] != Value::Bool(false)
        && recording.name.starts_with(&recording.api);
    let expected = expected(&recording).filter(|_| is_whole)?;
    let facts = read(&recording, expected, [recording.body.as_slice()]);
    let tokens = facts.usage.as_ref()?.tokens(Side::Generated);
    let text = |key: &str| recording.about[key].as_str().unwrap_or_default().to_owned();
    let model = facts.model.as_deref().unwrap_or_default().to_owned();
    let provider = text("provider");
    (tokens > 0 && facts.text.bytes > 0).then_some(Known { recording, provider, model, facts, tokens })
}

/// What the control plane learns of these.
fn learn<'a>(answers: impl Iterator<Item = &'a Known>) -> TextRatios {
    let mut sums: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for answer in answers {
        for model in [answer.model.as_str(), ""] {
            let (bytes, tokens) = sums.entry((&answer.provider, model)).or_default();
            *bytes += answer.facts.text.bytes;
            *tokens += answer.tokens;
        }
    }
    let mut ratios = TextRatios::default();
    for ((provider, model), (bytes, tokens)) in sums {
        let text_bytes_per_kilotoken = u32::try_from((bytes * 1_000 / tokens).clamp(500, 20_000)).unwrap();
        let ratio = TextRatio { request_bytes_per_kilotoken: 0, text_bytes_per_kilotoken };
        ratios.models.entry(provider.into()).or_default().insert(model.into(), ratio);
    }
    ratios
}

/// Tokens delivered, and what they are estimated at: by what all answers tell, and by what all others tell.
#[derive(Default)]
struct Tally {
    streams: u32,
    delivered: u64,
    estimated: u64,
    estimated_by_others: u64,
}

#[test]
fn a_cut_stream_is_estimated_within_five_percent_on_the_whole() {
    let answers: Vec<Known> = recordings().into_iter().filter_map(known).collect();
    let all = learn(answers.iter());
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let streams = answers.iter().filter(|answer| answer.recording.about["streaming"] == true);
    for answer in streams {
        let others = learn(answers.iter().filter(|other| other.recording.name != answer.recording.name));
        let tally = tallies.entry(&answer.recording.api).or_default();
        tally.streams += 1;
        for quarter in 1..4 {
            let body = &answer.recording.body;
            let cut = read(
                &answer.recording,
                expected(&answer.recording).unwrap(),
                [&body[..body.len() * quarter / 4]],
            );
            let bytes = cut.text.bytes;
            let by = |ratios: &TextRatios| {
                ratios.generated_tokens(&answer.provider, &[Some(answer.model.as_str())], bytes)
            };
            tally.delivered += answer.tokens * bytes / answer.facts.text.bytes;
            tally.estimated += by(&all);
            tally.estimated_by_others += by(&others);
        }
    }
    let percent = |estimated: u64, delivered: u64| {
        (i64::try_from(estimated).unwrap() - i64::try_from(delivered).unwrap()) * 1_000
            / i64::try_from(delivered.max(1)).unwrap()
    };
    let mut sum = Tally::default();
    println!("| stream | streams | tokens delivered | error, per mille | by others alone |");
    for (api, tally) in &tallies {
        println!(
            "| {api} | {} | {} | {:+} | {:+} |",
            tally.streams,
            tally.delivered,
            percent(tally.estimated, tally.delivered),
            percent(tally.estimated_by_others, tally.delivered)
        );
        sum.streams += tally.streams;
        sum.delivered += tally.delivered;
        sum.estimated += tally.estimated;
        sum.estimated_by_others += tally.estimated_by_others;
    }
    let error = percent(sum.estimated, sum.delivered);
    let by_others = percent(sum.estimated_by_others, sum.delivered);
    println!("| all | {} | {} | {error:+} | {by_others:+} |", sum.streams, sum.delivered);
    assert!(error.abs() <= 50, "the estimate of all cut streams is off by {error} per mille");
}
