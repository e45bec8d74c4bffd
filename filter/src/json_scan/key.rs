//! The key of a member, as it comes: as much of it as a wanted key can be long.

use crate::{
    text::unescape::Unescape,
    want::{KeyHash, key_hash},
};
use memchr::memchr;

/// No wanted key is longer.
const KEY_BYTES_MAX: usize = 48;

/// A key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    len: usize,
    /// A key may be written with escapes, and means the same.
    unescape: Unescape,
}

impl Key {
    /// Nothing of it yet.
    pub(super) const NONE: Self = Self { bytes: [0; KEY_BYTES_MAX], len: 0, unescape: Unescape::NEW };

    /// Begins another one. What is left of the one before is never looked at.
    pub(super) fn clear(&mut self) {
        (self.len, self.unescape) = (0, Unescape::NEW);
    }

    /// Adds a piece, as written.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let Self { bytes, len, unescape } = self;
        // Most keys come whole and without an escape.
        if *len == 0
            && *unescape == Unescape::NEW
            && memchr(b'\\', piece).is_none()
            && let Some(slots) = bytes.get_mut(..piece.len())
        {
            slots.copy_from_slice(piece);
            *len = piece.len();
            return;
        }
        unescape.feed(piece, |plain| {
            for byte in plain {
                if let Some(slot) = bytes.get_mut(*len) {
                    *slot = *byte;
                }
                *len = len.saturating_add(1);
            }
        });
    }

    /// As far as it has to be told from others around it.
    pub(super) fn hash(&self) -> KeyHash {
        key_hash(self.bytes.get(..self.len).unwrap_or_default())
    }

    /// Whether it is this one.
    pub(super) fn is(&self, text: &str) -> bool {
        self.len == text.len() && self.bytes.get(..self.len).is_some_and(|bytes| bytes == text.as_bytes())
    }
}
