//! Where lines and events end: at LF, CRLF or CR, in pieces cut anywhere.

use memchr::memchr2;

/// The end of an event, as offsets into the piece it was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventEnd {
    /// Behind the event's last line, before its blank one.
    pub(super) lines: usize,
    /// Behind the blank line.
    pub(super) behind: usize,
    /// The blank line is a CR and the last byte there is, so an LF that comes next belongs to it.
    pub(super) open: bool,
}

/// Finds the end of one event.
#[derive(Debug, Default)]
pub(super) struct LineEnds {
    /// Lines that ended.
    lines: u32,
    /// A line has begun.
    in_line: bool,
    /// The last byte was a CR.
    after_cr: bool,
}

impl LineEnds {
    /// Takes the next bytes of the event.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<EventEnd> {
        let mut at = 0_usize;
        if std::mem::take(&mut self.after_cr) && bytes.first() == Some(&b'\n') {
            at = 1;
        }
        loop {
            // One search for both: a stream of CR alone is rare, but an LF behind one would hide its events.
            let Some(found) = memchr2(b'\n', b'\r', bytes.get(at..)?) else {
                self.in_line |= at < bytes.len();
                return None;
            };
            let mark = at.saturating_add(found);
            let behind = line_end(bytes, mark);
            let open = behind == bytes.len() && bytes.last() == Some(&b'\r');
            if found == 0 && !self.in_line {
                return Some(EventEnd { lines: at, behind, open });
            }
            self.lines = self.lines.saturating_add(1);
            self.in_line = false;
            self.after_cr = open;
            at = behind;
        }
    }

    /// How many lines ended; begins anew.
    pub(super) fn take(&mut self) -> u32 {
        std::mem::take(self).lines
    }
}

/// The offset behind the line end that begins at `at`.
pub(super) fn line_end(bytes: &[u8], at: usize) -> usize {
    let next = at.saturating_add(1);
    match (bytes.get(at), bytes.get(next)) {
        (Some(b'\r'), Some(b'\n')) => next.saturating_add(1),
        _ => next,
    }
}

/// The lines of an event that has so many. The last one, mostly the longest, is not searched for its end again.
pub(super) fn of(event: &[u8], lines: u32) -> impl Iterator<Item = &[u8]> {
    let mut rest = event;
    while let Some(shorter) = rest.strip_suffix(b"\n").or_else(|| rest.strip_suffix(b"\r")) {
        rest = shorter;
    }
    let mut left = lines;
    std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let end = if left == 0 { rest.len() } else { memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()) };
        let (line, _) = rest.split_at_checked(end)?;
        rest = rest.get(line_end(rest, end)..).unwrap_or_default();
        Some(line)
    })
}
