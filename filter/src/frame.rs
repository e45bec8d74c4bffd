//! What every framer gives, and how much of an event any of them holds.

/// What a framer gives: an event that fits whole, or one that is too long to be held, piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An event of at most `EVENT_HELD_MAX` bytes.
    Whole(&'a [u8]),
    /// The next bytes of a longer one.
    Piece(&'a [u8]),
    /// The longer one is at its end. It is missing where the stream was cut or broken inside the event.
    PieceEnd,
    /// The wire itself says that something failed (an exception frame), and how it names that.
    Failed(&'a str),
}

/// So much of an event is held until it is whole; a longer one is handed on in pieces. Nearly every event seen is
/// shorter; the longest, of 100 KB, repeats a whole answer and can be read as it comes.
pub const EVENT_HELD_MAX: usize = 64 * 1024;

/// What becomes of an event that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It is left out.
    Drop,
}

/// Who reads events.
pub trait Reader {
    /// Takes an event.
    fn take(&mut self, event: Event<'_>) -> Verdict;

    /// Takes an event without its being framed, where these bytes begin with one that is like those before, with
    /// `suffix` behind it. Gives its length without the suffix. Such an event is always kept.
    fn skim(&mut self, _bytes: &[u8], _suffix: &[u8]) -> Option<usize> {
        None
    }

    /// Whether the stream may have to end behind the event that was just taken.
    fn stops(&self) -> bool {
        false
    }
}

impl<F: FnMut(Event<'_>) -> Verdict> Reader for F {
    fn take(&mut self, event: Event<'_>) -> Verdict {
        self(event)
    }
}

/// The event that is not whole yet. Whether it is given whole depends on its length alone, never on the borders it
/// came in.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    in_pieces: bool,
}

impl Held {
    /// Adds bytes that more may follow.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut impl Reader) {
        if bytes.is_empty() {
            return;
        }
        if !self.in_pieces && self.bytes.len().saturating_add(bytes.len()) <= EVENT_HELD_MAX {
            self.bytes.extend_from_slice(bytes);
            return;
        }
        self.in_pieces = true;
        let held = std::mem::take(&mut self.bytes);
        if !held.is_empty() {
            sink.take(Event::Piece(&held));
        }
        sink.take(Event::Piece(bytes));
    }

    /// Adds the last bytes, and gives the event; an empty one is none.
    pub(crate) fn finish(&mut self, bytes: &[u8], sink: &mut impl Reader) {
        if !self.in_pieces && self.bytes.is_empty() && bytes.len() <= EVENT_HELD_MAX {
            if !bytes.is_empty() {
                sink.take(Event::Whole(bytes));
            }
            return;
        }
        self.push(bytes, sink);
        if std::mem::take(&mut self.in_pieces) {
            sink.take(Event::PieceEnd);
        } else {
            sink.take(Event::Whole(&self.bytes));
            self.bytes.clear();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
