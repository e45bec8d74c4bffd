//! The framers: events do not depend on how the bytes are cut, and are those that a plain reading of the whole gives.

use super::input::Input;
use filter::{
    event_stream,
    frame::{EVENT_HELD_MAX, Event, Verdict},
    json_array, ndjson, sse,
};
use serde_json::value::RawValue;

/// What a framer gave, with the pieces of a long event put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Whole(Vec<u8>),
    Long(Vec<u8>),
    /// A long event that did not end.
    Cut(Vec<u8>),
    Failed(String),
}

impl Seen {
    fn data(&self) -> &[u8] {
        match self {
            Self::Whole(data) | Self::Long(data) | Self::Cut(data) => data,
            Self::Failed(kind) => kind.as_bytes(),
        }
    }
}

#[derive(Default)]
pub struct Collector(pub Vec<Seen>);

impl Collector {
    pub fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Whole(data) => {
                assert!(data.len() <= EVENT_HELD_MAX && !data.is_empty());
                self.0.push(Seen::Whole(data.to_vec()));
            }
            Event::Piece(data) => match self.0.last_mut() {
                Some(Seen::Cut(long)) => long.extend_from_slice(data),
                _ => self.0.push(Seen::Cut(data.to_vec())),
            },
            Event::PieceEnd => {
                let Some(Seen::Cut(long)) = self.0.pop() else { panic!("an end without a piece") };
                self.0.push(Seen::Long(long));
            }
            Event::Failed(kind) => self.0.push(Seen::Failed(kind.to_owned())),
        }
    }

    fn keep(&mut self) -> impl FnMut(Event<'_>) -> Verdict {
        |event| {
            self.take(event);
            Verdict::Keep
        }
    }
}

fn data(seen: &[Seen]) -> Vec<&[u8]> {
    seen.iter().map(Seen::data).filter(|data| !data.is_empty()).collect()
}

/// A rule of dropping that a fuzzer meets soon, and the doubt that belongs to it: an event that begins otherwise, its
/// field name included, goes on.
fn is_dropped(event: &[u8]) -> bool {
    event.starts_with(b"drop")
}

fn may_be_dropped(event: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"data:drop";
    event.starts_with(BEGINNING) || BEGINNING.starts_with(event)
}

pub fn sse(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let body = &*input.body;
    let seen = input.same_however_cut(body, |pieces| {
        let (mut framer, mut seen) = (sse::Framer::new(), Collector::default());
        for piece in pieces {
            assert_eq!(framer.feed(piece, false, &mut seen.keep()), None, "nothing is changed");
        }
        assert_eq!(framer.feed(&[], true, &mut seen.keep()), None);
        seen.0
    });
    let events = sse_events(body);
    let expected: Vec<Vec<u8>> = events.iter().map(|event| sse_data(event)).collect();
    assert_eq!(self::data(&seen), expected.iter().filter(|data| !data.is_empty()).collect::<Vec<_>>());
    input.same_however_cut(body, |pieces| {
        let (mut framer, mut out, mut seen) =
            (sse::Framer::leaving_out(may_be_dropped), Vec::new(), Collector::default());
        let (mut came, mut dropped_bytes) = (0, 0);
        let ends = std::iter::repeat_n(false, pieces.len()).chain([true]);
        for (piece, end) in pieces.iter().copied().chain([&[][..]]).zip(ends) {
            came += piece.len();
            let passed = framer.feed(piece, end, &mut |event: Event<'_>| {
                seen.take(event);
                match event {
                    Event::Whole(data) if is_dropped(data) => {
                        dropped_bytes += EVENT_HELD_MAX + 2;
                        Verdict::Drop
                    }
                    _ => Verdict::Keep,
                }
            });
            out.extend_from_slice(passed.as_deref().unwrap_or(piece));
            assert!(
                out.len() + dropped_bytes + EVENT_HELD_MAX + 2 >= came,
                "more is held back than an event"
            );
        }
        is_what_remains(&out, &events, |event| {
            is_dropped(&sse_data(event)) && event.len() <= EVENT_HELD_MAX + 2
        });
        (out, seen.0)
    });
}

