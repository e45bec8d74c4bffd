//! Finds values in JSON by looking at its bytes as they come, without building a tree and without keeping what
//! nobody asked for. Memory is bounded by what the wanted values may hold, whatever the size of the document.
//! It does not validate: what is no JSON gives no captures, or wrong ones, but never a panic.

mod capture;
mod found;
mod key;
mod media;
mod nesting;
mod span;

use crate::want::{Take, TextKind, Want};
use capture::Capture;
use key::Key;
pub use media::Media;
use memchr::memchr2;
pub use nesting::Nesting;
use span::SPANS_MAX;
pub use span::{Role, Span};

/// A value found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The path it was wanted by.
    pub path: &'static str,
    /// Where it begins in the document,
    pub start: u64,
    /// and where it ends.
    pub end: u64,
    /// Its bytes, as written.
    pub value: Vec<u8>,
}

/// No number that is summed is longer.
const NUMBER_BYTES_MAX: usize = 32;
/// All values kept of a document are no longer together.
const KEPT_BYTES_MAX: usize = 192 * 1024;
/// More captures than that are not kept: a document may repeat a key for ever. Nested ones leave room for the
/// outermost, which may come behind them.
const FOUND_MAX: usize = 96;
const FOUND_NESTED_MAX: usize = 64;

/// The scanner. Feed it the document in any pieces.
#[derive(Debug)]
pub struct Scanner {
    wants: &'static [Want],
    found: Vec<Found>,
    spans: Option<Vec<Span>>,
    offset: u64,
    /// Where in the document the piece began that is being looked at.
    piece_start: u64,
    nesting: Nesting,
    state: State,
    key: Key,
    top: Key,
    capture: Option<Capture>,
    /// The text that is being handed on.
    text: Option<TextKind>,
    /// Where text only counts and an object or array stands, its strings are handed on, until this depth is back.
    raw_text_depth: Option<u16>,
    scalar_start: u64,
    media: Media,
    lost_outermost: bool,
    kept_bytes: usize,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between tokens; `expect_key` after `{` and after a comma in an object.
    Between { expect_key: bool },
    /// In a string.
    Text { is_key: bool, escaped: bool },
    /// In a number, `true`, `false` or `null`.
    Scalar,
    /// Nothing more is looked at.
    Over,
}

impl Scanner {
    /// A scanner for the values wanted.
    pub fn new(wants: &'static [Want]) -> Self {
        Self {
            wants,
            found: Vec::new(),
            spans: None,
            offset: 0,
            piece_start: 0,
            nesting: Nesting::default(),
            state: State::Between { expect_key: false },
            key: Key::NONE,
            top: Key::NONE,
            capture: None,
            text: None,
            raw_text_depth: None,
            scalar_start: 0,
            media: Media::default(),
            lost_outermost: false,
            kept_bytes: 0,
            ended: false,
        }
    }

    /// One that also remembers where scalars are that may differ from document to document.
    pub fn with_spans(wants: &'static [Want]) -> Self {
        Self { spans: Some(Vec::with_capacity(SPANS_MAX)), ..Self::new(wants) }
    }

