//! Server-sent events: bytes in any pieces become event payloads. Frames bytes first and decodes no text, so a
//! border inside a character, a line end or an escape means nothing. Can leave events out of what goes on to the
//! client, which is how an injected usage chunk is taken out again.

mod lines;
mod long_event;
mod passing;
mod surround;

use crate::frame::{EVENT_HELD_MAX, Event, Reader, Verdict};
use lines::LineEnds;
use long_event::LongEvent;
use passing::Passing;
use surround::Surround;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether the beginning of an event leaves open that it will be left out.
pub type Undecided = fn(&[u8]) -> bool;

/// Reads one stream. Holds one event of at most `EVENT_HELD_MAX` bytes, its blank line not counted, and its data
/// once more where they stand on several lines. A longer one is given in pieces and always goes on.
#[derive(Debug, Default)]
pub struct Framer {
    /// The bytes of the event that is not whole yet.
    held: Vec<u8>,
    ends: LineEnds,
    surround: Surround,
    /// The event that is too long to be held.
    long: Option<LongEvent>,
    /// Joins the data lines of an event that has several.
    joined: Vec<u8>,
    /// Events may be left out; until an event is decided, its bytes wait.
    undecided: Option<Undecided>,
    /// The held bytes have not gone on to the client.
    waits: bool,
    /// The last event ended in a CR at the end of a piece, so an LF that comes next is part of it.
    open_end: Option<Verdict>,
    /// So many bytes of a byte order mark were skipped, or all that are.
    mark: usize,
    /// The reader stops, behind so much of the piece.
    stopped: Option<usize>,
}

impl Framer {
    /// Reads, and changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads, and leaves out what the reader drops. An incomplete event waits only while `undecided` says so.
    pub fn leaving_out(undecided: Undecided) -> Self {
        Self { undecided: Some(undecided), ..Self::default() }
    }

    /// Takes the next piece, and the stream's end. Gives what goes on to the client where that is not the piece.
    /// A verdict counts for a whole event only.
    pub fn feed(&mut self, piece: &[u8], end: bool, sink: &mut impl Reader) -> Option<Vec<u8>> {
        self.stopped = None;
        let mut passing = Passing::new(piece);
        let mut rest = self.without_mark(piece, &mut passing);
        if !rest.is_empty()
            && let Some(verdict) = self.open_end.take()
            && let Some(after) = rest.strip_prefix(b"\n")
        {
            passing.pass(1, verdict);
            rest = after;
        }
        while !rest.is_empty() {
            let used = match self.long {
                Some(_) => self.read_long(rest, &mut passing, sink),
                None => self.read(rest, &mut passing, sink),
            };
            rest = rest.get(used..).unwrap_or_default();
            // Never inside an event, of which a part may have gone on.
            if sink.stops() && self.held.is_empty() && self.long.is_none() {
                self.stopped = piece.len().checked_sub(rest.len());
                passing.pass(rest.len(), Verdict::Drop);
                return passing.changed();
            }
        }
        if end {
            self.finish(&mut passing, sink);
        }
        passing.changed()
    }

    /// How far the last piece was read, where the reader stopped there; what is behind has to be fed again.
    pub fn stopped(&self) -> Option<usize> {
        self.stopped
    }

    /// Skips the byte order mark that a stream may begin with.
    fn without_mark<'a>(&mut self, piece: &'a [u8], passing: &mut Passing<'_>) -> &'a [u8] {
        let mut rest = piece;
        while let (Some(expected), Some((byte, after))) = (MARK.get(self.mark), rest.split_first()) {
            if byte != expected {
                self.mark = MARK.len();
                break;
            }
            self.mark = self.mark.saturating_add(1);
            passing.pass(1, Verdict::Keep);
            rest = after;
        }
        rest
    }

