//! What of a piece goes on to the client. While that is the piece itself, nothing is copied.

use crate::frame::Verdict;

#[derive(Debug)]
pub(super) struct Passing<'a> {
    piece: &'a [u8],
    /// So much of the piece is decided on.
    at: usize,
    /// What goes on, since it is no longer the beginning of the piece.
    changed: Option<Vec<u8>>,
}

impl<'a> Passing<'a> {
    pub(super) fn new(piece: &'a [u8]) -> Self {
        Self { piece, at: 0, changed: None }
    }

    /// Decides on the next bytes of the piece.
    pub(super) fn pass(&mut self, bytes: usize, verdict: Verdict) {
        let next = self.at.saturating_add(bytes);
        if bytes > 0 && verdict == Verdict::Drop {
            self.out();
        } else if let Some(out) = &mut self.changed {
            out.extend_from_slice(self.piece.get(self.at..next).unwrap_or_default());
        }
        self.at = next;
    }

    /// Bytes of an earlier piece go on here.
    pub(super) fn insert(&mut self, bytes: &[u8]) {
        self.out().extend_from_slice(bytes);
    }

    /// What goes on, where that is not the piece.
    pub(super) fn changed(self) -> Option<Vec<u8>> {
        self.changed
    }

    fn out(&mut self) -> &mut Vec<u8> {
        let before = self.piece.get(..self.at).unwrap_or_default();
        self.changed.get_or_insert_with(|| before.to_vec())
    }
}
