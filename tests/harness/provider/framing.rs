//! How streams are cut into events: events for a stream that is made, and a recorded stream taken apart again.

use crate::recording::Recording;
use hyper::body::Bytes;
use serde_json::Value;

/// A server-sent event without a name.
pub(super) fn data(event: &Value) -> Bytes {
    format!("data: {event}\n\n").into()
}

/// A server-sent event that is named after its `type`.
pub(super) fn named(event: &Value) -> Bytes {
    let name = event["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {event}\n\n").into()
}

/// A line of NDJSON.
pub(super) fn line(event: &Value) -> Bytes {
    format!("{event}\n").into()
}

/// A frame of an AWS event stream.
pub(super) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        head.extend(name.as_bytes());
        head.push(7); // a text
        head.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        head.extend(value.as_bytes());
    }
    let long = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    // Lengths and their checksum before, a checksum of it all after.
    let mut frame = [long(16 + head.len() + payload.len()), long(head.len())].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(head);
    frame.extend(payload);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.into()
}

/// The events of a recording, each with what ends it; `None` where the answer is no stream.
pub(super) fn pieces(recording: &Recording) -> Option<Vec<Bytes>> {
    let body = &recording.body;
    if !recording.is_stream() {
        return None;
    }
    Some(match recording.content_type.split(';').next().unwrap_or_default() {
        "text/event-stream" => cut(body, &[b"\n\n", b"\r\n\r\n"]),
        "application/vnd.amazon.eventstream" => frames(body),
        "application/json" => cut(body, &[b"\n,\r\n"]),
        _ => cut(body, &[b"\n"]),
    })
}

fn cut(whole: &Bytes, ends: &[&[u8]]) -> Vec<Bytes> {
    let mut rest = whole.clone();
    let mut pieces = Vec::new();
    while let Some(end) = ends.iter().filter_map(|end| end_of(&rest, end)).min() {
        pieces.push(rest.split_to(end));
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

fn end_of(bytes: &[u8], end: &[u8]) -> Option<usize> {
    Some(bytes.windows(end.len()).position(|window| window == end)? + end.len())
}

fn frames(whole: &Bytes) -> Vec<Bytes> {
    let mut rest = whole.clone();
    let mut frames = Vec::new();
    while let Some(length) = rest.first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        frames.push(rest.split_to(length.min(rest.len())));
    }
    frames
}
