use super::*;
use protocol::meters::Usage;

fn units(usage: &Usage) -> Vec<(&'static str, u64)> {
    usage.units.iter().map(|(meter, units)| (meter.as_str(), *units)).collect()
}

fn read(content_type: &str, pieces: &[&[u8]], injected: bool) -> (ResponseFacts, Vec<u8>) {
    let headers = [(b":status".as_slice(), b"200".as_slice()), (b"content-type", content_type.as_bytes())];
    let expected = Expected {
        dialect: Dialect::OpenaiChat,
        stream: true,
        json: false,
        several: true,
        usage_injected: injected,
    };
    let mut reader = ResponseReader::new(expected, &Headers::new(&headers));
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
    assert_eq!((facts.text.bytes, facts.terminal, facts.unreadable_events), (5, true, 0));
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
    assert!(facts.text.refused);
    assert_eq!(facts.text.bytes, 5);
    assert_eq!(facts.finish_reasons, ["stop".into(), "tool_calls".into()]);
}

#[test]
fn a_unary_answer_is_read_at_any_cut() {
    let body = r#"{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"{\"usage\":{}}","refusal":null},"finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":2},"model":"gpt-4o-2024-08-06","service_tier":"flex"}"#;
    let bytes = body.as_bytes();
    let (facts, _) = read("application/json", &[bytes], false);
    assert_eq!(units(facts.usage.as_ref().unwrap()), [("input", 9), ("output", 2)]);
    assert_eq!(facts.finish_reasons, ["length".into()]);
    assert_eq!(
        (facts.service_tier.as_deref(), facts.text.refused, facts.terminal),
        (Some("flex"), false, true)
    );
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

#[test]
fn an_event_like_an_earlier_one_is_read_again_where_another_came_between() {
    // The one in between changes the tier, and tells why the model stopped, so that it is no template.
    let between =
        CHUNK.replace("default", "flex").replace("\"finish_reason\":null", "\"finish_reason\":\"stop\"");
    let stream = format!("{CHUNK}\n\n{CHUNK}\n\n{between}\n\n{CHUNK}\n\n");
    assert_eq!(check_stream(&stream, false, &stream).service_tier.as_deref(), Some("default"));
}

#[test]
fn only_what_tells_usage_and_no_choice_is_left_out() {
    let choice = r#"[{"index":0,"delta":{"content":"a"}}]"#;
    let usage = r#""usage":{"prompt_tokens":9}"#;
    for event in [
        format!(r#"{{"choices" : {choice},{usage}}}"#),
        format!(r#"{{"x":{{"choices":[]}},"choices":{choice},{usage}}}"#),
        format!(r#"{{"choices":[],"choices":{choice},{usage}}}"#),
        format!(r#"{{"choices":[],{usage},"obfus"#),
    ] {
        let stream = format!("data: {event}\n\n");
        check_stream(&stream, true, &stream);
    }
    check_stream(&format!("data: {{\"choices\" : [ ],{usage}}}\n\n"), true, "");
}

#[test]
fn an_event_whose_lines_hide_its_choices_goes_on_at_any_cut() {
    let stream = "data: {\"choices\":\ndata: [],\"usage\":{\"prompt_tokens\":9}}\n\n";
    check_stream(stream, true, stream);
}

#[test]
fn a_byte_order_mark_before_a_body_is_skipped_in_whatever_pieces_it_comes() {
    let body = "\u{feff}{\"model\":\"m\",\"usage\":{\"prompt_tokens\":9}}".as_bytes();
    let (whole, _) = read("application/json", &[body], false);
    assert_eq!(units(whole.usage.as_ref().unwrap()), [("input", 9)]);
    assert_eq!(read("application/json", &body.chunks(1).collect::<Vec<_>>(), false).0, whole);
}

#[test]
fn an_encoding_that_breaks_counts_once_in_whatever_pieces_it_comes() {
    let headers = [(b":status".as_slice(), b"200".as_slice()), (b"content-encoding", b"gzip")];
    let expected = Expected {
        dialect: Dialect::OpenaiChat,
        stream: false,
        json: false,
        several: false,
        usage_injected: false,
    };
    for pieces in [&[b"no gzip".as_slice()][..], &[b"no", b" gz", b"ip"]] {
        let mut reader = ResponseReader::new(expected, &Headers::new(&headers));
        pieces.iter().for_each(|piece| assert_eq!(reader.read(piece, false), None));
        assert_eq!(reader.into_facts().unreadable_events, 1);
    }
}
