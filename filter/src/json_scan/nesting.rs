//! Which objects and arrays are open: one bit per level.

use crate::want::KeyHash;

/// Nothing that is looked for lies deeper.
const KEYS_MAX: usize = 12;
/// Deeper documents are read no further. serde_json stops at 128.
const DEPTH_MAX: u16 = 512;

/// The containers that are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nesting {
    depth: u16,
    objects: [u64; 8],
    /// The keys below which the outermost containers lie; what is in an array lies below the array's key.
    keys: [KeyHash; KEYS_MAX],
}

impl Nesting {
    /// How many are open.
    pub fn depth(&self) -> u16 {
        self.depth
    }

    /// Whether the innermost is an object.
    pub fn in_object(&self) -> bool {
        let Some(level) = self.depth.checked_sub(1) else { return false };
        self.objects.get(usize::from(level / 64)).is_some_and(|word| word & (1_u64 << (level % 64)) != 0)
    }

    /// Opens one. Says whether there was room.
    pub fn open(&mut self, is_object: bool) -> bool {
        if self.depth >= DEPTH_MAX {
            return false;
        }
        let (word, bit) = (usize::from(self.depth / 64), 1_u64 << (self.depth % 64));
        if let Some(word) = self.objects.get_mut(word) {
            *word = if is_object { *word | bit } else { *word & !bit };
        }
        self.depth = self.depth.saturating_add(1);
        true
    }

    /// Opens one below a key.
    pub(crate) fn open_below(&mut self, is_object: bool, key: impl Fn() -> KeyHash) -> bool {
        let level = usize::from(self.depth);
        let around = level.checked_sub(1).and_then(|around| self.keys.get(around)).copied();
        let below = if self.in_object() { key() } else { around.unwrap_or(0) };
        if let Some(slot) = self.keys.get_mut(level) {
            *slot = below;
        }
        self.open(is_object)
    }

    /// The key below which the innermost lies.
    pub(crate) fn key(&self) -> Option<KeyHash> {
        self.keys.get(usize::from(self.depth.checked_sub(1)?)).copied()
    }

    /// Closes the innermost.
    pub fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}
