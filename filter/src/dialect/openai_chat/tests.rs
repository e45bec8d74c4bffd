use super::*;
use crate::{dialect::Dialect, head::Headers, response::ResponseReader};

fn units(usage: &Usage) -> Vec<(&'static str, u64)> {
    usage.units.iter().map(|(meter, units)| (meter.as_str(), *units)).collect()
}

fn check_usage(json: &str, expected: &[(&'static str, u64)]) {
    assert_eq!(units(&usage(json.as_bytes()).unwrap()), expected, "{json}");
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
        assert_eq!(usage(silent.as_bytes()), None, "{silent} tells nothing, which is not zero");
    }
    assert_eq!(usage(b"null"), None);
    assert_eq!(usage(b"{\"prompt_tokens\":\"many\"}"), None);
}

fn read(content_type: &str, pieces: &[&[u8]], injected: bool) -> (ResponseFacts, Vec<u8>) {
    let headers = [(b":status".as_slice(), b"200".as_slice()), (b"content-type", content_type.as_bytes())];
    let mut reader = ResponseReader::new(Dialect::OpenaiChat, &Headers::new(&headers), injected);
    let mut seen = Vec::new();
    let last = pieces.len().saturating_sub(1);
    for (position, piece) in pieces.iter().enumerate() {
        seen.extend(reader.read(piece, position == last).unwrap_or_else(|| piece.to_vec()));
    }
    (reader.into_facts(), seen)
}

/// Whole, byte by byte and cut at every offset: the same facts, and the same bytes to the client.
fn check_stream(stream: &str, injected: bool, client_sees: &str) -> ResponseFacts {
    let bytes = stream.as_bytes();
    let (facts, seen) = read("text/event-stream; charset=utf-8", &[bytes], injected);
    assert_eq!(String::from_utf8_lossy(&seen), client_sees);
    let single = bytes.chunks(1).collect::<Vec<_>>();
    assert_eq!(read("text/event-stream", &single, injected), (facts.clone(), seen.clone()), "byte by byte");
    for cut in 0..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(
            read("text/event-stream", &[head, tail], injected),
            (facts.clone(), seen.clone()),
            "cut at {cut}"
        );
    }
    facts
}

const CHUNK: &str = r#"data: {"id":"c1","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","service_tier":"default","choices":[{"index":0,"delta":{"content":"h\"é\\"},"finish_reason":null}],"usage":null}"#;
const LAST: &str = r#"data: {"id":"c1","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USAGE: &str = r#"data: {"id":"c1","model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

#[test]
fn a_stream_gives_the_same_facts_at_any_cut() {
    let stream = format!("{CHUNK}\n\n{LAST}\n\n{USAGE}\n\ndata: [DONE]\n\n");
    let facts = check_stream(&stream, false, &stream);
    assert_eq!(facts.model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(facts.finish_reasons, ["stop".into()]);
    assert_eq!(units(facts.usage.as_ref().unwrap()), [("input", 9), ("output", 2)]);
    assert_eq!((facts.text_bytes, facts.terminal, facts.unreadable_events), (7, true, 0));
}

#[test]
fn the_usage_chunk_that_nobody_asked_for_is_taken_out_at_any_cut() {
    let stream = format!("{CHUNK}\n\n{LAST}\n\n{USAGE}\n\ndata: [DONE]\n\n");
    let facts = check_stream(&stream, true, &format!("{CHUNK}\n\n{LAST}\n\ndata: [DONE]\n\n"));
    assert_eq!(units(facts.usage.as_ref().unwrap()), [("input", 9), ("output", 2)]);
}

#[test]
fn a_later_null_does_not_erase_usage_and_an_empty_first_chunk_is_kept() {
    let azure = r#"data: {"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#;
    let moderation = r#"data: {"id":"c1","model":"gpt-4o","choices":[],"usage":null,"moderation":{}}"#;
    let stream = format!("{azure}\n\n{CHUNK}\n\n{USAGE}\n\n{moderation}\n\n");
    let facts = check_stream(&stream, true, &format!("{azure}\n\n{CHUNK}\n\n{moderation}\n\n"));
    assert_eq!(units(facts.usage.as_ref().unwrap()), [("input", 9), ("output", 2)]);
    assert_eq!(facts.model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert!(!facts.terminal);
}

#[test]
fn an_error_inside_a_stream_is_seen() {
    let error = r#"data: {"error":{"message":"secret prompt","type":"server_error","code":null}}"#;
    let stream = format!("{CHUNK}\n\n{error}\n\n");
    assert_eq!(check_stream(&stream, false, &stream).error_type.as_deref(), Some("server_error"));
}

#[test]
fn refusals_tool_calls_and_several_answers_are_seen() {
    let stream = concat!(
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"No.\"},\"finish_reason\":null}]}\n\n",
        "data: {\"model\":\"m\",\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]},\"finish_reason\":null}]}\n\n",
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"model\":\"m\",\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    );
    let facts = check_stream(stream, false, stream);
    assert!(facts.refused);
    assert_eq!(facts.text_bytes, 5);
    assert_eq!(facts.finish_reasons, ["stop".into(), "tool_calls".into()]);
}

#[test]
fn a_unary_answer_is_read_at_any_cut() {
    let body = r#"{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"{\"usage\":{}}","refusal":null},"finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":2},"model":"gpt-4o-2024-08-06","service_tier":"flex"}"#;
    let bytes = body.as_bytes();
    let (facts, _) = read("application/json", &[bytes], false);
    assert_eq!(units(facts.usage.as_ref().unwrap()), [("input", 9), ("output", 2)]);
    assert_eq!(facts.finish_reasons, ["length".into()]);
    assert_eq!((facts.service_tier.as_deref(), facts.refused, facts.terminal), (Some("flex"), false, true));
    for cut in 0..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(read("application/json", &[head, tail], false).0, facts, "cut at {cut}");
    }
}

#[test]
fn what_is_no_answer_gives_no_facts() {
    for (content_type, body) in
        [("text/html", "<html>502</html>"), ("application/json", "{"), ("text/event-stream", "data: x\n\n")]
    {
        let (facts, seen) = read(content_type, &[body.as_bytes()], true);
        assert_eq!((facts.usage, facts.model), (None, None), "{body}");
        assert_eq!(seen, body.as_bytes());
    }
}

#[test]
fn many_answers_do_not_hide_the_usage_behind_them() {
    let choice = r#"{"message":{"content":"a","refusal":null},"finish_reason":"stop"}"#;
    let choices = vec![choice; 128].join(",");
    let body = format!(r#"{{"choices":[{choices}],"usage":{{"prompt_tokens":9,"completion_tokens":128}}}}"#);
    let (facts, _) = read("application/json", &[body.as_bytes()], false);
    assert_eq!(units(facts.usage.as_ref().unwrap()), [("input", 9), ("output", 128)]);
}