    /// Reads up to the end of the event, or to the end of what there is; says how many bytes that were.
    fn read(&mut self, rest: &[u8], passing: &mut Passing<'_>, sink: &mut impl Reader) -> usize {
        if self.held.is_empty()
            && let Some(skimmed) = self.surround.skim(rest, sink)
        {
            passing.pass(skimmed, Verdict::Keep);
            return skimmed;
        }
        let found = self.ends.find(rest);
        let lines_end = found.map_or(rest.len(), |end| end.lines);
        if self.held.len().saturating_add(lines_end) > EVENT_HELD_MAX {
            self.begin_long(passing, sink);
            return 0;
        }
        let Some(end) = found else {
            self.hold(rest, passing);
            return rest.len();
        };
        let lines = self.ends.take();
        let event = rest.get(..end.behind).unwrap_or_default();
        let mut held = std::mem::take(&mut self.held);
        let before = held.len();
        let mut verdict = if before == 0 {
            self.give(event, lines, sink)
        } else {
            held.extend_from_slice(event);
            self.give(&held, lines, sink)
        };
        // What has begun to go on goes on to its end, and what would have begun to in other pieces does so in these.
        if verdict == Verdict::Drop {
            let whole = if before == 0 { event } else { &held };
            let waits = before == 0 || self.waits;
            if !(waits && self.undecided.is_some_and(|undecided| undecided(whole))) {
                verdict = Verdict::Keep;
            }
        }
        if std::mem::take(&mut self.waits) && verdict == Verdict::Keep {
            passing.insert(held.get(..before).unwrap_or_default());
        }
        held.clear();
        self.held = held;
        passing.pass(event.len(), verdict);
        self.open_end = end.open.then_some(verdict);
        end.behind
    }

    /// Keeps the event that is not whole; its bytes wait if it may still be left out.
    fn hold(&mut self, rest: &[u8], passing: &mut Passing<'_>) {
        let begins = self.held.is_empty();
        let waited = std::mem::take(&mut self.waits);
        let before = self.held.len();
        self.held.extend_from_slice(rest);
        self.waits = (begins || waited) && self.undecided.is_some_and(|undecided| undecided(&self.held));
        if waited && !self.waits {
            passing.insert(self.held.get(..before).unwrap_or_default());
        }
        passing.pass(rest.len(), if self.waits { Verdict::Drop } else { Verdict::Keep });
    }

    fn begin_long(&mut self, passing: &mut Passing<'_>, sink: &mut impl Reader) {
        let held = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.waits) {
            passing.insert(&held);
        }
        self.ends.take();
        let mut long = LongEvent::default();
        long.feed(&held, &mut |event: Event<'_>| sink.take(event));
        self.long = Some(long);
    }

    fn read_long(&mut self, rest: &[u8], passing: &mut Passing<'_>, sink: &mut impl Reader) -> usize {
        let end =
            self.long.as_mut().and_then(|long| long.feed(rest, &mut |event: Event<'_>| sink.take(event)));
        let used = end.map_or(rest.len(), |end| end.behind);
        passing.pass(used, Verdict::Keep);
        if let Some(end) = end {
            if let Some(long) = self.long.take() {
                long.finish(&mut |event: Event<'_>| sink.take(event));
            }
            self.open_end = end.open.then_some(Verdict::Keep);
        }
        used
    }

    /// One real stream ended without its last blank line.
    fn finish(&mut self, passing: &mut Passing<'_>, sink: &mut impl Reader) {
        if let Some(long) = self.long.take() {
            long.finish(&mut |event: Event<'_>| sink.take(event));
        }
        let held = std::mem::take(&mut self.held);
        let lines = self.ends.take();
        if held.is_empty() {
            return;
        }
        let verdict = self.give(&held, lines.saturating_add(1), sink);
        if std::mem::take(&mut self.waits) && verdict == Verdict::Keep {
            passing.insert(&held);
        }
    }

    /// Gives the data of a whole event of so many lines; without any, nothing.
    fn give(&mut self, event: &[u8], lines: u32, sink: &mut impl Reader) -> Verdict {
        let mut data: Option<&[u8]> = None;
        let mut several = false;
        for line in lines::of(event, lines) {
            let Some(value) = line.strip_prefix(b"data:") else { continue };
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let Some(first) = data else {
                data = Some(value);
                continue;
            };
            if !std::mem::replace(&mut several, true) {
                self.joined.clear();
                self.joined.extend_from_slice(first);
            }
            self.joined.push(b'\n');
            self.joined.extend_from_slice(value);
        }
        match data {
            Some(_) if several => sink.take(Event::Whole(&self.joined)),
            Some(data) if !data.is_empty() => {
                self.surround.learn(event, data);
                sink.take(Event::Whole(data))
            }
            _ => Verdict::Keep,
        }
    }
}

#[cfg(test)]
mod tests;
