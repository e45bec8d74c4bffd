//! What a scanner has found so far.

use super::{Found, Media, Scanner, Span, State, span::SPANS_MAX};

impl Scanner {
    /// What was found so far, in the document's order.
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// Where the scalars are, if that was asked for and they are not too many.
    pub fn spans(&self) -> Option<&[Span]> {
        self.spans.as_deref().filter(|spans| spans.len() < SPANS_MAX)
    }

    /// The values of a path, as written.
    pub fn all(&self, path: &str) -> impl Iterator<Item = &[u8]> {
        self.found.iter().filter(move |found| found.path == path).map(|found| found.value.as_slice())
    }

    /// The last value of a path; a repeated key means its last value, as JSON parsers have it.
    pub fn last(&self, path: &str) -> Option<&Found> {
        self.found.iter().rev().find(|found| found.path == path)
    }

    /// The last value of a path, where it is not null.
    pub fn raw(&self, path: &str) -> Option<&[u8]> {
        self.last(path).map(|found| found.value.as_slice()).filter(|value| *value != b"null")
    }

    /// The last value of a path as text, if it is a string.
    pub fn text(&self, path: &str) -> Option<String> {
        let raw = self.raw(path)?;
        let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        match memchr::memchr(b'\\', inner) {
            None => std::str::from_utf8(inner).ok().map(str::to_owned),
            Some(_) => serde_json::from_slice(raw).ok(),
        }
    }

    /// The last value of a path as a count, if it is one.
    pub fn count(&self, path: &str) -> Option<u64> {
        serde_json::from_slice(self.raw(path)?).ok()
    }

    /// Whether the last value of a path is `true`.
    pub fn is_true(&self, path: &str) -> bool {
        self.raw(path) == Some(b"true")
    }

    /// What looks like media in base64.
    pub fn media(&self) -> &Media {
        &self.media
    }

    /// Whether the outermost value is an object with a key.
    pub fn has_members(&self) -> bool {
        !self.top.is("")
    }

    /// Whether a wanted value of the outermost object was longer than may be kept, or one too many.
    pub fn lost_outermost(&self) -> bool {
        self.lost_outermost
    }

    /// How many bytes were looked at; those behind the outermost value are not.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether nothing more is looked at.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether the outermost value is closed.
    pub fn ended(&self) -> bool {
        self.ended
    }
}
