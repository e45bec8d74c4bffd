//! What travels with a request from service to service: W3C baggage and trace context.
//! <https://www.w3.org/TR/baggage/>, <https://www.w3.org/TR/trace-context/> (read November 2026)

use crate::head::Headers;
use protocol::ids::NAME_BYTES_MAX;

/// What the specification asks everybody to pass on; more is not looked at.
const BAGGAGE_BYTES_MAX: usize = 8_192;
const MEMBERS_MAX: usize = 180;

/// The value of one member. Two that differ name nobody.
pub(super) fn baggage(headers: &Headers<'_>, key: &str) -> Option<Vec<u8>> {
    let lists = headers.iter().filter(|(name, _)| *name == b"baggage");
    let lists = lists.scan(BAGGAGE_BYTES_MAX, |room, (_, list)| {
        *room = room.checked_sub(list.len())?;
        std::str::from_utf8(list).ok()
    });
    let members = lists.flat_map(|list| list.split(',')).take(MEMBERS_MAX);
    let mut values = members.filter_map(|member| {
        // Behind a semicolon are properties of the member.
        let (name, value) = member.split(';').next()?.split_once('=')?;
        (name.trim() == key).then(|| decoded(value.trim()))
    });
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

/// The trace id: version 00 alone says what it looks like, and all zeros are no trace.
pub(super) fn trace_id(header: &[u8]) -> Option<&[u8]> {
    let mut parts = header.split(|byte| *byte == b'-');
    let mut part = |length: usize| {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        parts.next().filter(|part| part.len() == length && part.iter().all(is_digit))
    };
    let is_some = |id: &&[u8]| id.iter().any(|byte| *byte != b'0');
    part(2).filter(|version| *version == b"00")?;
    let trace = part(32).filter(is_some)?;
    part(16).filter(is_some)?;
    part(2)?;
    parts.next().is_none().then_some(trace)
}

/// A text without its percent escapes; `None` where one is broken, or where it is too long for a name anyway.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    if text.len() > NAME_BYTES_MAX.saturating_mul(3) {
        return None;
    }
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => digit(bytes.next()?)?.checked_mul(16)?.checked_add(digit(bytes.next()?)?)?,
            byte => byte,
        });
    }
    Some(plain)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
