//! What is kept of a document while it goes past: the key at hand, and the value that is wanted.

use crate::want::{KeyHash, key_hash};

/// No wanted key is longer.
const KEY_BYTES_MAX: usize = 48;

#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    len: usize,
}

#[derive(Debug)]
pub(super) struct Capture {
    pub(super) path: &'static str,
    pub(super) bytes_max: usize,
    pub(super) is_latest: bool,
    pub(super) start: u64,
    pub(super) depth: u16,
    pub(super) value: Vec<u8>,
    pub(super) too_long: bool,
}

impl Key {
    pub(super) const NONE: Self = Self { bytes: [0; KEY_BYTES_MAX], len: 0 };

    pub(super) fn push(&mut self, piece: &[u8]) {
        for byte in piece {
            if let Some(slot) = self.bytes.get_mut(self.len) {
                *slot = *byte;
            }
            self.len = self.len.saturating_add(1);
        }
    }

    pub(super) fn hash(&self) -> KeyHash {
        key_hash(self.bytes.get(..self.len).unwrap_or_default())
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.len == text.len() && self.bytes.get(..self.len).is_some_and(|bytes| bytes == text.as_bytes())
    }
}

impl Capture {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.too_long || self.value.len().saturating_add(bytes.len()) > self.bytes_max {
            self.too_long = true;
            self.value = Vec::new();
        } else {
            self.value.extend_from_slice(bytes);
        }
    }
}
