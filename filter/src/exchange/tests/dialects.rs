//! What calls of several dialects come to: what was reported, estimated, refused, or billed later.

use super::*;

#[test]
fn the_reported_part_of_a_cut_stream_is_kept_and_only_the_rest_estimated() {
    const ANTHROPIC: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":3,\"cache_creation_input_tokens\":12304,\"output_tokens\":1}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"12345678\"}}\n\n";
    let cut = |response, arrives| {
        let script = Script {
            path: "/v1/messages",
            content_type: "text/event-stream",
            response,
            arrives,
            end: CUT,
            ..Script::default()
        };
        play(&script, &snapshot(1_000_000_000_000), &InMemory::default()).0.unwrap().usage
    };
    let usage = cut(ANTHROPIC, ANTHROPIC.len() - 1);
    assert_eq!(usage.units, [(Meter::Input, 3), (Meter::CacheWrite5m, 12_304), (Meter::Output, 2)].into());
    assert_eq!(
        (usage.source(), usage.complete),
        (UsageSource::Mixed, false),
        "a placeholder of 1 is no count"
    );
    let zero = "data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":0}}\n\nx";
    let whole = [ANTHROPIC, zero].concat();
    assert_eq!(
        cut(&whole, whole.len() - 1).units.get(&Meter::Output),
        Some(&0),
        "an explicit zero stays zero"
    );
    for arrives in 1..ANTHROPIC.len() {
        assert!(!cut(ANTHROPIC, arrives).complete, "cut at {arrives}");
    }
}

#[test]
fn a_cut_stream_is_estimated_by_what_was_learned_of_its_model() {
    let mut snapshot = snapshot(1_000_000_000_000);
    let ratio =
        protocol::ratio::TextRatio { request_bytes_per_kilotoken: 2_000, text_bytes_per_kilotoken: 1_000 };
    snapshot.ratios.models = [("openai".into(), [("gpt-4o".into(), ratio)].into())].into();
    let script = Script {
        content_type: "text/event-stream",
        response: STREAM,
        arrives: STREAM.len() - 5,
        end: CUT,
        ..Script::default()
    };
    let end = play(&script, &snapshot, &InMemory::default()).0.unwrap();
    assert_eq!(end.usage.units, [(Meter::Input, 25), (Meter::Output, 8)].into());
}

