use super::*;
use crate::frame::Event;
use crate::frame::{
    EVENT_HELD_MAX,
    tests::{Collector, Seen, check, whole},
};

fn lines(pieces: &[&[u8]]) -> Vec<Seen> {
    let (mut framer, mut seen) = (Framer::new(), Collector::default());
    for piece in pieces {
        framer.feed(piece, false, &mut |event: Event<'_>| seen.take(event));
    }
    framer.feed(b"", true, &mut |event: Event<'_>| seen.take(event));
    seen.0
}

#[test]
fn lines_end_at_lf_or_crlf_and_empty_ones_are_none() {
    for end in ["\n", "\r\n"] {
        let stream = ["{\"a\":\"\u{e9}\"}", "", "{\"b\":\r1}", "", ""].join(end);
        check(stream.as_bytes(), lines, &vec![whole("{\"a\":\"\u{e9}\"}"), whole("{\"b\":\r1}")]);
    }
}

#[test]
fn a_last_line_without_its_end_counts() {
    check(b"{}\n{\"done\":true}", lines, &vec![whole("{}"), whole("{\"done\":true}")]);
    check(b"{}\r\n{\"done\":true}\r", lines, &vec![whole("{}"), whole("{\"done\":true}")]);
    check(b"", lines, &vec![]);
}

#[test]
fn a_long_line_comes_in_pieces() {
    let long = "x".repeat(EVENT_HELD_MAX - 1);
    let stream = format!("{long}y\r\n{long}yz\r\n{{}}\n");
    let expected = vec![whole(format!("{long}y")), Seen::Long(format!("{long}yz").into()), whole("{}")];
    check(stream.as_bytes(), lines, &expected);
}
