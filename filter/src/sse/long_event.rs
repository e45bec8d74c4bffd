//! An event that is too long to be held: its data are given as they come.

use super::lines::{EventEnd, line_end};
use crate::frame::{Event, Verdict};
use memchr::memchr2;

const FIELD: &[u8] = b"data:";

#[derive(Debug, Default)]
pub(super) struct LongEvent {
    line: Line,
    /// A data line has begun, so the next one is joined by an LF.
    has_data: bool,
    /// Data were given.
    given: bool,
    /// The last byte was a CR.
    after_cr: bool,
}

#[derive(Clone, Copy, Debug)]
enum Line {
    /// So many bytes of the field name have come.
    Name(usize),
    /// Behind the colon, where a space is not data.
    Colon,
    Data,
    /// Another field, or a comment.
    Other,
}

impl Default for Line {
    fn default() -> Self {
        Self::Name(0)
    }
}

impl LongEvent {
    /// Takes the next bytes; says where the event ends, if it does.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        sink: &mut impl FnMut(Event<'_>) -> Verdict,
    ) -> Option<EventEnd> {
        let mut at = 0_usize;
        if !bytes.is_empty() && std::mem::take(&mut self.after_cr) && bytes.first() == Some(&b'\n') {
            at = 1;
        }
        while let Some(rest) = bytes.get(at..)
            && let Some(byte) = rest.first()
        {
            let is_end = matches!(byte, b'\n' | b'\r');
            match self.line {
                Line::Name(0) if is_end => {
                    let behind = line_end(bytes, at);
                    let open = behind == bytes.len() && bytes.last() == Some(&b'\r');
                    return Some(EventEnd { lines: at, behind, open });
                }
                _ if is_end => {
                    at = line_end(bytes, at);
                    self.after_cr = at == bytes.len() && bytes.last() == Some(&b'\r');
                    self.line = Line::Name(0);
                }
                Line::Name(known) if FIELD.get(known) == Some(byte) => {
                    at = at.saturating_add(1);
                    self.name(known.saturating_add(1), sink);
                }
                Line::Name(_) => self.line = Line::Other,
                Line::Colon => {
                    at = at.saturating_add(usize::from(*byte == b' '));
                    self.line = Line::Data;
                }
                Line::Data | Line::Other => {
                    let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                    if let (Line::Data, Some(data)) = (self.line, rest.get(..end)) {
                        self.give(data, sink);
                    }
                    at = at.saturating_add(end);
                }
            }
        }
        None
    }

    fn name(&mut self, known: usize, sink: &mut impl FnMut(Event<'_>) -> Verdict) {
        if known < FIELD.len() {
            self.line = Line::Name(known);
            return;
        }
        self.line = Line::Colon;
        if std::mem::replace(&mut self.has_data, true) {
            self.give(b"\n", sink);
        }
    }

    fn give(&mut self, data: &[u8], sink: &mut impl FnMut(Event<'_>) -> Verdict) {
        self.given = true;
        sink(Event::Piece(data));
    }

    /// The event is at its end.
    pub(super) fn finish(self, sink: &mut impl FnMut(Event<'_>) -> Verdict) {
        if self.given {
            sink(Event::PieceEnd);
        }
    }
}
