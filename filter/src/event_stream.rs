//! AWS's binary event stream (`application/vnd.amazon.eventstream`), as Bedrock answers: each frame's payload becomes
//! an event, and an exception frame a failure. Checks both checksums. Reads, and changes nothing.

mod headers;

use crate::frame::{EVENT_HELD_MAX, Event, Reader, Verdict};
use crc32fast::Hasher;
use headers::Kind;

/// No frame recorded comes near: a longer one is taken for bytes of something else.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;
const HEADERS_BYTES_MAX: usize = 128 * 1024;
const PRELUDE_BYTES: usize = 12;
const SUM_BYTES: usize = 4;

/// Reads one stream. Holds one frame's headers, of at most 128 KiB, and its payload up to `EVENT_HELD_MAX`; a longer
/// payload is given in pieces as it arrives, before its checksum can be known.
#[derive(Debug, Default)]
pub struct Framer {
    part: Part,
    /// The bytes of a part that is not whole yet.
    held: Vec<u8>,
    headers_bytes: usize,
    payload_bytes: usize,
    sum: Hasher,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Prelude,
    Headers,
    /// A payload that is held, and the checksum behind it.
    Payload,
    /// A payload that is given in pieces, of which so much is to come.
    Pieces(usize),
    /// The checksum behind the pieces.
    Sum,
    /// It was no such stream, or no longer is one.
    Broken,
}

impl Framer {
    /// Begins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the stream broke the format: a checksum was wrong, or a length absurd. Nothing more is read then.
    pub fn broken(&self) -> bool {
        self.part == Part::Broken
    }

    /// Takes the next piece. Gives how far it came where the reader stops.
    pub fn feed(&mut self, piece: &[u8], sink: &mut impl Reader) -> Option<usize> {
        let mut rest = piece;
        while !rest.is_empty() && !self.broken() {
            if let Part::Pieces(left) = self.part {
                rest = self.pieces(left, rest, sink);
                continue;
            }
            let need = self.need();
            let missing = need.saturating_sub(self.held.len());
            let Some((now, after)) = rest.split_at_checked(missing) else {
                self.held.extend_from_slice(rest);
                return None;
            };
            rest = after;
            let mut held = std::mem::take(&mut self.held);
            let next = if held.is_empty() {
                self.part_is_whole(now, sink)
            } else {
                held.extend_from_slice(now);
                self.part_is_whole(&held, sink)
            };
            self.part = next.unwrap_or(Part::Broken);
            held.clear();
            if self.broken() {
                held = Vec::new();
            }
            self.held = held;
            self.without_empty_parts(sink);
            if self.part == Part::Prelude && sink.stops() {
                return piece.len().checked_sub(rest.len());
            }
        }
        None
    }

    /// A frame may have no headers, which no further byte would tell.
    fn without_empty_parts(&mut self, sink: &mut impl Reader) {
        if self.part == Part::Headers && self.headers_bytes == 0 {
            self.part = self.part_is_whole(&[], sink).unwrap_or(Part::Broken);
        }
    }

    fn need(&self) -> usize {
        match self.part {
            Part::Prelude => PRELUDE_BYTES,
            Part::Headers => self.headers_bytes,
            Part::Payload => self.payload_bytes.saturating_add(SUM_BYTES),
            Part::Sum => SUM_BYTES,
            Part::Pieces(_) | Part::Broken => 0,
        }
    }

    /// Reads a part, and says which comes next.
    fn part_is_whole(&mut self, part: &[u8], sink: &mut impl Reader) -> Option<Part> {
        match self.part {
            Part::Prelude => self.prelude(part),
            Part::Headers => {
                self.sum.update(part);
                self.kind = headers::kind(part)?;
                let is_short = self.payload_bytes <= EVENT_HELD_MAX;
                Some(if is_short { Part::Payload } else { Part::Pieces(self.payload_bytes) })
            }
            Part::Payload | Part::Sum => {
                let (payload, sum) = part.split_at_checked(part.len().checked_sub(SUM_BYTES)?)?;
                self.sum.update(payload);
                let found = std::mem::take(&mut self.sum).finalize();
                (found == number(sum)?).then_some(())?;
                match std::mem::take(&mut self.kind) {
                    Kind::Failed(kind) => sink.take(Event::Failed(&kind)),
                    Kind::Event if self.part == Part::Sum => sink.take(Event::PieceEnd),
                    Kind::Event if !payload.is_empty() => sink.take(Event::Whole(payload)),
                    Kind::Event => Verdict::Keep,
                };
                Some(Part::Prelude)
            }
            Part::Pieces(_) | Part::Broken => None,
        }
    }

    fn prelude(&mut self, prelude: &[u8]) -> Option<Part> {
        let (lengths, sum) = prelude.split_at_checked(8)?;
        (crc32fast::hash(lengths) == number(sum)?).then_some(())?;
        let (total, headers) = lengths.split_at_checked(4)?;
        let total = usize::try_from(number(total)?).ok()?;
        self.headers_bytes = usize::try_from(number(headers)?).ok()?;
        (total <= FRAME_BYTES_MAX && self.headers_bytes <= HEADERS_BYTES_MAX).then_some(())?;
        let around = PRELUDE_BYTES.checked_add(SUM_BYTES)?.checked_add(self.headers_bytes)?;
        self.payload_bytes = total.checked_sub(around)?;
        self.sum = Hasher::new();
        self.sum.update(prelude);
        Some(Part::Headers)
    }

    fn pieces<'a>(&mut self, left: usize, rest: &'a [u8], sink: &mut impl Reader) -> &'a [u8] {
        let (now, after) = rest.split_at_checked(left).unwrap_or((rest, &[]));
        self.sum.update(now);
        if matches!(self.kind, Kind::Event) {
            sink.take(Event::Piece(now));
        }
        self.part = match left.saturating_sub(now.len()) {
            0 => Part::Sum,
            left => Part::Pieces(left),
        };
        after
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests;
