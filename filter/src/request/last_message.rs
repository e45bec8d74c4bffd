//! The last message of a request, as a fingerprint: what tells a request that is made again from one that goes on. White
//! space between tokens does not count. The text is not kept.

use crate::fingerprint::Fingerprint;
use memchr::memchr2;

/// Under these keys of the request's object stand the messages, or the one text that is all of them.
const KEYS: [&[u8]; 4] = [b"messages", b"input", b"contents", b"prompt"];
const KEY_BYTES_MAX: usize = 8;

/// Reads a request for its last message, in any pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct LastMessage {
    depth: u16,
    in_text: bool,
    escaped: bool,
    /// The text being read may be a key of the request's object.
    key: Option<Key>,
    expects_key: bool,
    /// The value being read stands under one of the keys.
    is_wanted: bool,
    current: Fingerprint,
    last: Option<u64>,
}

/// The beginning of a key.
#[derive(Clone, Copy, Debug, Default)]
struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    length: usize,
}

impl Key {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = *byte;
            }
            self.length = self.length.saturating_add(1);
        }
    }

    fn is_wanted(self) -> bool {
        self.bytes.get(..self.length).is_some_and(|key| KEYS.contains(&key))
    }
}

impl LastMessage {
    pub(super) fn feed(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            if self.in_text && !self.escaped {
                let plain = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                if plain > 0 {
                    let (run, behind) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
                    self.text(run);
                    rest = behind;
                    continue;
                }
            }
            self.byte(byte);
            rest = after;
        }
    }

    fn text(&mut self, run: &[u8]) {
        match &mut self.key {
            Some(key) => key.feed(run),
            None if self.is_wanted => self.current.feed(run),
            None => {}
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => return self.end_text(),
                _ => {}
            }
            return self.text(&[byte]);
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'"' => {
                self.in_text = true;
                self.key = (self.depth == 1 && self.expects_key).then(Key::default);
                if self.is_wanted {
                    self.current.feed(b"\"");
                }
            }
            b'{' | b'[' => {
                self.take(byte);
                self.depth = self.depth.saturating_add(1);
                self.expects_key = self.depth == 1 && byte == b'{';
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth >= 2 {
                    self.take(byte);
                } else {
                    self.end_message();
                }
            }
            b',' if self.depth == 2 => self.end_message(),
            b',' if self.depth == 1 => {
                self.end_message();
                (self.is_wanted, self.expects_key) = (false, true);
            }
            b':' if self.depth == 1 => self.expects_key = false,
            _ => self.take(byte),
        }
    }

    fn end_text(&mut self) {
        self.in_text = false;
        match self.key.take() {
            Some(key) => self.is_wanted = key.is_wanted(),
            None if self.is_wanted => self.current.feed(b"\""),
            None => {}
        }
    }

    /// Takes a byte of a message: what is inside of the array, or of the one value in its place.
    fn take(&mut self, byte: u8) {
        if self.is_wanted && (self.depth >= 2 || !matches!(byte, b'[' | b'{')) {
            self.current.feed(&[byte]);
        }
    }

    fn end_message(&mut self) {
        if let Some(value) = std::mem::take(&mut self.current).value() {
            self.last = Some(value);
        }
    }

    /// Of the last message that was read to its end.
    pub(super) fn fingerprint(&self) -> Option<u64> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(request: &str) -> Option<u64> {
        let mut whole = LastMessage::default();
        whole.feed(request.as_bytes());
        for size in [1, 2, 3, 7] {
            let mut pieces = LastMessage::default();
            request.as_bytes().chunks(size).for_each(|piece| pieces.feed(piece));
            assert_eq!(pieces.fingerprint(), whole.fingerprint(), "{size}: {request}");
        }
        whole.fingerprint()
    }

    #[test]
    fn only_the_last_message_counts_and_white_space_does_not() {
        let last = of(r#"{"model":"m","messages":[{"role":"user","content":"a\"],\\"}],"stream":true}"#);
        assert!(last.is_some());
        for same in [
            r#"{"messages" : [ {"role":"system","content":"x"} , {"role": "user", "content" :"a\"],\\" } ]}"#,
            r#"{"input":[{"role":"user","content":"a\"],\\"}],"messages2":[1]}"#,
            r#"{"contents":[[1,2],{"role":"user","content":"a\"],\\"}]}"#,
        ] {
            assert_eq!(of(same), last, "{same}");
        }
        for other in [
            r#"{"messages":[{"role":"user","content":"a\"],\\"},{"role":"user","content":"b"}]}"#,
            r#"{"messages":[{"role":"user","content":"a \"],\\"}]}"#,
            r#"{"system":{"messages":[{"role":"user","content":"a\"],\\"}]}}"#,
        ] {
            assert_ne!(of(other), last, "{other}");
        }
    }

    #[test]
    fn a_text_in_the_place_of_messages_is_the_message() {
        assert_eq!(of(r#"{"model":"m","prompt":"once"}"#), of(r#"{"prompt": "once","max_tokens":7}"#));
        assert_ne!(of(r#"{"prompt":"once"}"#), of(r#"{"prompt":"twice"}"#));
        for none in ["", "{}", r#"{"model":"messages"}"#, r#"{"messages":[]}"#, "]]]}", "nonsense"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
