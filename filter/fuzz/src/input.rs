//! How an input is read: eight bytes that choose, then the body. All properties read it alike, so that the input of one
//! can seed another.

use std::{borrow::Cow, fmt::Debug};

/// An input.
pub struct Input<'a> {
    /// Where the body is cut.
    cuts: [u8; 4],
    /// What the property is to choose.
    pub choices: [u8; 4],
    /// The body.
    pub body: Cow<'a, [u8]>,
}

/// In the last choice: long runs are put in, which no fuzzer would think of.
const STRETCHED: u8 = 0x80;
/// Two are longer than any event that is held.
const RUN_BYTES: usize = 33_000;
const RUNS_MAX: usize = 5;

impl<'a> Input<'a> {
    /// Splits it.
    pub fn of(data: &'a [u8]) -> Option<Self> {
        let (cuts, rest) = data.split_first_chunk()?;
        let (choices, body) = rest.split_first_chunk::<4>()?;
        let body = if choices[3] & STRETCHED == 0 { Cow::Borrowed(body) } else { stretched(body).into() };
        Some(Self { cuts: *cuts, choices: *choices, body })
    }

    /// One of them.
    pub fn choose<T: Copy>(&self, choice: usize, from: &[T]) -> T {
        from[usize::from(self.choices[choice]) % from.len()]
    }

    /// Whether a bit of a choice is set.
    pub fn flag(&self, choice: usize, bit: u8) -> bool {
        self.choices[choice] >> bit & 1 == 1
    }

    /// The same whole, in two, in pieces of several lengths and byte by byte; gives what it was whole.
    pub fn same_however_cut<S: PartialEq + Debug>(&self, body: &[u8], read: impl Fn(&[&[u8]]) -> S) -> S {
        let whole = read(&[body]);
        let at = usize::from(u16::from_le_bytes([self.cuts[0], self.cuts[1]])) % body.len().max(1);
        let (head, tail) = body.split_at(at);
        assert_eq!(read(&[head, tail]), whole, "cut at {at}");
        assert_eq!(read(&self.pieces(body)), whole, "in pieces of {:?} and one", self.cuts);
        assert_eq!(read(&body.chunks(1).collect::<Vec<_>>()), whole, "byte by byte");
        whole
    }

    /// Pieces whose lengths come again and again; empty ones too.
    fn pieces<'b>(&self, body: &'b [u8]) -> Vec<&'b [u8]> {
        let mut lengths = self.cuts.iter().cycle();
        let (mut rest, mut pieces) = (body, Vec::new());
        while !rest.is_empty() {
            // All zero would go on for ever.
            for length in lengths.by_ref().take(4).map(|length| usize::from(*length)).chain([1]) {
                let (piece, after) = rest.split_at(length.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
        }
        pieces
    }
}

/// Each 0x02 becomes a long run.
fn stretched(body: &[u8]) -> Vec<u8> {
    let mut parts = body.splitn(RUNS_MAX + 1, |byte| *byte == 2);
    let mut long = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        long.resize(long.len() + RUN_BYTES, b'x');
        long.extend_from_slice(part);
    }
    long
}