#[test]
fn an_answer_that_was_to_be_json_and_is_none_is_told_apart() {
    let outcome = |format: &str, message: &str, reason: &str| {
        let request = format!(r#"{{"model":"gpt-4o",{format}"messages":[]}}"#);
        let response = format!(
            r#"{{"choices":[{{"message":{message},"finish_reason":"{reason}"}}],"usage":{{"prompt_tokens":1,"completion_tokens":1}}}}"#
        );
        let script = Script { request: &request, response: &response, ..Script::default() };
        play(&script, &snapshot(1_000_000_000_000), &InMemory::default()).0.unwrap().outcome
    };
    let json = r#""response_format":{"type":"json_schema","json_schema":{}},"#;
    assert_eq!(outcome(json, r#"{"content":"{\"a\":1}"}"#, "stop"), Outcome::Ok);
    assert_eq!(outcome(json, r#"{"content":"{\"a\":1"}"#, "stop"), Outcome::InvalidJson);
    assert_eq!(outcome(json, r#"{"content":"{\"a\":1"}"#, "length"), Outcome::Truncated);
    assert_eq!(outcome("", r#"{"content":"{\"a\":1"}"#, "stop"), Outcome::Ok);
    let call = |arguments: &str| {
        format!(r#"{{"content":null,"tool_calls":[{{"function":{{"arguments":"{arguments}"}}}}]}}"#)
    };
    assert_eq!(outcome("", &call(r#"{\"a\":1}"#), "tool_calls"), Outcome::Ok);
    assert_eq!(outcome("", &call(r#"{\"a\":"#), "tool_calls"), Outcome::InvalidJson);
}

#[test]
fn an_answer_from_the_background_is_billed_to_whoever_fetches_it_first() {
    let shared = InMemory::default();
    let fetch = |method, background: bool, status: &str, usage: &str| {
        let response = format!(
            r#"{{"id":"resp_1","model":"gpt-4o","background":{background},"status":"{status}","usage":{usage}}}"#
        );
        let path = if method == "GET" { "/v1/responses/resp_1" } else { "/v1/responses" };
        let script = Script { method, path, response: &response, ..Script::default() };
        play(&script, &snapshot(1_000_000_000_000), &shared).0
    };
    let usage = r#"{"input_tokens":1000,"output_tokens":10}"#;
    let queued = fetch("POST", true, "queued", "null").unwrap();
    assert_eq!((queued.usage.units.len(), queued.usage.complete), (0, true));
    assert_eq!(fetch("GET", true, "in_progress", "null"), None, "looking is no call");
    assert_eq!(fetch("GET", false, "completed", usage), None, "it was told when it was made");
    let fetched = fetch("GET", true, "completed", usage).unwrap();
    assert_eq!(fetched.usage.units.get(&Meter::Input), Some(&1_000));
    assert_eq!(fetch("GET", true, "completed", usage), None, "and only once");
}

#[test]
fn an_answer_fetched_from_the_background_is_spent_of_the_caps() {
    let shared = InMemory::default();
    let fetch = |status: &str, usage: &str| {
        let response = format!(
            r#"{{"id":"resp_1","model":"gpt-4o","background":true,"status":"{status}","usage":{usage}}}"#
        );
        let script =
            Script { method: "GET", path: "/v1/responses/resp_1", response: &response, ..Script::default() };
        play(&script, &snapshot(1_000_000_000_000), &shared).2
    };
    assert_eq!(fetch("in_progress", "null"), (0, 0));
    assert_eq!(fetch("completed", r#"{"input_tokens":1000,"output_tokens":10}"#), (2_600_000_000, 0));
    assert_eq!(fetch("completed", r#"{"input_tokens":1000,"output_tokens":10}"#), (2_600_000_000, 0));
}

#[test]
fn a_background_stream_that_is_cut_is_billed_to_whoever_resumes_it() {
    let created = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_9\",\"background\":true,\"status\":\"in_progress\",\"model\":\"gpt-4o\"}}\n\nevent: x";
    let script = Script {
        path: "/v1/responses",
        content_type: "text/event-stream",
        response: created,
        arrives: created.len() - 3,
        end: CUT,
        ..Script::default()
    };
    let (end, _, counter) = play(&script, &snapshot(1_000_000_000_000), &InMemory::default());
    assert_eq!((end.unwrap().usage.units.len(), counter), (0, (0, 0)));
}

#[test]
fn a_stream_that_ends_before_its_last_event_is_not_whole() {
    let response = "data: {\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"12345678\"}}\n\n";
    let script =
        Script { path: "/v1/messages", content_type: "text/event-stream", response, ..Script::default() };
    let usage = play(&script, &snapshot(1_000_000_000_000), &InMemory::default()).0.unwrap().usage;
    assert_eq!(usage.units, [(Meter::Input, 100), (Meter::Output, 2)].into());
    assert_eq!((usage.source(), usage.complete), (UsageSource::Mixed, false));
}

#[test]
fn an_error_whose_client_leaves_costs_nothing() {
    let script =
        Script { status: "429", response: r#"{"error":{}}"#, arrives: 3, end: CUT, ..Script::default() };
    let (end, _, counter) = play(&script, &snapshot(1_000_000_000_000), &InMemory::default());
    assert_eq!((end.unwrap().settled, counter), (Some(PicoUsd::ZERO), (0, 0)));
}

#[test]
fn only_words_of_a_provider_leave_with_an_event() {
    let told = |response: &str| {
        let end = play(
            &Script { response, ..Script::default() },
            &snapshot(1_000_000_000_000),
            &InMemory::default(),
        );
        let end = end.0.unwrap();
        (end.error_type.map(String::from), end.finish_reasons.first().map(|reason| reason.to_string()))
    };
    let error = told(r#"{"error":{"type":"my patient John Doe, please","code":null}}"#);
    assert_eq!(error, (Some("error".to_owned()), None));
    let reason = told(r#"{"choices":[{"finish_reason":"John Doe:  said"}],"usage":{"prompt_tokens":1}}"#);
    assert_eq!(reason.1.as_deref(), Some("other"));
}

#[test]
fn many_texts_of_one_embedding_are_all_counted() {
    let prediction = r#"{"embeddings":{"statistics":{"token_count":10.0}}}"#;
    let response = format!(r#"{{"predictions":[{}]}}"#, vec![prediction; 250].join(","));
    let path = "/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict";
    let script = Script { path, response: &response, ..Script::default() };
    let end = play(&script, &snapshot(1_000_000_000_000), &InMemory::default()).0.unwrap();
    assert_eq!(end.usage.units, [(Meter::Input, 2_500)].into());
}

#[test]
fn speech_is_billed_by_characters_however_they_are_written_and_needs_no_price_of_tokens() {
    let mut snapshot = snapshot(1_000_000_000_000);
    snapshot.unpriced = UnpricedRule::Refuse;
    let rate = Rate::plain(2, Meter::Characters, PicoUsdPerUnit::new(15_000_000));
    let prices = ModelPrices { rates: vec![rate], output_tokens_max: None };
    snapshot.prices.exact.get_mut("openai").unwrap().insert("tts-1".into(), prices);
    let script = Script {
        path: "/v1/audio/speech",
        request: r#"{"model":"tts-1","input":"\u4f60\u597d\n\"hi\""}"#,
        content_type: "audio/mpeg",
        response: "RIFF",
        ..Script::default()
    };
    let (end, reply, counter) = play(&script, &snapshot, &InMemory::default());
    assert_eq!(reply, None);
    let end = end.unwrap();
    assert_eq!(end.usage.units, [(Meter::Characters, 7)].into());
    assert_eq!((end.settled.map(PicoUsd::pico), counter), (Some(105_000_000), (105_000_000, 0)));
}

#[test]
fn what_another_model_used_on_the_way_is_counted_and_marked() {
    let source = |advisor: &str| {
        let response = format!(
            r#"{{"model":"c","usage":{{"input_tokens":5,"output_tokens":2,"iterations":[
                {{"type":"message","input_tokens":5,"output_tokens":2}},
                {{"type":"advisor_message","model":"{advisor}","input_tokens":70,"output_tokens":30}}]}}}}"#
        );
        let script = Script { path: "/v1/messages", response: &response, ..Script::default() };
        let usage = play(&script, &snapshot(1_000_000_000_000), &InMemory::default()).0.unwrap().usage;
        assert_eq!(usage.units, [(Meter::Input, 75), (Meter::Output, 32)].into());
        usage.source()
    };
    assert_eq!(source("c"), UsageSource::Reported);
    assert_eq!(source("opus"), UsageSource::Estimated);
}

#[test]
fn caps_are_charged_what_the_provider_says_where_its_word_bills() {
    let response = r#"{"model":"gpt-4o","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":10,"completion_tokens":5,"cost":0.0001}}"#;
    let script = Script { response, ..Script::default() };
    let settled = |snapshot: &Snapshot| play(&script, snapshot, &InMemory::default()).0.unwrap().settled;
    let mut snapshot = snapshot(1_000_000_000_000);
    assert_eq!(settled(&snapshot).map(PicoUsd::pico), Some(75_000_000));
    snapshot.provider_cost_bills.insert("openai".into());
    assert_eq!(settled(&snapshot).map(PicoUsd::pico), Some(100_000_000));
}
