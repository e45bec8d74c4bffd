//! The value that is wanted, while it goes past.

#[derive(Debug)]
pub(super) struct Capture {
    pub(super) path: &'static str,
    pub(super) bytes_max: usize,
    pub(super) is_latest: bool,
    pub(super) is_sum: bool,
    pub(super) replaces: bool,
    pub(super) start: u64,
    pub(super) depth: u16,
    pub(super) value: Vec<u8>,
    pub(super) too_long: bool,
}

impl Capture {
    /// The whole number in front of a fraction.
    pub(super) fn number(&self) -> Option<u64> {
        std::str::from_utf8(&self.value).ok()?.split('.').next()?.parse().ok()
    }

    /// Takes what lies in this piece of it, up to an offset in the document.
    pub(super) fn take(&mut self, piece: &[u8], piece_start: u64, until: u64) {
        let place = |offset: u64| usize::try_from(offset.saturating_sub(piece_start)).unwrap_or(usize::MAX);
        let bytes = piece.get(place(self.start)..place(until)).unwrap_or_default();
        if self.too_long || self.value.len().saturating_add(bytes.len()) > self.bytes_max {
            self.too_long = true;
            self.value = Vec::new();
        } else {
            self.value.extend_from_slice(bytes);
        }
    }
}
