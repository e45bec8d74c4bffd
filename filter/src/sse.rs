//! Server-sent events: bytes in any pieces become event payloads. Frames bytes first and decodes no text, so a
//! border inside a character, a line end or an escape means nothing. Can leave events out of what goes on to the
//! client, which is how an injected usage chunk is taken out again.

use memchr::memchr2;

/// A larger event is passed on unread. The largest seen was 100 KB (a Responses terminal event).
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// What becomes of an event that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It is left out.
    Drop,
}

/// Whether the beginning of an event says already that it will be kept.
pub type Undecided = fn(&[u8]) -> bool;

/// Reads one stream.
#[derive(Debug, Default)]
pub struct Framer {
    /// The bytes of the event that is not whole yet.
    pending: Vec<u8>,
    /// How many of them are known to hold no event end.
    searched: usize,
    /// How many of them went on to the client already.
    forwarded: usize,
    /// Joins the data lines of an event that has several.
    joined: Vec<u8>,
    /// Events may be left out; until an event is decided, its bytes wait.
    undecided: Option<Undecided>,
    /// Bytes are dropped up to the next event end.
    skipping: bool,
    begun: bool,
    /// Events too large to read.
    oversized: u32,
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

    /// How many events were too large to read.
    pub fn oversized(&self) -> u32 {
        self.oversized
    }

    /// Takes the next piece, and the stream's end. Gives what goes on to the client where that is not the piece.
    pub fn feed(
        &mut self,
        piece: &[u8],
        end: bool,
        mut read: impl FnMut(&[u8]) -> Verdict,
    ) -> Option<Vec<u8>> {
        let waited = self.undecided.is_some() && self.pending.len() > self.forwarded;
        let mut pending = std::mem::take(&mut self.pending);
        let buffer: &[u8] = if pending.is_empty() {
            piece
        } else {
            pending.extend_from_slice(piece);
            &pending
        };
        let mut out = Vec::new();
        let mut rest = buffer;
        let mut dropped = false;
        while let Some((event, after)) = split_event(rest, self.searched) {
            self.searched = 0;
            let verdict = self.dispatch(event, &mut read);
            dropped |= self.pass(event, verdict, &mut out);
            rest = after;
        }
        if end && !rest.is_empty() {
            // One real stream ended without its last blank line.
            let verdict = self.dispatch(rest, &mut read);
            dropped |= self.pass(rest, verdict, &mut out);
            rest = &[];
        }
        let waits = self.keep_rest(rest, &mut out);
        (dropped || waits || waited).then_some(out)
    }

    /// Adds an event to what goes on; says whether it was left out.
    fn pass(&mut self, event: &[u8], verdict: Verdict, out: &mut Vec<u8>) -> bool {
        let forwarded = std::mem::take(&mut self.forwarded);
        if self.undecided.is_none() {
            return false;
        }
        if verdict == Verdict::Drop && forwarded == 0 {
            return true;
        }
        out.extend_from_slice(event.get(forwarded..).unwrap_or_default());
        false
    }

    /// Remembers the event that is not whole; says whether its bytes wait.
    fn keep_rest(&mut self, rest: &[u8], out: &mut Vec<u8>) -> bool {
        let waits = self.forwarded == 0
            && !rest.is_empty()
            && self.undecided.is_some_and(|undecided| undecided(rest));
        if !waits && self.undecided.is_some() {
            out.extend_from_slice(rest.get(self.forwarded..).unwrap_or_default());
            self.forwarded = rest.len();
        }
        if rest.len() > EVENT_BYTES_MAX {
            if !self.skipping {
                self.oversized = self.oversized.saturating_add(1);
            }
            self.skipping = true;
            if waits {
                out.extend_from_slice(rest);
            }
            // The last bytes may be the first of a line end.
            let tail = rest.get(rest.len().saturating_sub(4)..).unwrap_or_default();
            self.pending = tail.to_vec();
            self.forwarded = tail.len();
            self.searched = 0;
            return false;
        }
        self.pending = rest.to_vec();
        self.searched = rest.len().saturating_sub(3);
        waits
    }

    fn dispatch(&mut self, event: &[u8], read: &mut impl FnMut(&[u8]) -> Verdict) -> Verdict {
        if std::mem::take(&mut self.skipping) {
            return Verdict::Keep;
        }
        let event = match std::mem::replace(&mut self.begun, true) {
            false => event.strip_prefix(b"\xef\xbb\xbf").unwrap_or(event),
            true => event,
        };
        let mut data: Option<&[u8]> = None;
        self.joined.clear();
        let mut lines = 0_u32;
        for line in lines_of(event) {
            let Some(value) = line.strip_prefix(b"data:") else { continue };
            let value = value.strip_prefix(b" ").unwrap_or(value);
            lines = lines.saturating_add(1);
            match (lines, data) {
                (2, Some(first)) => {
                    self.joined.extend_from_slice(first);
                    self.joined.push(b'\n');
                    self.joined.extend_from_slice(value);
                }
                (1, _) => data = Some(value),
                _ => {
                    self.joined.push(b'\n');
                    self.joined.extend_from_slice(value);
                }
            }
        }
        match (lines, data) {
            (1, Some(data)) => read(data),
            (0, _) | (_, None) => Verdict::Keep,
            _ => read(&self.joined),
        }
    }
}

/// Splits off the first event, its blank line included. The first `searched` bytes hold no event end.
fn split_event(buffer: &[u8], searched: usize) -> Option<(&[u8], &[u8])> {
    let mut at = searched;
    loop {
        let mark = at.checked_add(memchr2(b'\n', b'\r', buffer.get(at..)?)?)?;
        let first = line_end(buffer, mark)?;
        match line_end(buffer, first) {
            Some(second) => return buffer.split_at_checked(second),
            None => at = first,
        }
    }
}

/// The offset behind a line end that begins at `at`. A final CR counts: an LF that follows in the next piece then
/// begins the next event as an empty line, which no reader minds.
fn line_end(buffer: &[u8], at: usize) -> Option<usize> {
    match (buffer.get(at)?, buffer.get(at.checked_add(1)?)) {
        (b'\r', Some(b'\n')) => at.checked_add(2),
        (b'\r' | b'\n', _) => at.checked_add(1),
        _ => None,
    }
}

fn lines_of(event: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = event;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end)?;
        let behind = line_end(after, 0).unwrap_or(0);
        rest = after.get(behind..).unwrap_or_default();
        Some(line)
    })
}

#[cfg(test)]
mod tests;
