use super::*;

fn events(pieces: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new();
    let mut events = Vec::new();
    let last = pieces.len().saturating_sub(1);
    for (position, piece) in pieces.iter().enumerate() {
        let changed = framer.feed(piece, position == last, |data| {
            events.push(String::from_utf8(data.to_vec()).unwrap());
            Verdict::Keep
        });
        assert_eq!(changed, None, "a reader that may leave nothing out changes nothing");
    }
    events
}

/// Whole, byte by byte and cut at every offset: the same events.
fn check(stream: &str, expected: &[&str]) {
    let bytes = stream.as_bytes();
    assert_eq!(events(&[bytes]), expected, "{stream:?}");
    assert_eq!(events(&bytes.chunks(1).collect::<Vec<_>>()), expected, "byte by byte: {stream:?}");
    for cut in 0..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(events(&[head, tail]), expected, "cut at {cut}: {stream:?}");
    }
}

#[test]
fn every_line_end_and_every_cut_gives_the_same_events() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = [
            "data: {\"a\":1}",
            "",
            ": comment",
            "",
            "event: x",
            "id: 7",
            "data:b\u{e9}\u{1f600}",
            "",
            "data: [DONE]",
            "",
            "",
        ]
        .join(end);
        check(&stream, &["{\"a\":1}", "b\u{e9}\u{1f600}", "[DONE]"]);
    }
}

#[test]
fn data_lines_of_one_event_are_joined() {
    check("data: a\ndata: b\ndata: c\n\ndata: d\n\n", &["a\nb\nc", "d"]);
}

#[test]
fn a_byte_order_mark_is_skipped_and_a_missing_last_blank_line_forgiven() {
    check("\u{feff}data: a\n\ndata: b", &["a", "b"]);
}

#[test]
fn an_event_past_the_bound_is_skipped_and_the_next_one_read() {
    let mut framer = Framer::new();
    let mut seen = Vec::new();
    let huge = format!("data: {}", "x".repeat(300_000));
    for piece in [huge.as_bytes(), huge.as_bytes(), huge.as_bytes(), huge.as_bytes(), b"\n", b"\ndata: b\n\n"]
    {
        framer.feed(piece, false, |data| {
            seen.push(data.len());
            Verdict::Keep
        });
        assert!(framer.pending.len() <= EVENT_BYTES_MAX);
    }
    assert_eq!((seen, framer.oversized()), (vec![1], 1));
}

fn starts_like_usage(event: &[u8]) -> bool {
    !event.windows(2).any(|pair| pair == b"[{")
}

fn stripped(pieces: &[&[u8]]) -> String {
    let mut framer = Framer::leaving_out(starts_like_usage);
    let mut out = Vec::new();
    let last = pieces.len().saturating_sub(1);
    for (position, piece) in pieces.iter().enumerate() {
        let verdict = |data: &[u8]| {
            if data == b"{\"choices\":[],\"usage\":{}}" { Verdict::Drop } else { Verdict::Keep }
        };
        out.extend(framer.feed(piece, position == last, verdict).unwrap_or_else(|| piece.to_vec()));
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn an_event_left_out_leaves_the_rest_untouched_at_any_cut() {
    let (before, usage, after) = (
        "data: {\"choices\":[{\"a\":\"\u{e9}\"}]}\n\n: ping\n\n",
        "data: {\"choices\":[],\"usage\":{}}\n\n",
        "data: {\"choices\":[]}\n\ndata: [DONE]\n\n",
    );
    let stream = [before, usage, after].concat();
    let expected = [before, after].concat();
    let bytes = stream.as_bytes();
    assert_eq!(stripped(&[bytes]), expected);
    assert_eq!(stripped(&bytes.chunks(1).collect::<Vec<_>>()), expected);
    for cut in 0..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(stripped(&[head, tail]), expected, "cut at {cut}");
    }
}

#[test]
fn a_piece_that_needs_no_change_is_not_copied() {
    let mut framer = Framer::leaving_out(starts_like_usage);
    assert_eq!(framer.feed(b"data: {\"choices\":[{}]}\n\n", false, |_| Verdict::Keep), None);
    assert_eq!(framer.feed(b"data: {\"choices\":[{", false, |_| Verdict::Keep), None);
    assert_eq!(framer.feed(b"}]}\n\n", false, |_| Verdict::Keep), None);
}
