//! A JSON array that streams, as Gemini sends it without `alt=sse`: each element becomes an event. A document that
//! is one object, such as an error, is one event. Reads, validates nothing, and changes nothing.

use crate::frame::{Held, Reader};
use memchr::memchr2;

/// Reads one document. Holds one element of at most `EVENT_HELD_MAX` bytes; a longer one is given in pieces. An
/// element that the document's end cuts is not given, or not ended.
#[derive(Debug, Default)]
pub struct Framer {
    held: Held,
    place: Place,
    in_array: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// Only white space has come, or a byte order mark.
    #[default]
    Before,
    /// In the outermost array, between elements.
    Between,
    /// In an element, so many objects and arrays deep.
    Element { depth: u32 },
    /// In a string in an element.
    Text { depth: u32, escaped: bool },
    /// Behind the document, or it is neither array nor object.
    Over,
}

impl Framer {
    /// Begins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece. Gives how far it came where the reader stops.
    pub fn feed(&mut self, piece: &[u8], sink: &mut impl Reader) -> Option<usize> {
        let mut rest = piece;
        loop {
            rest = match self.place {
                Place::Before | Place::Between => self.find_element(rest),
                Place::Element { .. } | Place::Text { .. } => match self.find_end(rest) {
                    Some((last, after)) => {
                        self.held.finish(last, sink);
                        if self.in_array && sink.stops() {
                            return piece.len().checked_sub(after.len());
                        }
                        after
                    }
                    None => {
                        self.held.push(rest, sink);
                        return None;
                    }
                },
                Place::Over => return None,
            };
            if rest.is_empty() {
                return None;
            }
        }
    }

    /// Whether the outermost value is closed, or nothing more is read of it.
    pub fn over(&self) -> bool {
        matches!(self.place, Place::Over)
    }

    /// Skips what stands before an element; gives the bytes from its first on.
    fn find_element<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            match (self.place, byte) {
                (_, b' ' | b'\n' | b'\r' | b'\t') => {}
                (Place::Before, 0xef | 0xbb | 0xbf) => {}
                (Place::Before, b'[') => {
                    self.in_array = true;
                    self.place = Place::Between;
                }
                // A closing brace closes nothing here, and would be an element without bytes.
                (Place::Between, b',' | b'}') => {}
                (Place::Between, b']') => self.place = Place::Over,
                (Place::Before, b'{') | (Place::Between, _) => {
                    self.place = Place::Element { depth: 0 };
                    return rest;
                }
                _ => self.place = Place::Over,
            }
            if self.over() {
                return &[];
            }
            rest = after;
        }
        rest
    }

    /// Splits the bytes behind the element, if it ends in them.
    fn find_end<'a>(&mut self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let mut at = 0_usize;
        while let Some(rest) = bytes.get(at..)
            && let Some(byte) = rest.first()
        {
            let next = at.saturating_add(1);
            match (self.place, byte) {
                (Place::Text { depth, escaped: true }, _) => {
                    self.place = Place::Text { depth, escaped: false };
                    at = next;
                }
                (Place::Text { depth, .. }, _) => {
                    let plain = memchr2(b'"', b'\\', rest)?;
                    at = at.saturating_add(plain).saturating_add(1);
                    if rest.get(plain) == Some(&b'\\') {
                        self.place = Place::Text { depth, escaped: true };
                    } else if self.leave(depth) {
                        return bytes.split_at_checked(at);
                    }
                }
                (Place::Element { depth }, b'"') => {
                    self.place = Place::Text { depth, escaped: false };
                    at = next;
                }
                (Place::Element { depth }, b'{' | b'[') => {
                    self.place = Place::Element { depth: depth.saturating_add(1) };
                    at = next;
                }
                // Behind a number or a word that is an element itself.
                (Place::Element { depth: 0 }, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t') => {
                    self.leave(0);
                    return bytes.split_at_checked(at);
                }
                (Place::Element { depth }, b'}' | b']') => {
                    at = next;
                    if self.leave(depth.saturating_sub(1)) {
                        return bytes.split_at_checked(at);
                    }
                }
                _ => at = next,
            }
        }
        None
    }

    /// A string, an object or an array ended; says whether the element did.
    fn leave(&mut self, depth: u32) -> bool {
        self.place = match (depth, self.in_array) {
            (0, true) => Place::Between,
            (0, false) => Place::Over,
            _ => Place::Element { depth },
        };
        depth == 0
    }
}

#[cfg(test)]
mod tests;
