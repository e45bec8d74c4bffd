//! Base64 as it comes in pieces: Bedrock wraps the events of other dialects in it.

/// Decodes one text of the standard alphabet, with or without its padding, and stops for good at the first byte
/// that is neither. Holds at most the bits of one character that are no byte yet.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The bits of the last characters.
    bits: u32,
    /// How many characters of a group of four have come.
    place: u8,
    padded: bool,
    broken: bool,
}

/// So many bytes are given at once.
const GIVEN_AT_ONCE: usize = 1024;

impl Decoder {
    /// Begins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a byte came that cannot be there. The text before it was decoded.
    pub fn broken(&self) -> bool {
        self.broken
    }

    /// Takes the next piece, and gives what it decodes to.
    pub fn feed(&mut self, piece: &[u8], sink: &mut impl FnMut(&[u8])) {
        let mut out = [0_u8; GIVEN_AT_ONCE];
        for text in piece.chunks(GIVEN_AT_ONCE) {
            let mut length = 0_usize;
            for (slot, byte) in out.iter_mut().zip(text.iter().filter_map(|byte| self.byte(*byte))) {
                *slot = byte;
                length = length.saturating_add(1);
            }
            match out.get(..length) {
                Some(bytes) if length > 0 => sink(bytes),
                _ => {}
            }
        }
    }

    /// Takes a character; gives the byte that it completes.
    fn byte(&mut self, character: u8) -> Option<u8> {
        if self.broken {
            return None;
        }
        let Some(value) = value(character) else {
            // Padding makes up for the last one or two characters of a group; then nothing may come.
            let fits = character == b'=' && matches!(self.place, 2 | 3);
            self.broken = !fits;
            self.padded = true;
            self.place = self.place.saturating_add(1);
            return None;
        };
        if self.padded {
            self.broken = true;
            return None;
        }
        self.place = self.place.saturating_add(1) & 3;
        self.bits = (self.bits << 6) | value;
        match self.place {
            1 => None,
            2 => self.complete(4),
            3 => self.complete(2),
            _ => self.complete(0),
        }
    }

    /// Gives the byte above the bits that are left over.
    fn complete(&self, left_over: u32) -> Option<u8> {
        u8::try_from((self.bits >> left_over) & 0xff).ok()
    }
}

fn value(character: u8) -> Option<u32> {
    let (first, value) = match character {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'+' => return Some(62),
        b'/' => return Some(63),
        _ => return None,
    };
    Some(u32::from(character.saturating_sub(first)).saturating_add(value))
}

#[cfg(test)]
mod tests;
