//! Finds values in JSON by looking at its bytes as they come, without building a tree and without keeping what
//! nobody asked for. Memory is bounded by what the wanted values may hold, whatever the size of the document.
//! It does not validate: what is no JSON gives no captures, or wrong ones, but never a panic.

use memchr::memchr2;

/// A value to find: `top`'s subtree, at nesting `depth`, under `key`.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// The key of the outermost object below which it lies; equal to `key` at depth 1.
    pub top: &'static str,
    /// How many objects and arrays are open around it.
    pub depth: u16,
    /// Its key.
    pub key: &'static str,
    /// More bytes than that are not kept, and the value counts as not found.
    pub bytes_max: usize,
}

/// A value at the outermost object, kept up to a kilobyte.
pub const fn top_level(key: &'static str) -> Want {
    Want { top: key, depth: 1, key, bytes_max: 1024 }
}

/// A value found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its key.
    pub key: &'static str,
    /// Where it begins in the document,
    pub start: u64,
    /// and where it ends.
    pub end: u64,
    /// Its bytes, as written.
    pub value: Vec<u8>,
}

/// More captures than that are not kept: a document may repeat a key for ever. Nested ones leave room for the
/// outermost, which may come behind them.
const FOUND_MAX: usize = 96;
const FOUND_NESTED_MAX: usize = 64;
/// No wanted key is longer.
const KEY_BYTES_MAX: usize = 32;
/// Deeper documents are scanned no further. serde_json stops at 128.
const DEPTH_MAX: u16 = 512;

/// The scanner. Feed it the document in any pieces.
#[derive(Debug)]
pub struct Scanner {
    wants: &'static [Want],
    found: Vec<Found>,
    offset: u64,
    depth: u16,
    /// One bit per nesting level: whether it is an object.
    objects: [u64; 8],
    state: State,
    key: Key,
    top: Key,
    capture: Option<Capture>,
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

#[derive(Clone, Copy, Debug, Default)]
struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    len: usize,
}

#[derive(Debug)]
struct Capture {
    want: Want,
    start: u64,
    depth: u16,
    value: Vec<u8>,
    too_long: bool,
}

impl Key {
    fn push(&mut self, piece: &[u8]) {
        for byte in piece {
            if let Some(slot) = self.bytes.get_mut(self.len) {
                *slot = *byte;
            }
            self.len = self.len.saturating_add(1);
        }
    }

    fn is(&self, text: &str) -> bool {
        self.bytes.get(..self.len).is_some_and(|bytes| bytes == text.as_bytes())
    }
}

