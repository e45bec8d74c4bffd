use super::*;
use crate::{config::Config, dialect};
use protocol::ratio::TextRatios;
use serde_json::Value;

fn for_path(path: &str, pairs: &[(&str, &str)]) -> RequestReader {
    let mut all: Vec<(&[u8], &[u8])> = vec![(b":method", b"POST"), (b":path", path.as_bytes())];
    all.extend(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let headers = Headers::new(&all);
    RequestReader::new(dialect::detect(&Config::parse(b"").unwrap(), &headers, None).unwrap(), &headers)
}

fn reader(body: &str) -> RequestReader {
    let mut reader = for_path("/v1/chat/completions", &[]);
    body.as_bytes().chunks(7).for_each(|piece| reader.read(piece));
    reader
}

fn asked(body: &str) -> Option<String> {
    reader(body).with_usage_asked(body.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_stream_is_asked_for_usage_whatever_its_options_were() {
    for (before, after) in [
        (
            r#"{"stream":true,"model":"m"}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true,"model":"m"}"#,
        ),
        (
            r#" {"stream": true, "stream_options": null}"#,
            r#" {"stream": true, "stream_options": {"include_usage":true}}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":false,"include_obfuscation":false},"stream":true}"#,
            r#"{"stream_options":{"include_obfuscation":false,"include_usage":true},"stream":true}"#,
        ),
    ] {
        let asked = asked(before).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&asked).unwrap(),
            serde_json::from_str::<Value>(after).unwrap()
        );
        assert_eq!(asked.len(), after.len(), "{asked}");
    }
}

#[test]
fn a_body_that_needs_no_change_or_is_not_understood_stays_as_it_is() {
    for body in [
        r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"stream":false}"#,
        r#"{"model":"m"}"#,
        r#"{"stream":true,"stream_options":"yes"}"#,
        r#"{"stream":true,"data_sources":[{"type":"azure_search"}]}"#,
        r#"{"stream":true"#,
        "",
        "not json",
    ] {
        assert_eq!(asked(body), None, "{body}");
    }
    // What cannot be kept could ask otherwise.
    let long = format!(
        r#"{{"stream":true,"stream_options":{{"include_usage":false,"x":"{}"}}}}"#,
        "x".repeat(2_000)
    );
    assert_eq!(asked(&long), None);
}

#[test]
fn a_body_without_members_stays_as_it_is_where_the_path_says_that_it_streams() {
    for body in ["{}", " [] ", r#"[{"a":1}]"#, "}", "1}"] {
        let path = "/v1/publishers/google/models/m:streamRawPredict";
        let mut held = for_path(path, &[]);
        held.read(body.as_bytes());
        assert_eq!(held.with_usage_asked(body.as_bytes()), None, "{body}");
        let mut passing = for_path(path, &[("content-length", "9")]);
        passing.let_pass();
        assert_eq!(passing.read_passing(body.as_bytes(), true), None, "{body}");
    }
}

#[test]
fn options_that_are_not_touched_stay_as_written() {
    let body = r#"{"stream":true,"stream_options":{"a":12345678901234567890123,"b":[1e400, 0.10]}}"#;
    let after = r#"{"stream":true,"stream_options":{"a":12345678901234567890123,"b":[1e400, 0.10],"include_usage":true}}"#;
    assert_eq!(asked(body).as_deref(), Some(after));
}

#[test]
fn the_facts_of_a_request_are_read_from_its_outermost_keys() {
    let body = r#"{"messages":[{"role":"user","content":"\"model\":\"x\""}],"model":"gpt-4o","n":3,"max_tokens":10,"service_tier":"flex","stream":true}"#;
    let facts = reader(body).facts();
    assert_eq!(facts.model.as_deref(), Some("gpt-4o"));
    assert_eq!(
        (facts.stream, facts.tier.as_deref(), facts.output_tokens_max),
        (true, Some("flex"), Some(30))
    );
    assert_eq!(facts.text_bytes, u64::try_from(body.len()).unwrap());
}

#[test]
fn a_body_that_is_not_whole_is_as_long_as_its_head_says() {
    let mut reader = for_path("/v1/chat/completions", &[("content-length", "4000")]);
    reader.read(br#"{"model":"gpt-4o","messages":["#);
    assert_eq!(reader.facts().input_tokens_estimate("openai", &TextRatios::default()), 1_000);
    assert_eq!(reader.facts().model.as_deref(), Some("gpt-4o"));
}

#[test]
fn an_absurd_output_limit_is_clamped_to_what_can_be_believed() {
    let body = r#"{"model":"m","max_tokens":18446744073709551615,"n":9}"#;
    assert_eq!(reader(body).facts().output_tokens_max, Some(1 << 40));
}

/// Lets a body pass in pieces, and gives what goes on with the length that was promised.
fn passed(body: &str, content_length: bool, piece: usize) -> (String, Option<u64>, bool) {
    let length = body.len().to_string();
    let pairs: &[(&str, &str)] = if content_length { &[("content-length", &length)] } else { &[] };
    let mut reader = for_path("/v1/chat/completions", pairs);
    let (held, rest) = body.as_bytes().split_at(piece.min(body.len() / 2));
    reader.read(held);
    let promised = reader.let_pass();
    let (mut out, mut asks) = (held.to_vec(), false);
    for piece in rest.chunks(piece) {
        match reader.read_passing(piece, false) {
            Some(late) => {
                asks |= late.asks;
                out.extend(late.bytes);
            }
            None => out.extend_from_slice(piece),
        }
    }
    if let Some(late) = reader.read_passing(&[], true) {
        out.extend(late.bytes);
    }
    (String::from_utf8(out).unwrap(), promised, asks)
}

#[test]
fn a_body_that_passes_has_the_length_that_was_promised_and_asks_for_usage_where_it_streams() {
    for (body, asks) in [
        (r#"{"stream":true,"messages":[{"content":"a long text"}],"model":"m"}"#, true),
        (r#"{"messages":[{"content":"a long text"}],"stream":true}  "#, true),
        (r#"{"stream_options":{"include_usage":false,"x":1},"messages":[],"stream":true}"#, true),
        (r#"{"stream_options":{"include_usage":true},"messages":[],"stream":true}"#, false),
        (r#"{"messages":[{"content":"a long text"}],"stream":false}"#, false),
        (r#"{"messages":[{"content":"a lo"#, false),
    ] {
        for (content_length, piece) in [(true, 1), (true, 9), (true, 1_000), (false, 9)] {
            let (out, promised, asked) = passed(body, content_length, piece);
            assert_eq!(promised.is_some(), content_length);
            assert!(promised.is_none_or(|promised| promised == u64::try_from(out.len()).unwrap()), "{out:?}");
            assert_eq!(asked, asks, "{out}");
            let document: Option<Value> = serde_json::from_str(&out).ok();
            let asking = document.is_some_and(|document| document["stream_options"]["include_usage"] == true);
            assert_eq!(asking, asks || body.contains("\"include_usage\":true"), "{out}");
        }
    }
}
