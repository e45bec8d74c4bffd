//! Tells media in base64 from text, by how a string begins and how long it is: whatever a dialect calls the key,
//! an image is not four bytes a token.

/// A shorter string is text, whatever it looks like.
const MEDIA_BYTES_MIN: u64 = 1024;
/// So much of its beginning is looked at.
const LOOKED_AT: u64 = 256;

/// The media of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// How many there are.
    pub parts: u64,
    /// All their bytes, as written.
    pub bytes: u64,
    string_bytes: u64,
    is_text: bool,
}

impl Media {
    pub(super) fn string_goes_on(&mut self, bytes: &[u8]) {
        let room = usize::try_from(LOOKED_AT.saturating_sub(self.string_bytes)).unwrap_or(0);
        let beginning = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.is_text |= !beginning.iter().all(|byte| is_of_base64_or_data_url(*byte));
        self.string_bytes = self.string_bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    pub(super) fn string_ends(&mut self) {
        if !self.is_text && self.string_bytes >= MEDIA_BYTES_MIN {
            self.parts = self.parts.saturating_add(1);
            self.bytes = self.bytes.saturating_add(self.string_bytes);
        }
        (self.string_bytes, self.is_text) = (0, false);
    }

    /// Bytes of media so far, the string that is still open included.
    pub fn bytes_so_far(&self) -> u64 {
        let open = if self.is_text || self.string_bytes < MEDIA_BYTES_MIN { 0 } else { self.string_bytes };
        self.bytes.saturating_add(open)
    }
}

fn is_of_base64_or_data_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_:;,.\\".contains(&byte)
}
