use super::*;
use crate::frame::Event;
use crate::frame::tests::{Collector, Seen, check, whole};

fn string(name: &str, value: &str) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), &[7], &length, value.as_bytes()].concat()
}

fn with_sum(bytes: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&bytes).to_be_bytes();
    [bytes, sum.to_vec()].concat()
}

fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let word = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    let prelude = with_sum([word(headers.len() + payload.len() + 16), word(headers.len())].concat());
    with_sum([&prelude, headers, payload].concat())
}

fn event(payload: &[u8]) -> Vec<u8> {
    frame(&[string(":message-type", "event"), string(":event-type", "chunk")].concat(), payload)
}

/// What was seen, and whether the framer gave up.
fn read(pieces: &[&[u8]]) -> (Vec<Seen>, bool) {
    let (mut framer, mut seen) = (Framer::new(), Collector::default());
    for piece in pieces {
        framer.feed(piece, &mut |event: Event<'_>| seen.take(event));
    }
    (seen.0, framer.broken())
}

#[test]
fn payloads_are_events_and_exceptions_failures() {
    let throttled = [string(":exception-type", "throttlingException"), string(":message-type", "exception")];
    let internal = [
        string(":message-type", "error"),
        string(":error-code", "InternalError"),
        string(":error-message", "\u{e9}"),
    ];
    let stream = [
        event(b"{\"a\":1}"),
        event(b""),
        frame(b"", b"no headers"),
        frame(b"", b""),
        frame(&throttled.concat(), b"{\"message\":\"slow down\"}"),
        frame(&internal.concat(), b""),
        frame(&string(":message-type", "exception"), b"{}"),
        event(b"{\"b\":2}"),
    ];
    let expected = vec![
        whole("{\"a\":1}"),
        whole("no headers"),
        Seen::Failed("throttlingException".into()),
        Seen::Failed("InternalError".into()),
        Seen::Failed("exception".into()),
        whole("{\"b\":2}"),
    ];
    check(&stream.concat(), read, &(expected, false));
}

#[test]
fn a_frame_made_elsewhere_is_read() {
    // Made with python3's struct and zlib.
    let frame = b"\x00\x00\x00\x3d\x00\x00\x00\x20\x07\xfd\x83\x96\x0ccontent-type\x07\x00\x10application/json{'foo':'bar'}\x8d\x9c\x08\xb1";
    check(frame, read, &(vec![whole("{'foo':'bar'}")], false));
}

#[test]
fn headers_of_every_type_are_stepped_over() {
    let values: [&[u8]; 10] = [
        &[0],
        &[1],
        &[2, 7],
        &[3, 7, 7],
        &[4, 7, 7, 7, 7],
        &[5, 7, 7, 7, 7, 7, 7, 7, 7],
        &[6, 0, 3, 7, 7, 7],
        &[7, 0, 2, b'x', b'y'],
        &[8, 7, 7, 7, 7, 7, 7, 7, 7],
        &[9, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
    ];
    let named = values.iter().flat_map(|value| [&[2, b':', b'h'][..], value]).collect::<Vec<_>>().concat();
    let headers =
        [named, string(":message-type", "exception"), string(":exception-type", "validationException")];
    let expected = vec![Seen::Failed("validationException".into())];
    check(&frame(&headers.concat(), b"{}"), read, &(expected, false));
}

#[test]
fn malformed_headers_break_the_stream() {
    for headers in
        [&b"\x01"[..], b"\x01a", b"\x01a\x0a", b"\x01a\x07\x00\x05abc", b"\xffabc", b"\x01a\x05\x00"]
    {
        check(&[event(b"a"), frame(headers, b"b"), event(b"c")].concat(), read, &(vec![whole("a")], true));
    }
}

#[test]
fn absurd_lengths_break_the_stream() {
    for (total, headers) in [
        (0, 0_u32),
        (15, 0),
        (16, 1),
        (16 * 1024 * 1024 + 1, 0),
        (u32::MAX, u32::MAX),
        (1024 * 1024, 128 * 1024 + 1),
        (100, u32::MAX),
    ] {
        let prelude = with_sum([total.to_be_bytes(), headers.to_be_bytes()].concat());
        check(&[event(b"a"), prelude, event(b"c")].concat(), read, &(vec![whole("a")], true));
    }
}

#[test]
fn a_wrong_checksum_gives_nothing_more() {
    let (good, bad) = (event(b"{\"a\":1}"), event(b"{\"b\":2}"));
    for at in 0..bad.len() {
        let mut bad = bad.clone();
        bad[at] ^= 0x10;
        let stream = [&*good, &bad, &good].concat();
        assert_eq!(read(&[&stream]), (vec![whole("{\"a\":1}")], true), "byte {at}");
    }
}

#[test]
fn a_long_frame_comes_in_pieces_and_ends_only_if_its_checksum_is_right() {
    let long = vec![b'x'; EVENT_HELD_MAX + 1];
    let held = vec![b'y'; EVENT_HELD_MAX];
    let mut stream = [event(&held), event(&long), event(b"z")].concat();
    let expected = vec![whole(&held), Seen::Long(long.clone()), whole("z")];
    check(&stream, read, &(expected, false));
    let inside = event(&held).len() + event(&long).len() - 10;
    stream[inside] = b'?';
    let (seen, broken) = read(&[&stream]);
    assert!(broken && seen.len() == 2 && matches!(&seen[1], Seen::Cut(bytes) if bytes.len() == long.len()));

    let exception = frame(&string(":message-type", "exception"), &long);
    check(&exception, read, &(vec![Seen::Failed("exception".into())], false));
}

#[test]
fn memory_stays_within_the_bound() {
    let mut framer = Framer::new();
    let stream = [event(&vec![b'x'; 3 * EVENT_HELD_MAX]), event(&vec![b'y'; EVENT_HELD_MAX])].concat();
    for piece in stream.chunks(1000) {
        framer.feed(piece, &mut |_: Event<'_>| Verdict::Keep);
        assert!(framer.held.len() <= EVENT_HELD_MAX + SUM_BYTES);
    }
}
