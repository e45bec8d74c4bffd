use super::*;
use crate::frame::tests::{Collector, Seen, check as check_every_cut, whole};

fn events(pieces: &[&[u8]]) -> Vec<Seen> {
    let mut framer = Framer::new();
    let mut seen = Collector::default();
    let last = pieces.len().saturating_sub(1);
    for (position, piece) in pieces.iter().enumerate() {
        let changed = framer.feed(piece, position == last, &mut |event: Event<'_>| seen.take(event));
        assert_eq!(changed, None, "a reader that may leave nothing out changes nothing");
    }
    seen.0
}

fn check(stream: &str, expected: &[&str]) {
    check_every_cut(stream.as_bytes(), events, &expected.iter().map(whole).collect());
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
fn line_ends_may_be_mixed() {
    check("data: a\r\n\rdata: b\n\r\ndata: c\r\rdata: d\r\n\ndata: e\n\r", &["a", "b", "c", "d", "e"]);
}

#[test]
fn data_lines_of_one_event_are_joined() {
    check("data: a\ndata: b\nid: 1\ndata: c\n\ndata: d\n\n", &["a\nb\nc", "d"]);
    check("data: a\nevent: x\n\ndata:\ndata\ndata:\n\n", &["a", "\n"]);
}

#[test]
fn an_event_without_data_is_none() {
    check("\n\n\r\n\r\rdata:\n\ndata: \n\n: ping\n\nevent: x\n\ndata: a\n\n", &["a"]);
}

#[test]
fn a_byte_order_mark_is_skipped_and_a_missing_last_blank_line_forgiven() {
    check("\u{feff}data: a\n\ndata: b", &["a", "b"]);
    check("\u{feff}", &[]);
    check("data: a\r\n\r\ndata: b\r", &["a", "b"]);
}

#[test]
fn a_long_event_comes_in_pieces_of_its_data() {
    let long = "x".repeat(EVENT_HELD_MAX);
    for end in ["\n", "\r\n", "\r"] {
        let stream = [
            "\u{feff}data: a",
            "",
            "event: e",
            &format!("data: {long}"),
            "id: 1",
            "data:b",
            "data:",
            "",
            &format!(": {long}"),
            "",
            &format!("data:{long}"),
            &format!("data:{long}"),
            "",
            "data: c",
            "",
            "",
        ]
        .join(end);
        let expected = vec![
            whole("a"),
            Seen::Long(format!("{long}\nb\n").into()),
            Seen::Long(format!("{long}\n{long}").into()),
            whole("c"),
        ];
        check_every_cut(stream.as_bytes(), events, &expected);
        // The stream's end ends a long event too.
        let stream = format!("data: {long}{end}data: b");
        check_every_cut(stream.as_bytes(), events, &vec![Seen::Long(format!("{long}\nb").into())]);
    }
}

#[test]
fn an_event_is_whole_up_to_the_bound_at_every_cut() {
    for end in ["\n", "\r\n", "\r"] {
        let longest = "x".repeat(EVENT_HELD_MAX - "data:".len() - end.len());
        let stream = format!("data:{longest}{end}{end}data:{longest}y{end}{end}");
        let expected = vec![whole(&longest), Seen::Long(format!("{longest}y").into())];
        for cut in (0..stream.len()).filter(|cut| (cut + 100) % EVENT_HELD_MAX < 200) {
            let (head, tail) = stream.as_bytes().split_at(cut);
            assert_eq!(events(&[head, tail]), expected, "cut at {cut}");
        }
        assert_eq!(events(&[stream.as_bytes()]), expected);
    }
}

#[test]
fn fifty_megabytes_are_read_in_bounded_memory() {
    let (mut framer, mut bytes, mut ends) = (Framer::new(), 0, 0);
    let mut read = |event: Event<'_>| {
        match event {
            Event::Piece(data) => bytes += data.len(),
            _ => ends += 1,
        }
        Verdict::Keep
    };
    let piece = vec![b'x'; 50_000];
    framer.feed(b"data: ", false, &mut read);
    for _ in 0..1_000 {
        framer.feed(&piece, false, &mut read);
        assert!(framer.held.capacity() <= 2 * EVENT_HELD_MAX && framer.joined.is_empty());
    }
    framer.feed(b"\n\ndata: b\n\n", false, &mut read);
    assert_eq!((bytes, ends), (50_000_000, 2));
}

fn starts_like_usage(event: &[u8]) -> bool {
    !event.windows(2).any(|pair| pair == b"[{")
}

fn stripped(pieces: &[&[u8]]) -> String {
    let mut framer = Framer::leaving_out(starts_like_usage);
    let mut out = Vec::new();
    let last = pieces.len().saturating_sub(1);
    for (position, piece) in pieces.iter().enumerate() {
        let mut verdict = |event: Event<'_>| match event {
            Event::Whole(b"{\"choices\":[],\"usage\":{}}") => Verdict::Drop,
            Event::Piece(_) | Event::PieceEnd => Verdict::Drop,
            _ => Verdict::Keep,
        };
        out.extend(framer.feed(piece, position == last, &mut verdict).unwrap_or_else(|| piece.to_vec()));
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn an_event_left_out_leaves_the_rest_untouched_at_any_cut() {
    for end in ["\n", "\r\n", "\r"] {
        let (before, usage, after) = (
            "\u{feff}data: {\"choices\":[{\"a\":\"\u{e9}\"}]}\n\n: ping\n\n",
            "event: x\ndata: {\"choices\":[],\"usage\":{}}\n\n",
            "data: {\"choices\":[]}\n\n\ndata: [DONE]\n\n",
        );
        let stream = [before, usage, after, usage].concat().replace('\n', end);
        let expected = [before, after].concat().replace('\n', end);
        check_every_cut(stream.as_bytes(), stripped, &expected);
        // An event that the stream's end cuts is left out as well.
        let cut = stream.trim_end_matches(['\r', '\n']);
        check_every_cut(cut.as_bytes(), stripped, &expected);
        let first = [usage, after].concat().replace('\n', end);
        check_every_cut(first.as_bytes(), stripped, &after.replace('\n', end));
    }
}

#[test]
fn a_long_event_goes_on_even_while_it_is_undecided() {
    let long = "x".repeat(EVENT_HELD_MAX);
    let stream =
        format!("data: {{}}\n\ndata: {long}\n\ndata: {{\"choices\":[],\"usage\":{{}}}}\n\n: end\n\n");
    let expected = format!("data: {{}}\n\ndata: {long}\n\n: end\n\n");
    assert_eq!(stripped(&[stream.as_bytes()]), expected);
    for size in [1_000, 40_000] {
        assert_eq!(stripped(&stream.as_bytes().chunks(size).collect::<Vec<_>>()), expected);
    }
    for cut in (0..stream.len()).step_by(501) {
        let (head, tail) = stream.as_bytes().split_at(cut);
        assert_eq!(stripped(&[head, tail]), expected, "cut at {cut}");
    }
}

#[test]
fn a_piece_that_needs_no_change_is_not_copied() {
    let mut framer = Framer::leaving_out(starts_like_usage);
    let mut keep = |_: Event<'_>| Verdict::Keep;
    assert_eq!(framer.feed(b"data: {\"choices\":[{}]}\n\n", false, &mut keep), None);
    assert_eq!(framer.feed(b"data: {\"choices\":[{", false, &mut keep), None);
    assert_eq!(framer.feed(b"}]}\n\n: ping\n\n", false, &mut keep), None);
    assert!(framer.held.is_empty());
}

#[test]
fn an_event_whole_in_its_piece_is_given_where_it_lies() {
    let mut framer = Framer::new();
    let piece = b"data: a\n\nevent: x\ndata: b\n\n";
    framer.feed(piece, false, &mut |event: Event<'_>| {
        let Event::Whole(data) = event else { panic!("{event:?}") };
        assert!(piece.as_ptr_range().contains(&data.as_ptr()));
        Verdict::Keep
    });
}
