//! The escapes of JSON strings, in pieces.

use memchr::memchr;

/// Where a piece ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unescape {
    state: State,
    /// The first half of a pair of surrogates.
    high: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    Escape,
    Hex {
        digits: u8,
        value: u32,
    },
}

impl Unescape {
    /// Before the first piece.
    pub(crate) const NEW: Self = Self { state: State::Plain, high: None };

    /// How many bytes of UTF-8 the piece is.
    pub(crate) fn length(&mut self, piece: &[u8]) -> u64 {
        let mut length = 0_u64;
        self.feed(piece, |bytes| {
            length = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        });
        length
    }

    /// Hands on what the piece says.
    pub(crate) fn feed(&mut self, piece: &[u8], mut sink: impl FnMut(&[u8])) {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            if self.state == State::Plain && byte != b'\\' {
                let end = memchr(b'\\', rest).unwrap_or(rest.len());
                let (run, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                sink(run);
                rest = behind;
                continue;
            }
            rest = after;
            match self.state {
                State::Plain => self.state = State::Escape,
                State::Escape if byte == b'u' => self.state = State::Hex { digits: 0, value: 0 },
                State::Escape => {
                    self.state = State::Plain;
                    sink(&[match byte {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        b'b' => 8,
                        b'f' => 12,
                        other => other,
                    }]);
                }
                State::Hex { digits, value } => {
                    let digit = char::from(byte).to_digit(16).unwrap_or(0);
                    let value = value.wrapping_shl(4) | digit;
                    if digits < 3 {
                        self.state = State::Hex { digits: digits.saturating_add(1), value };
                    } else {
                        self.state = State::Plain;
                        self.unit(value, &mut sink);
                    }
                }
            }
        }
    }

    /// One UTF-16 unit.
    fn unit(&mut self, unit: u32, sink: &mut impl FnMut(&[u8])) {
        let code = match (self.high.take(), unit) {
            (None, 0xd800..=0xdbff) => {
                self.high = Some(unit);
                return;
            }
            (Some(high), 0xdc00..=0xdfff) => {
                0x1_0000_u32.saturating_add((high & 0x3ff).wrapping_shl(10)).saturating_add(unit & 0x3ff)
            }
            (_, other) => other,
        };
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        sink(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}
