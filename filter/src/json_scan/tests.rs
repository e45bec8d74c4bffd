use super::*;

const WANTS: &[Want] = &[
    top_level("model"),
    top_level("stream"),
    top_level("stream_options"),
    top_level("max_tokens"),
    Want { top: "usage", depth: 1, key: "usage", bytes_max: 64 },
    Want { top: "choices", depth: 3, key: "finish_reason", bytes_max: 32 },
];

fn scan(pieces: &[&[u8]]) -> Vec<(&'static str, String)> {
    let mut scanner = Scanner::new(WANTS);
    pieces.iter().for_each(|piece| scanner.feed(piece));
    scanner
        .found()
        .iter()
        .map(|found| (found.key, String::from_utf8_lossy(&found.value).into_owned()))
        .collect()
}

/// Whole, byte by byte and cut at every offset: the same.
fn check(document: &str, expected: &[(&'static str, &str)]) {
    let bytes = document.as_bytes();
    let expected: Vec<_> = expected.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    assert_eq!(scan(&[bytes]), expected, "{document}");
    assert_eq!(scan(&bytes.chunks(1).collect::<Vec<_>>()), expected, "byte by byte: {document}");
    for cut in 0..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(scan(&[head, tail]), expected, "cut at {cut}: {document}");
    }
}

#[test]
fn wanted_values_are_found_in_any_order_and_any_kind() {
    check(
        r#" { "stream" : true, "messages":[{"model":"not this","content":"{\"model\":\"nor this\"}"}], "max_tokens":12 ,"model":"gp\"t\u00e9" } "#,
        &[("stream", "true"), ("max_tokens", "12"), ("model", r#""gp\"t\u00e9""#)],
    );
    check(
        r#"{"stream_options":{"include_usage":false,"x":[1,{"a":"}"}]},"stream":null}"#,
        &[("stream_options", r#"{"include_usage":false,"x":[1,{"a":"}"}]}"#), ("stream", "null")],
    );
}

#[test]
fn nested_values_are_found_below_their_top_key_only() {
    check(
        r#"{"choices":[{"index":0,"finish_reason":"stop"},{"finish_reason":null}],"other":[{"finish_reason":"x"}]}"#,
        &[("finish_reason", r#""stop""#), ("finish_reason", "null")],
    );
}

#[test]
fn a_value_past_its_bound_is_not_kept() {
    let long = "x".repeat(100);
    check(&format!(r#"{{"usage":"{long}","model":"m"}}"#), &[("model", r#""m""#)]);
}

#[test]
fn what_is_no_json_gives_nothing_and_no_panic() {
    for text in [
        "",
        "<html>model</html>",
        "\"model\"",
        "[1,2",
        "}}}}",
        "{\"model\"",
        "{\"model\":",
        "\u{0}\u{1}",
        "{{{{",
        "{\"a\":]\"model\":1}",
    ] {
        let mut scanner = Scanner::new(WANTS);
        scanner.feed(text.as_bytes());
        assert!(scanner.found().len() <= 1, "{text}");
    }
    let mut scanner = Scanner::new(WANTS);
    scanner.feed("[".repeat(100_000).as_bytes());
    assert!(!scanner.ended());
}

#[test]
fn the_position_of_a_value_is_its_place_in_the_document() {
    let document = r#"{"a":1, "stream_options" : {"b":2} }"#;
    let mut scanner = Scanner::new(WANTS);
    document.as_bytes().chunks(3).for_each(|piece| scanner.feed(piece));
    let found = scanner.last("stream_options").unwrap();
    let range = usize::try_from(found.start).unwrap()..usize::try_from(found.end).unwrap();
    assert_eq!(document.get(range), Some(r#"{"b":2}"#));
    assert!(scanner.ended());
}

#[test]
fn the_last_of_a_repeated_key_counts() {
    let mut scanner = Scanner::new(WANTS);
    scanner.feed(br#"{"model":"a","model":"b"}"#);
    assert_eq!(scanner.text("model").as_deref(), Some("b"));
}