/// Whether these bytes are the events without some of those that may be left out.
pub fn is_what_remains(out: &[u8], events: &[&[u8]], may_go: impl Fn(&[u8]) -> bool) {
    let mut rest = out;
    for event in events {
        match rest.strip_prefix(*event) {
            Some(after) => rest = after,
            None => assert!(may_go(event), "left out or changed: {:?}", String::from_utf8_lossy(event)),
        }
    }
    assert!(rest.is_empty(), "bytes that nobody sent: {:?}", String::from_utf8_lossy(rest));
}

/// The bytes of each event, with its blank line.
pub fn sse_events(body: &[u8]) -> Vec<&[u8]> {
    let (mut events, mut start, mut at) = (Vec::new(), 0, 0);
    let mark = body.iter().zip(b"\xef\xbb\xbf").take_while(|(byte, mark)| byte == mark).count();
    if mark > 0 {
        events.push(&body[..mark]);
        (start, at) = (mark, mark);
    }
    while at < body.len() {
        let length = body[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(length) = length else { break };
        at += length + 1;
        if body[at - 1] == b'\r' && body.get(at) == Some(&b'\n') {
            at += 1;
        }
        if length == 0 {
            events.push(&body[start..at]);
            start = at;
        }
    }
    events.push(&body[start..]);
    events
}

/// Its data lines, joined.
pub fn sse_data(event: &[u8]) -> Vec<u8> {
    // A CRLF makes an empty line more, which is no data.
    let lines = event.split(|byte| matches!(byte, b'\n' | b'\r'));
    let values = lines.filter_map(|line| line.strip_prefix(b"data:"));
    values.map(|value| value.strip_prefix(b" ").unwrap_or(value)).collect::<Vec<_>>().join(&b'\n')
}

pub fn ndjson(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let seen = input.same_however_cut(&input.body, |pieces| {
        let (mut framer, mut seen) = (ndjson::Framer::new(), Collector::default());
        for piece in pieces {
            framer.feed(piece, false, &mut seen.keep());
        }
        framer.feed(&[], true, &mut seen.keep());
        seen.0
    });
    let lines = input.body.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    assert_eq!(self::data(&seen), lines.filter(|line| !line.is_empty()).collect::<Vec<_>>());
}

pub fn json_array(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let seen = input.same_however_cut(&input.body, |pieces| {
        let (mut framer, mut seen) = (json_array::Framer::new(), Collector::default());
        for piece in pieces {
            framer.feed(piece, &mut seen.keep());
        }
        (seen.0, framer.over())
    });
    if let Ok(elements) = serde_json::from_slice::<Vec<&RawValue>>(&input.body) {
        let elements: Vec<&[u8]> = elements.iter().map(|element| element.get().as_bytes()).collect();
        assert_eq!((self::data(&seen.0), seen.1), (elements, true));
    } else if let Ok(document) = serde_json::from_slice::<&RawValue>(&input.body)
        && document.get().starts_with('{')
    {
        assert_eq!((self::data(&seen.0), seen.1), (vec![document.get().as_bytes()], true));
    }
}

pub fn event_stream(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let mut body = input.body.to_vec();
    if input.flag(0, 0) {
        mend_frames(&mut body);
    }
    input.same_however_cut(&body, |pieces| {
        let (mut framer, mut seen) = (event_stream::Framer::new(), Collector::default());
        for piece in pieces {
            framer.feed(piece, &mut seen.keep());
        }
        (seen.0, framer.broken())
    });
}

/// Puts in the checksums, which nobody guesses.
pub fn mend_frames(body: &mut [u8]) {
    let mut rest = body;
    while rest.len() >= 16 {
        let total = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]);
        let Ok(total) = usize::try_from(total) else { return };
        if !(16..=rest.len()).contains(&total) {
            return;
        }
        let (frame, after) = rest.split_at_mut(total);
        let sum = crc32fast::hash(&frame[..8]);
        frame[8..12].copy_from_slice(&sum.to_be_bytes());
        let sum = crc32fast::hash(&frame[..total - 4]);
        frame[total - 4..].copy_from_slice(&sum.to_be_bytes());
        rest = after;
    }
}
