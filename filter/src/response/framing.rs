//! How the documents of an answer lie behind one another: what its head says, and its first byte where the head says
//! little.

use super::Expected;
use crate::{dialect::Dialect, event_stream, head::Headers, json_array, ndjson, sse};
use memchr::memmem;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The framing of one body.
#[derive(Debug)]
pub(super) enum Framing {
    /// Server-sent events.
    Events(Box<sse::Framer>),
    /// A document a line.
    Lines(ndjson::Framer),
    /// The elements of one long array.
    Array(json_array::Framer),
    /// AWS's event stream.
    Frames(Box<event_stream::Framer>),
    /// One document.
    Unary,
    /// The first byte will tell.
    Undecided,
    /// Nothing that could be read: audio, an image, a page of HTML, an encoding that nobody knows.
    Opaque,
}

impl Framing {
    /// By the head. `plain`: the bytes can be left out that the client did not ask for.
    pub(super) fn of(headers: &Headers<'_>, expected: &Expected, plain: bool) -> Self {
        let is = |media_type| headers.has_media_type(media_type);
        let begins = |kind: &[u8]| headers.value("content-type").is_some_and(|value| value.starts_with(kind));
        if is("text/event-stream") {
            Self::events(expected, plain)
        } else if is("application/vnd.amazon.eventstream") {
            Self::Frames(Box::new(event_stream::Framer::new()))
        } else if [
            "application/x-ndjson",
            "application/stream+json",
            "application/jsonl",
            "application/x-jsonl",
        ]
        .into_iter()
        .any(is)
        {
            Self::Lines(ndjson::Framer::new())
        } else if is("application/json") && expected.dialect == Dialect::Gemini {
            Self::Array(json_array::Framer::new())
        } else if [b"audio/".as_slice(), b"image/", b"video/", b"text/html"].into_iter().any(begins) {
            Self::Opaque
        } else {
            Self::Undecided
        }
    }

    fn events(expected: &Expected, plain: bool) -> Self {
        Self::Events(Box::new(if expected.usage_injected && plain {
            sse::Framer::leaving_out(may_be_usage_only)
        } else {
            sse::Framer::new()
        }))
    }

    /// By the body's first byte that is no space. Some servers call everything JSON, or nothing at all.
    pub(super) fn of_first_byte(byte: u8, expected: &Expected) -> Self {
        let speaks_lines = matches!(expected.dialect, Dialect::Ollama | Dialect::CohereChat);
        match byte {
            b'{' if expected.stream && speaks_lines => Self::Lines(ndjson::Framer::new()),
            b'{' => Self::Unary,
            b'[' => Self::Array(json_array::Framer::new()),
            // The beginnings of `data`, `event`, `id`, `retry` and of a comment. What is none of these tells nothing.
            b'd' | b'e' | b'i' | b'r' | b':' => Self::events(expected, false),
            _ => Self::Opaque,
        }
    }

    /// Whether events may be left out.
    pub(super) fn may_shorten(&self) -> bool {
        matches!(self, Self::Events(_))
    }
}

/// A document that tells usage and no choice. Few are looked at so closely, and none is left out by mistake: what is no
/// JSON, or names either twice, goes on.
pub(super) fn is_usage_only(document: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Chunk<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
        choices: Option<&'a RawValue>,
        error: Option<&'a RawValue>,
    }
    let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(document) else { return false };
    let choices = chunk.choices.map(|choices| serde_json::from_str::<Vec<IgnoredAny>>(choices.get()));
    let no_choice = choices.is_none_or(|choices| choices.is_ok_and(|choices| choices.is_empty()));
    chunk.usage.is_some() && no_choice && chunk.error.is_none()
}

/// An event that has begun, and whose choices are not known to be there.
pub(super) fn may_be_usage_only(event: &[u8]) -> bool {
    // The last event must not wait: trailers may come, and no more body behind them.
    if memmem::find(event, b"[DONE]").is_some() {
        return false;
    }
    let key = b"\"choices\":";
    let Some(after) = memmem::find(event, key).and_then(|at| event.get(at.checked_add(key.len())?..)) else {
        return true;
    };
    let mut value = after.iter().filter(|byte| !byte.is_ascii_whitespace());
    value.next().is_none_or(|first| *first == b'[') && value.next().is_none_or(|second| *second == b']')
}