impl Scanner {
    /// A scanner for the values wanted.
    pub fn new(wants: &'static [Want]) -> Self {
        Self {
            wants,
            found: Vec::new(),
            offset: 0,
            depth: 0,
            objects: [0; 8],
            state: State::Between { expect_key: false },
            key: Key::default(),
            top: Key::default(),
            capture: None,
            ended: false,
        }
    }

    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            rest = match self.state {
                State::Text { escaped: false, .. } => {
                    let plain = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    if plain == 0 { self.text_mark(byte, after) } else { self.text_run(rest, plain) }
                }
                State::Text { is_key, escaped: true } => {
                    self.keep(&[byte], is_key);
                    self.state = State::Text { is_key, escaped: false };
                    self.advance(1);
                    after
                }
                State::Scalar if !matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') => {
                    self.keep(&[byte], false);
                    self.advance(1);
                    after
                }
                State::Scalar => {
                    self.state = State::Between { expect_key: false };
                    self.close_value();
                    rest
                }
                State::Between { expect_key } => {
                    self.between(byte, expect_key);
                    after
                }
                State::Over => return,
            };
        }
    }

    /// What was found so far, in the document's order.
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// The last value of a key; a repeated key means its last value, as JSON parsers have it.
    pub fn last(&self, key: &str) -> Option<&Found> {
        self.found.iter().rev().find(|found| found.key == key)
    }

    /// The last value of a key as text, if it is a string.
    pub fn text(&self, key: &str) -> Option<String> {
        serde_json::from_slice(&self.last(key)?.value).ok()
    }

    /// The last value of a key as a count, if it is one.
    pub fn count(&self, key: &str) -> Option<u64> {
        serde_json::from_slice(&self.last(key)?.value).ok()
    }

    /// Whether the outermost value is closed.
    pub fn ended(&self) -> bool {
        self.ended
    }

    fn advance(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn text_run<'a>(&mut self, rest: &'a [u8], plain: usize) -> &'a [u8] {
        let (run, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        let is_key = matches!(self.state, State::Text { is_key: true, .. });
        self.keep(run, is_key);
        self.advance(run.len());
        after
    }

    fn text_mark<'a>(&mut self, byte: u8, after: &'a [u8]) -> &'a [u8] {
        let is_key = matches!(self.state, State::Text { is_key: true, .. });
        if byte == b'\\' {
            self.keep(&[byte], is_key);
            self.state = State::Text { is_key, escaped: true };
            self.advance(1);
            return after;
        }
        if let Some(capture) = &mut self.capture {
            capture.push(&[byte]);
        }
        self.advance(1);
        self.state = State::Between { expect_key: false };
        if is_key && self.depth == 1 {
            self.top = self.key;
        }
        if !is_key {
            self.close_value();
        }
        after
    }

    fn keep(&mut self, bytes: &[u8], is_key: bool) {
        if let Some(capture) = &mut self.capture {
            capture.push(bytes);
        } else if is_key {
            self.key.push(bytes);
        }
    }

    fn between(&mut self, byte: u8, expect_key: bool) {
        match byte {
            b'"' => {
                let is_key = expect_key && self.in_object();
                if is_key && self.capture.is_none() {
                    self.key = Key::default();
                } else if !is_key {
                    self.open_value();
                }
                self.state = State::Text { is_key, escaped: false };
            }
            b'{' | b'[' => {
                self.open_value();
                self.nest(byte == b'{');
                self.state = State::Between { expect_key: byte == b'{' };
            }
            b'}' | b']' => {
                self.state = State::Between { expect_key: false };
                self.depth = self.depth.saturating_sub(1);
            }
            b',' => self.state = State::Between { expect_key: true },
            b':' | b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => {
                self.open_value();
                self.state = State::Scalar;
            }
        }
        if let Some(capture) = &mut self.capture {
            capture.push(&[byte]);
        }
        self.advance(1);
        if matches!(byte, b'}' | b']') {
            self.close_value();
            if self.depth == 0 {
                self.ended = true;
                self.state = State::Over;
            }
        }
    }

    fn nest(&mut self, is_object: bool) {
        if self.depth >= DEPTH_MAX {
            self.state = State::Over;
            return;
        }
        let (word, bit) = (usize::from(self.depth / 64), 1_u64 << (self.depth % 64));
        if let Some(word) = self.objects.get_mut(word) {
            *word = if is_object { *word | bit } else { *word & !bit };
        }
        self.depth = self.depth.saturating_add(1);
    }

    fn in_object(&self) -> bool {
        let Some(level) = self.depth.checked_sub(1) else { return false };
        self.objects.get(usize::from(level / 64)).is_some_and(|word| word & (1_u64 << (level % 64)) != 0)
    }

    fn open_value(&mut self) {
        let most = if self.depth == 1 { FOUND_MAX } else { FOUND_NESTED_MAX };
        if self.capture.is_some() || self.found.len() >= most || !self.in_object() {
            return;
        }
        let wanted =
            |want: &&Want| want.depth == self.depth && self.key.is(want.key) && self.top.is(want.top);
        if let Some(want) = self.wants.iter().find(wanted) {
            let (start, depth) = (self.offset, self.depth);
            self.capture = Some(Capture { want: *want, start, depth, value: Vec::new(), too_long: false });
        }
    }

    fn close_value(&mut self) {
        let Some(capture) = self.capture.take_if(|capture| capture.depth >= self.depth) else { return };
        if !capture.too_long {
            let Capture { want, start, value, .. } = capture;
            self.found.push(Found { key: want.key, start, end: self.offset, value });
        }
    }
}

impl Capture {
    fn push(&mut self, bytes: &[u8]) {
        if self.too_long || self.value.len().saturating_add(bytes.len()) > self.want.bytes_max {
            self.too_long = true;
            self.value = Vec::new();
        } else {
            self.value.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
