//! JSON lines: bytes in any pieces become lines, ended by LF or CRLF. Reads, and changes nothing.

use crate::frame::{Held, Reader};
use memchr::memchr;

/// Reads one stream. Holds one line of at most `EVENT_HELD_MAX` bytes; a longer one is given in pieces.
#[derive(Debug, Default)]
pub struct Framer {
    held: Held,
    /// The last byte was a CR, which belongs to the line only if no LF comes next.
    after_cr: bool,
}

impl Framer {
    /// Begins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece, and the stream's end, where a last line without its LF counts. An empty line is none.
    /// Gives how far it came where the reader stops.
    pub fn feed(&mut self, piece: &[u8], end: bool, sink: &mut impl Reader) -> Option<usize> {
        let mut rest = piece;
        while let Some((line, after)) = memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at)) {
            if !line.is_empty() {
                self.settle_cr(sink);
            }
            self.after_cr = false;
            self.held.finish(line.strip_suffix(b"\r").unwrap_or(line), sink);
            rest = after.get(1..).unwrap_or_default();
            if sink.stops() {
                return piece.len().checked_sub(rest.len());
            }
        }
        if !rest.is_empty() {
            self.settle_cr(sink);
            let line = rest.strip_suffix(b"\r");
            self.after_cr = line.is_some();
            self.held.push(line.unwrap_or(rest), sink);
        }
        if end {
            self.after_cr = false;
            self.held.finish(&[], sink);
        }
        None
    }

    fn settle_cr(&mut self, sink: &mut impl Reader) {
        if std::mem::take(&mut self.after_cr) {
            self.held.push(b"\r", sink);
        }
    }
}

#[cfg(test)]
mod tests;
