//! A number by which two texts are told to be the same without keeping them. Made as the text goes past, eight bytes at
//! a time, whatever the borders of its pieces. It keeps nobody from making two that are alike on purpose.

/// A fingerprint in the making.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    hash: u64,
    /// Bytes that do not fill a word yet.
    rest: [u8; 8],
    length: usize,
    any: bool,
}

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Fingerprint {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.any |= !bytes.is_empty();
        let room = self.rest.len().saturating_sub(self.length);
        let (head, tail) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        if let Some(place) = self.rest.get_mut(self.length..self.length.saturating_add(head.len())) {
            place.copy_from_slice(head);
        }
        self.length = self.length.saturating_add(head.len());
        if self.length < self.rest.len() {
            return;
        }
        self.word(self.rest);
        let mut words = tail.chunks_exact(8);
        for word in &mut words {
            self.word(word.try_into().unwrap_or_default());
        }
        let left = words.remainder();
        self.rest = [0; 8];
        if let Some(place) = self.rest.get_mut(..left.len()) {
            place.copy_from_slice(left);
        }
        self.length = left.len();
    }

    fn word(&mut self, word: [u8; 8]) {
        self.hash = (self.hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }

    /// Of all bytes so far; `None` where there were none.
    pub fn value(mut self) -> Option<u64> {
        if !self.any {
            return None;
        }
        // What lies behind the rest is of an earlier word.
        let length = self.length;
        self.rest.iter_mut().skip(length).for_each(|byte| *byte = 0);
        self.word(self.rest);
        self.word(u64::try_from(length).unwrap_or(0).to_le_bytes());
        Some((self.hash ^ (self.hash >> 29)).max(1))
    }

    /// Of one text.
    pub fn of(text: &[u8]) -> u64 {
        let mut fingerprint = Self::default();
        fingerprint.feed(text);
        fingerprint.value().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_fingerprint_however_it_comes_and_another_has_another() {
        let text: Vec<u8> = (0..100_u8).collect();
        let whole = Fingerprint::of(&text);
        for size in 1..40 {
            let mut pieces = Fingerprint::default();
            text.chunks(size).for_each(|piece| pieces.feed(piece));
            assert_eq!(pieces.value(), Some(whole), "{size}");
        }
        let mut seen: Vec<u64> = (1..100).map(|length| Fingerprint::of(&text[..length])).collect();
        seen.extend((0..100).map(|place| {
            let mut other = text.clone();
            other[place] ^= 1;
            Fingerprint::of(&other)
        }));
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(Fingerprint::default().value(), None);
    }
}
