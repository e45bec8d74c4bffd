//! Dialects: every recorded answer of every provider passes through Envoy byte for byte, and the ledger says of it
//! what the recording says. One test a dialect, one Envoy a test.

use crate::metering::{adds_up, tokens, usd};
use harness::{client::Answer, recording::Recording, rig::Rig};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}}
";

/// So small that no event of a stream arrives whole.
const SPLIT_BYTES: usize = 100;

#[test]
fn every_dialect_has_a_test() {
    let tested: BTreeSet<&str> = DIALECTS.iter().copied().collect();
    let recorded = Recording::dialects();
    assert_eq!(tested, recorded.iter().map(String::as_str).collect());
}

#[test]
fn every_recording_is_needed_and_says_what_for() {
    let mut reasons = BTreeMap::new();
    for dialect in Recording::dialects() {
        for name in Recording::names(&dialect) {
            let recording = Recording::read(&name);
            assert!(!recording.body.is_empty(), "{name}");
            let reason = (dialect.clone(), recording.about.clone(), recording.status, recording.is_stream());
            if let Some(other) = reasons.insert(reason, name.clone()) {
                // Errors of one kind of different providers may share words, cases of one dialect may not.
                assert!(name.contains("error"), "{name} and {other} are there for the same reason");
            }
        }
    }
}

macro_rules! dialects {
    ($($test:ident: $dialect:literal),+ $(,)?) => {
        const DIALECTS: &[&str] = &[$($dialect),+];
        $(
            #[tokio::test]
            async fn $test() {
                is_metered($dialect).await;
            }
        )+
    };
}

dialects! {
    openai_chat_and_what_is_compatible_with_it_is_metered: "openai-chat",
    openai_responses_are_metered: "openai-responses",
    openai_completions_are_metered: "openai-completions",
    openai_embeddings_are_metered: "openai-embeddings",
    openai_transcriptions_are_metered: "openai-transcriptions",
    openai_speech_is_metered: "openai-speech",
    openai_images_are_metered: "openai-images",
    openai_moderations_are_booked_and_free: "openai-moderations",
    anthropic_messages_are_metered: "anthropic-messages",
    gemini_is_metered: "gemini",
    gemini_embeddings_are_metered: "gemini-embeddings",
    gemini_interactions_are_metered: "gemini-interactions",
    bedrock_converse_is_metered: "bedrock-converse",
    bedrock_invoke_is_metered: "bedrock-invoke",
    cohere_chat_is_metered: "cohere-chat",
    cohere_embed_is_metered: "cohere-embed",
    cohere_rerank_is_metered: "cohere-rerank",
    mistral_ocr_is_metered: "mistral-ocr",
    ollama_is_metered: "ollama",
    ollama_embed_is_metered: "ollama-embed",
}

/// Replays all recordings of a dialect, and compares what the client got and what the ledger says.
async fn is_metered(dialect: &str) {
    let rig = Rig::start(POLICY).await;
    let recordings: BTreeMap<String, Recording> =
        Recording::names(dialect).into_iter().map(|name| (name.clone(), Recording::read(&name))).collect();
    let mut faults = Faults::default();
    for (name, recording) in &recordings {
        let script = json!({"recording": name, "split_bytes": SPLIT_BYTES});
        let call = recording.call().customer("acme").header("x-bursar-task", name).script(&script);
        passes(name, recording, &rig.app.send(&call).await, &mut faults);
    }
    let metered = faults.metered.len();
    let booked = rig.bursar.calls("acme", metered).await;
    for name in faults.metered.clone() {
        let listed = booked.iter().find(|call| call["task"] == json!(name)).unwrap();
        let call = rig.bursar.json(&format!("/v1/calls/{}", listed["id"].as_str().unwrap())).await;
        is_as_expected(&name, dialect, &recordings[&name], &call, &mut faults);
    }
    rig.bursar.is_consistent();
    assert!(faults.found.is_empty(), "{} faults:\n  {}", faults.found.len(), faults.found.join("\n  "));
}

/// What is wrong; all of it, so that one run tells.
#[derive(Default)]
struct Faults {
    found: Vec<String>,
    metered: Vec<String>,
}

impl Faults {
    fn expect(&mut self, name: &str, what: &str, found: &Value, expected: &Value) {
        if found != expected {
            self.found.push(format!("{name}: {what} is {found}, must be {expected}"));
        }
    }
}

/// The client got what the provider sent.
fn passes(name: &str, recording: &Recording, answer: &Answer, faults: &mut Faults) {
    faults.expect(name, "the status", &json!(answer.status), &json!(recording.status));
    faults.expect(name, "what cut the answer", &json!(answer.cut), &Value::Null);
    // Where usage was not asked for, Bursar asks for it and takes it out again; see stream_usage.rs.
    let rewritten = recording.is_stream()
        && recording.path.split('?').next().is_some_and(|path| path.ends_with("completions"))
        && recording.request.get("stream_options").is_none();
    if !rewritten && answer.body != recording.body {
        faults.found.push(format!("{name}: the body is changed"));
    }
    if answer.header("x-bursar-call").is_some() {
        faults.metered.push(name.to_owned());
    } else {
        faults.found.push(format!("{name} is not metered"));
    }
}

fn is_as_expected(name: &str, dialect: &str, recording: &Recording, call: &Value, faults: &mut Faults) {
    let expected = &recording.expected;
    let mut counted = tokens(call);
    if ["estimated", "mixed"].contains(&&*expected.usage_source) {
        // What Bursar guesses is compared with nothing; what it knows is.
        counted.retain(|meter, _| expected.tokens.contains_key(meter));
    }
    faults.expect(name, "tokens", &json!(counted), &json!(expected.tokens));
    let facts = [
        ("dialect", json!(dialect)),
        ("usage_source", json!(expected.usage_source)),
        ("request_model", json!(recording.request_model())),
        ("response_model", json!(expected.response_model)),
        ("finish_reasons", json!(expected.finish_reasons)),
        ("outcome", json!(expected.outcome)),
        ("error_type", json!(expected.error_type)),
        ("stream", json!(recording.asks_for_stream())),
        ("status", json!(recording.status)),
        ("state", json!("finished")),
        ("ending", json!("complete")),
    ];
    for (key, value) in &facts {
        faults.expect(name, key, &call[key], value);
    }
    for (key, told) in [("provider", &expected.provider), ("service_tier", &expected.service_tier)] {
        if told.is_some() {
            faults.expect(name, key, &call[key], &json!(told));
        }
    }
    let cost = |amount: &Value| amount.is_string().then(|| usd(amount));
    let told = expected.provider_cost_usd.as_deref().map(|amount| usd(&json!(amount)));
    if cost(&call["provider_cost_usd"]) != told {
        faults.expect(
            name,
            "provider_cost_usd",
            &call["provider_cost_usd"],
            &json!(expected.provider_cost_usd),
        );
    }
    if call["pricing"] == "priced" && expected.usage_source == "reported" {
        adds_up(call);
    }
    if recording.status >= 400 || dialect == "openai-moderations" {
        faults.expect(name, "cost_usd", &call["cost_usd"], &json!("0"));
    }
}
