//! What stands around the data of an event: mostly the same in a whole stream, so that an event can be taken by what
//! it begins with, and no line of it is looked for.

use crate::frame::Reader;

/// Longer beginnings are not remembered.
const PREFIX_BYTES_MAX: usize = 128;

/// Of the last event of one data line.
#[derive(Debug, Default)]
pub(super) struct Surround {
    prefix: Vec<u8>,
    suffix: &'static [u8],
}

impl Surround {
    /// Remembers what stands around the data of an event, where its line is the last one.
    pub(super) fn learn(&mut self, event: &[u8], data: &[u8]) {
        // A lone CR at the end may have an LF behind it that belongs to it.
        let ends: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
        let Some(suffix) = ends.into_iter().find(|end| event.ends_with(end)) else { return };
        let before = event.strip_suffix(suffix).and_then(|event| event.strip_suffix(data));
        match before {
            Some(prefix) if prefix.len() <= PREFIX_BYTES_MAX && prefix.ends_with(b"data: ") => {
                if (prefix, suffix) != (&self.prefix, self.suffix) {
                    self.prefix.clear();
                    self.prefix.extend_from_slice(prefix);
                    self.suffix = suffix;
                }
            }
            _ => self.suffix = &[],
        }
    }

    /// Takes an event that begins as the last one did. Gives its length.
    pub(super) fn skim(&self, bytes: &[u8], sink: &mut impl Reader) -> Option<usize> {
        let data = bytes.strip_prefix(self.prefix.as_slice()).filter(|_| !self.suffix.is_empty())?;
        let length = sink.skim(data, self.suffix)?;
        self.prefix.len().checked_add(length)?.checked_add(self.suffix.len())
    }
}
