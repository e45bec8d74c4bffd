use super::*;
use crate::want::{large, text, value};

const WANTS: &[Want] = &[
    value("model"),
    value("stream"),
    value("stream_options"),
    value("max_tokens"),
    large("usage", 64),
    large("choices[].finish_reason", 32),
];

fn scan(pieces: &[&[u8]]) -> Vec<(&'static str, String)> {
    let mut scanner = Scanner::new(WANTS);
    pieces.iter().for_each(|piece| scanner.feed(piece, |_, _| {}));
    scanner
        .found()
        .iter()
        .map(|found| (found.path, String::from_utf8_lossy(&found.value).into_owned()))
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
        &[("choices[].finish_reason", r#""stop""#), ("choices[].finish_reason", "null")],
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
        scanner.feed(text.as_bytes(), |_, _| {});
        assert!(scanner.found().len() <= 1, "{text}");
    }
    let mut scanner = Scanner::new(WANTS);
    scanner.feed("[".repeat(100_000).as_bytes(), |_, _| {});
    assert!(!scanner.ended());
}

#[test]
fn the_position_of_a_value_is_its_place_in_the_document() {
    let document = r#"{"a":1, "stream_options" : {"b":2} }"#;
    let mut scanner = Scanner::new(WANTS);
    document.as_bytes().chunks(3).for_each(|piece| scanner.feed(piece, |_, _| {}));
    let found = scanner.last("stream_options").unwrap();
    let range = usize::try_from(found.start).unwrap()..usize::try_from(found.end).unwrap();
    assert_eq!(document.get(range), Some(r#"{"b":2}"#));
    assert!(scanner.ended());
}

#[test]
fn the_last_of_a_repeated_key_counts() {
    let mut scanner = Scanner::new(WANTS);
    scanner.feed(br#"{"model":"a","model":"b"}"#, |_, _| {});
    assert_eq!(scanner.text("model").as_deref(), Some("b"));
}

#[test]
fn texts_go_past_unkept_and_at_any_cut() {
    const TEXTS: &[Want] = &[text("choices[].*.content", TextKind::Content), value("model")];
    let document = br#"{"choices":[{"delta":{"content":"a\"b\u00e9","role":"x"}},{"delta":{"content":null}}],"model":"m"}"#;
    for cut in 0..document.len() {
        let mut scanner = Scanner::new(TEXTS);
        let mut seen = Vec::new();
        let (head, tail) = document.split_at(cut);
        for piece in [head, tail] {
            scanner.feed(piece, |_, text| seen.extend_from_slice(text));
        }
        assert_eq!(seen, br#"a\"b\u00e9"#, "cut at {cut}");
        assert_eq!(scanner.found().len(), 1);
    }
}

#[test]
fn media_in_base64_is_told_from_text() {
    let (image, prose) = ("QUJD".repeat(1_000), "A long text of many words. ".repeat(100));
    let document =
        format!(r#"{{"a":[{{"url":"data:image/png;base64,{image}"}},{{"text":"{prose}"}}],"id":"QUJD"}}"#);
    for size in [1, 7, 4_096, 100_000] {
        let mut scanner = Scanner::new(WANTS);
        document.as_bytes().chunks(size).for_each(|piece| scanner.feed(piece, |_, _| {}));
        assert_eq!((scanner.media().parts, scanner.media().bytes), (1, 4_022), "in pieces of {size}");
    }
}

#[test]
fn a_key_written_with_escapes_is_the_same_key() {
    check(
        r#"{"mod\u0065l":"m","\u0073tream\u005foptions":{"a":1},"mod\\u0065l":1,"model\"":2}"#,
        &[("model", r#""m""#), ("stream_options", r#"{"a":1}"#)],
    );
}

#[test]
fn of_what_only_counts_the_strings_of_an_object_are_handed_on() {
    const ARGUMENTS: &[Want] =
        &[text("call.args", TextKind::Counted), text("say", TextKind::Content), value("end")];
    let document =
        br#"{"call":{"args":{"a":"one","b":["two",{"say":"three"}],"c":4}},"say":{"x":"no"},"end":"e"}"#;
    for cut in 0..document.len() {
        let (mut scanner, mut seen) = (Scanner::new(ARGUMENTS), Vec::new());
        let (head, tail) = document.split_at(cut);
        for piece in [head, tail] {
            scanner.feed(piece, |_, text| seen.extend_from_slice(text));
        }
        assert_eq!(String::from_utf8_lossy(&seen), "onetwothree", "cut at {cut}");
        assert_eq!(scanner.found().len(), 1);
    }
}
