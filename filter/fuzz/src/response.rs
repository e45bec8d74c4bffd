//! The reader of answers, of every dialect, framing and encoding: what it tells does not depend on how the bytes come,
//! and the client gets all of them but the usage it did not ask for.

use super::{
    coding::{ENCODINGS, in_gzip},
    framing::{is_what_remains, mend_frames, sse_data, sse_events},
    input::Input,
    json_tree::Members,
};
use filter::{
    dialect::Dialect,
    encoding::Decoder,
    frame::EVENT_HELD_MAX,
    head::Headers,
    response::{Expected, ResponseFacts, ResponseReader},
};
use miniz_oxide::deflate::compress_to_vec_zlib;
use serde_json::value::RawValue;

const CONTENT_TYPES: [&str; 8] = [
    "text/event-stream; charset=utf-8",
    "application/json",
    "",
    "application/vnd.amazon.eventstream",
    "application/x-ndjson",
    "text/plain",
    "text/html",
    "text/event-stream",
];

/// What is expected of an answer, as an input chooses.
pub fn expected(input: &Input<'_>) -> Expected {
    let dialect = input.choose(0, &Dialect::ALL);
    let takes_usage_option = matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiCompletions);
    Expected {
        dialect,
        stream: input.flag(2, 0),
        json: input.flag(2, 1),
        several: input.flag(2, 2),
        usage_injected: input.flag(2, 3) && takes_usage_option,
    }
}

pub fn response(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let mut body = input.body.to_vec();
    if input.flag(2, 5) {
        mend_frames(&mut body);
    }
    let answer = Answer {
        expected: expected(&input),
        status: if input.flag(2, 4) { "429" } else { "200" },
        content_type: CONTENT_TYPES[usize::from(input.choices[1] & 7)],
        ends: input.flag(2, 6),
        encoding: None,
    };
    let plain = input.same_however_cut(&body, |pieces| answer.read(pieces));
    let events = sse_events(&body);
    if answer.ends {
        is_what_remains(&plain.1, &events, |event| answer.expected.usage_injected && is_usage_only(event));
    }
    let packed = match input.choices[1] >> 3 & 7 {
        1 => Some(("gzip", in_gzip(&body))),
        2 => Some(("deflate", compress_to_vec_zlib(&body, 6))),
        _ => None,
    };
    if let Some((encoding, packed)) = packed {
        let answer = Answer { encoding: Some(encoding), ..answer };
        let (facts, out) = input.same_however_cut(&packed, |pieces| answer.read(pieces));
        assert_eq!(out, packed, "what is encoded goes on as it came");
        assert_eq!(facts, plain.0, "packed");
    }
    let named = usize::from(input.choices[1] >> 3 & 7).checked_sub(4).and_then(|name| ENCODINGS.get(name));
    if let Some(encoding) = named {
        let answer = Answer { encoding: Some(encoding), ..answer };
        let mut decoder = Decoder::of(encoding).expect("it is known");
        decoder.feed(&body, &mut |_| {});
        input.same_however_cut(&body, |pieces| {
            let (facts, out) = answer.read(pieces);
            // What came out before it broke depends on how much went in at once.
            (if decoder.broken() { ResponseFacts::default() } else { facts }, out)
        });
    }
}

#[derive(Clone, Copy)]
struct Answer {
    expected: Expected,
    status: &'static str,
    content_type: &'static str,
    /// Whether the body's end is told.
    ends: bool,
    encoding: Option<&'static str>,
}

impl Answer {
    fn read(&self, pieces: &[&[u8]]) -> (ResponseFacts, Vec<u8>) {
        let mut pairs: Vec<(&[u8], &[u8])> =
            vec![(b":status", self.status.as_bytes()), (b"content-type", self.content_type.as_bytes())];
        pairs.extend(self.encoding.map(|encoding| (b"content-encoding".as_slice(), encoding.as_bytes())));
        let mut reader = ResponseReader::new(self.expected, &Headers::new(&pairs));
        let (may_shorten, mut out) = (reader.may_shorten(), Vec::new());
        let end = self.ends.then_some((&[][..], true));
        for (piece, end) in pieces.iter().map(|piece| (*piece, false)).chain(end) {
            let changed = reader.read(piece, end);
            assert!(may_shorten || changed.is_none());
            out.extend_from_slice(changed.as_deref().unwrap_or(piece));
        }
        if !self.ends && may_shorten {
            // What waited would have gone on at the end.
            out.clear();
        }
        (reader.into_facts(), out)
    }
}

/// Whether nobody misses the event but who asked for usage.
fn is_usage_only(event: &[u8]) -> bool {
    let data = sse_data(event);
    let text = String::from_utf8_lossy(&data);
    let Ok(members) = serde_json::from_str::<Members<'_>>(&text) else { return false };
    let all = |key: &str| {
        members.0.iter().filter(|(known, _)| known == key).map(|(_, value)| value.get()).collect::<Vec<_>>()
    };
    let is_empty =
        |choices: &&str| serde_json::from_str::<Vec<&RawValue>>(choices).is_ok_and(|all| all.is_empty());
    let usage = all("usage");
    event.len() <= EVENT_HELD_MAX + 2
        && !usage.is_empty()
        && usage != ["null"]
        && all("choices").iter().all(is_empty)
}
