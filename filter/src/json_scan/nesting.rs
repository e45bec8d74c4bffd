//! Which objects and arrays are open: one bit per level.

/// Deeper documents are read no further. serde_json stops at 128.
const DEPTH_MAX: u16 = 512;

/// The containers that are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nesting {
    depth: u16,
    objects: [u64; 8],
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

    /// Closes the innermost.
    pub fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}
