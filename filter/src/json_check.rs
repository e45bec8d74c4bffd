//! Whether text is JSON, checked as it comes and without keeping it: an answer that was to be JSON is of no use when
//! it is none, and nobody else on the way would notice. Strict, as parsers are: RFC 8259.

use crate::json_scan::Nesting;

/// A checker of one or several documents behind one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonCheck {
    state: State,
    nesting: Nesting,
    documents: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before a document or behind it.
    #[default]
    Outside,
    /// A value must come; a `]` may, where an array has just been opened.
    Value {
        or_end: bool,
    },
    /// A key must come; a `}` may, where an object has just been opened.
    Key {
        or_end: bool,
    },
    Colon,
    /// A comma or the end of the container must come.
    Behind,
    Text {
        is_key: bool,
        escape: Escape,
    },
    Number(Number),
    /// `true`, `false` or `null`, and how much of it has come.
    Word(&'static [u8]),
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    /// So many hex digits are to come.
    Hex(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    E,
    ESign,
    Exponent,
}

impl JsonCheck {
    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.state == State::Broken {
                return;
            }
            self.state = self.next(*byte);
        }
    }

    /// Whether what came is whole documents, so many.
    pub fn whole_documents(&self) -> Option<u32> {
        match self.state {
            State::Outside => Some(self.documents),
            // A number at the outermost level ends with the text.
            State::Number(number) if self.nesting.depth() == 0 && number.may_end() => {
                Some(self.documents.saturating_add(1))
            }
            _ => None,
        }
    }

    fn next(&mut self, byte: u8) -> State {
        match self.state {
            State::Text { is_key, escape } => self.in_text(byte, is_key, escape),
            State::Number(number) => match number.next(byte) {
                Some(number) => State::Number(number),
                None if number.may_end() => {
                    self.state = self.behind_value();
                    self.next(byte)
                }
                None => State::Broken,
            },
            State::Word(rest) => match rest.split_first() {
                Some((first, [])) if *first == byte => self.behind_value(),
                Some((first, rest)) if *first == byte => State::Word(rest),
                _ => State::Broken,
            },
            state if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => state,
            State::Outside => self.value(byte),
            State::Value { or_end: true } if byte == b']' => self.close(),
            State::Value { .. } => self.value(byte),
            State::Key { or_end: true } if byte == b'}' => self.close(),
            State::Key { .. } if byte == b'"' => State::Text { is_key: true, escape: Escape::None },
            State::Colon if byte == b':' => State::Value { or_end: false },
            State::Behind => match byte {
                b',' if self.nesting.in_object() => State::Key { or_end: false },
                b',' => State::Value { or_end: false },
                b'}' if self.nesting.in_object() => self.close(),
                b']' if !self.nesting.in_object() => self.close(),
                _ => State::Broken,
            },
            State::Key { .. } | State::Colon | State::Broken => State::Broken,
        }
    }

    fn value(&mut self, byte: u8) -> State {
        match byte {
            b'"' => State::Text { is_key: false, escape: Escape::None },
            b'{' | b'[' if !self.nesting.open(byte == b'{') => State::Broken,
            b'{' => State::Key { or_end: true },
            b'[' => State::Value { or_end: true },
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'n' => State::Word(b"ull"),
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Whole),
            _ => State::Broken,
        }
    }

    fn close(&mut self) -> State {
        self.nesting.close();
        self.behind_value()
    }

    fn behind_value(&mut self) -> State {
        if self.nesting.depth() > 0 {
            return State::Behind;
        }
        self.documents = self.documents.saturating_add(1);
        State::Outside
    }

    fn in_text(&mut self, byte: u8, is_key: bool, escape: Escape) -> State {
        let text = |escape| State::Text { is_key, escape };
        match (escape, byte) {
            (Escape::None, b'"') if is_key => State::Colon,
            (Escape::None, b'"') => self.behind_value(),
            (Escape::None, b'\\') => text(Escape::Begun),
            (Escape::None, 0..=0x1f) => State::Broken,
            (Escape::None, _) => text(Escape::None),
            (Escape::Begun, b'u') => text(Escape::Hex(4)),
            (Escape::Begun, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => text(Escape::None),
            (Escape::Hex(1), digit) if digit.is_ascii_hexdigit() => text(Escape::None),
            (Escape::Hex(left), digit) if digit.is_ascii_hexdigit() => {
                text(Escape::Hex(left.saturating_sub(1)))
            }
            (Escape::Begun | Escape::Hex(_), _) => State::Broken,
        }
    }
}

impl Number {
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus | Self::Whole, b'0'..=b'9') => Some(Self::Whole),
            (Self::Zero | Self::Whole, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Some(Self::E),
            (Self::E, b'+' | b'-') => Some(Self::ESign),
            (Self::E | Self::ESign | Self::Exponent, b'0'..=b'9') => Some(Self::Exponent),
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Option<u32> {
        let mut whole = JsonCheck::default();
        whole.feed(text.as_bytes());
        let mut bytes = JsonCheck::default();
        text.as_bytes().chunks(1).for_each(|byte| bytes.feed(byte));
        assert_eq!(whole, bytes, "{text}");
        whole.whole_documents()
    }

    #[test]
    fn it_says_what_a_parser_says() {
        for text in [
            "{}",
            "[]",
            " {\"a\" : [1, -0.5e+3, true, null, \"x\\u00e9\\n\"]} ",
            "12",
            "\"é\"",
            "[[],{}]",
            "0",
            "1e9",
            "{",
            "}",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "01",
            "1.",
            "-",
            "tru",
            "nul",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"a\nb\"",
            "[1 2]",
            "{\"a\":}",
            "[}",
            "'a'",
            "```json\n{}\n```",
            "\"open",
            "+1",
            ".5",
            "[,1]",
        ] {
            let parser = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(documents(text) == Some(1), parser, "{text}");
        }
    }

    #[test]
    fn documents_behind_one_another_are_counted() {
        assert_eq!(documents(""), Some(0));
        assert_eq!(documents("  \n"), Some(0));
        assert_eq!(documents("{\"a\":1}{\"b\":2}\n{}"), Some(3));
        assert_eq!(documents("{\"a\":1}{\"b\":"), None);
        assert_eq!(documents(&"[".repeat(600)), None);
    }
}