    /// Takes the next piece, and hands on the wanted texts in it: bytes between the quotes, as written.
    pub fn feed(&mut self, piece: &[u8], mut texts: impl FnMut(TextKind, &[u8])) {
        self.piece_start = self.offset;
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            rest = match self.state {
                State::Text { is_key, escaped: false } => {
                    let plain = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    if plain == 0 {
                        self.text_mark(byte, is_key, piece, &mut texts);
                        after
                    } else {
                        let (run, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
                        self.keep(run, is_key, &mut texts);
                        self.advance(run.len());
                        after
                    }
                }
                State::Text { is_key, escaped: true } => {
                    self.keep(&[byte], is_key, &mut texts);
                    self.state = State::Text { is_key, escaped: false };
                    self.advance(1);
                    after
                }
                State::Scalar => {
                    let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']') || is_space(*byte);
                    let length = rest.iter().position(is_end).unwrap_or(rest.len());
                    self.advance(length);
                    if length < rest.len() {
                        self.state = State::Between { expect_key: false };
                        self.end_scalar(false);
                        self.close_value(piece);
                    }
                    rest.get(length..).unwrap_or_default()
                }
                // Indented documents are half spaces.
                State::Between { .. } if is_space(byte) => {
                    let spaces = rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len());
                    self.advance(spaces);
                    rest.get(spaces..).unwrap_or_default()
                }
                State::Between { expect_key } => {
                    self.between(byte, expect_key, piece);
                    after
                }
                State::Over => break,
            };
        }
        if let Some(capture) = &mut self.capture {
            capture.take(piece, self.piece_start, self.offset);
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn text_mark(&mut self, byte: u8, is_key: bool, piece: &[u8], texts: &mut impl FnMut(TextKind, &[u8])) {
        if byte == b'\\' {
            self.keep(&[byte], is_key, texts);
            self.state = State::Text { is_key, escaped: true };
            self.advance(1);
            return;
        }
        if !is_key {
            self.end_scalar(true);
        }
        self.advance(1);
        self.state = State::Between { expect_key: false };
        if is_key && self.nesting.depth() == 1 {
            self.top = self.key;
        }
        if !is_key {
            self.text = None;
            self.media.string_ends();
            self.close_value(piece);
        }
    }

    fn keep(&mut self, bytes: &[u8], is_key: bool, texts: &mut impl FnMut(TextKind, &[u8])) {
        if let Some(kind) = self.text {
            texts(kind, bytes);
        } else if self.capture.is_some() {
            // It is taken as a whole, up to where the piece or the value ends.
        } else if self.raw_text_depth.is_some() && !is_key {
            texts(TextKind::Counted, bytes);
        } else if is_key {
            self.key.push(bytes);
        } else {
            self.media.string_goes_on(bytes);
        }
    }

    fn between(&mut self, byte: u8, expect_key: bool, piece: &[u8]) {
        match byte {
            b'"' => {
                let is_key = expect_key && self.nesting.in_object();
                if !is_key {
                    self.open_value(byte);
                    self.scalar_start = self.offset.saturating_add(1);
                } else if self.capture.is_none() {
                    self.key.clear();
                }
                self.state = State::Text { is_key, escaped: false };
            }
            b'{' | b'[' => {
                self.open_value(byte);
                self.state = State::Between { expect_key: byte == b'{' };
                let key = &self.key;
                if !self.nesting.open_below(byte == b'{', || key.hash()) {
                    self.state = State::Over;
                }
            }
            b'}' | b']' => {
                self.state = State::Between { expect_key: false };
                self.nesting.close();
            }
            b',' => self.state = State::Between { expect_key: true },
            b':' => {}
            _ => {
                self.open_value(byte);
                self.scalar_start = self.offset;
                self.state = State::Scalar;
            }
        }
        self.advance(1);
        if matches!(byte, b'}' | b']') {
            self.close_value(piece);
            if self.nesting.depth() == 0 {
                self.ended = true;
                self.state = State::Over;
            }
        }
    }

    fn open_value(&mut self, first: u8) {
        if self.capture.is_some() || !self.nesting.in_object() {
            return;
        }
        let (depth, key, top) = (self.nesting.depth(), &self.key, &self.top);
        let wanted = |want: &&Want| {
            (want.depth == depth
                && key.is(want.key)
                && top.is(want.top)
                && (want.parent.is_none() || want.parent == self.nesting.key()))
                || (want.depth == 0 && key.is(want.key))
        };
        let Some(want) = self.wants.iter().find(wanted) else { return };
        let (bytes_max, is_latest, is_sum) = match want.take {
            Take::Text(kind) => {
                match first {
                    b'"' => self.text = Some(kind),
                    b'{' | b'[' if kind == TextKind::Counted => {
                        self.raw_text_depth.get_or_insert(depth);
                    }
                    _ => {}
                }
                return;
            }
            Take::Value { bytes_max } => (bytes_max, false, false),
            Take::Latest { bytes_max } => (bytes_max, true, false),
            Take::Last { bytes_max } => (bytes_max, false, false),
            Take::Sum => (NUMBER_BYTES_MAX, false, true),
        };
        let most = if depth == 1 { FOUND_MAX } else { FOUND_NESTED_MAX };
        // Neither makes the list longer than the wants are.
        let replaces = matches!(want.take, Take::Last { .. });
        if is_sum || replaces || self.found.len() < most {
            let (path, start) = (want.path, self.offset);
            self.capture = Some(Capture {
                path,
                bytes_max,
                is_latest,
                is_sum,
                replaces,
                start,
                depth,
                value: Vec::new(),
                too_long: false,
            });
        } else {
            self.lost_outermost |= depth == 1;
        }
    }

    fn close_value(&mut self, piece: &[u8]) {
        let depth = self.nesting.depth();
        self.raw_text_depth.take_if(|open| *open >= depth);
        let Some(mut capture) = self.capture.take_if(|capture| capture.depth >= depth) else { return };
        capture.take(piece, self.piece_start, self.offset);
        if capture.is_sum {
            return self.add(&capture);
        }
        if capture.replaces {
            self.forget(capture.path);
        }
        let kept = self.kept_bytes.saturating_add(capture.value.len());
        if capture.too_long || kept > KEPT_BYTES_MAX {
            self.lost_outermost |= capture.depth == 1;
        } else {
            self.kept_bytes = kept;
            let Capture { path, start, value, .. } = capture;
            self.found.push(Found { path, start, end: self.offset, value });
        }
    }

    /// Makes room for what takes the place of values of the same path.
    fn forget(&mut self, path: &str) {
        let freed: usize =
            self.found.extract_if(.., |found| found.path == path).map(|found| found.value.len()).sum();
        self.kept_bytes = self.kept_bytes.saturating_sub(freed);
    }

    /// Adds a number to the sum of its path.
    fn add(&mut self, capture: &Capture) {
        let Some(number) = capture.number() else { return };
        let (path, start, end) = (capture.path, capture.start, self.offset);
        let sum = self.count(path).unwrap_or(0).saturating_add(number).to_string().into_bytes();
        match self.found.iter_mut().find(|found| found.path == path) {
            Some(found) => (found.end, found.value) = (end, sum),
            None => self.found.push(Found { path, start, end, value: sum }),
        }
    }

    /// Remembers where a scalar was, unless it is a wanted value: that one decides what the document means.
    fn end_scalar(&mut self, is_string: bool) {
        let Some(spans) = &mut self.spans else { return };
        let role = match (self.text, &self.capture) {
            (Some(kind), _) => Role::Text(kind),
            (None, Some(Capture { is_latest: true, .. })) if !is_string => Role::Latest,
            (None, Some(_)) => return,
            (None, None) if is_string && self.raw_text_depth.is_some() => Role::Text(TextKind::Counted),
            (None, None) => Role::Unwanted,
        };
        let (Ok(start), Ok(end)) = (usize::try_from(self.scalar_start), usize::try_from(self.offset)) else {
            return;
        };
        if spans.len() < SPANS_MAX {
            spans.push(Span { start, end, role, is_string });
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
mod tests;
