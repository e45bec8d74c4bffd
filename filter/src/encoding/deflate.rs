//! Deflate: the format itself, wrapped in zlib's, as HTTP has it, or bare, as some servers send it.

use super::{Broken, GIVEN_AT_ONCE};
use miniz_oxide::{
    DataFormat, MZError, MZFlush, MZStatus,
    inflate::stream::{InflateState, MinReset, inflate},
};

/// Inflates one stream.
pub(super) struct Inflater(Box<InflateState>);

impl std::fmt::Debug for Inflater {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Inflater").finish_non_exhaustive()
    }
}

impl Inflater {
    pub(super) fn new(format: DataFormat) -> Self {
        Self(InflateState::new_boxed(format))
    }

    /// Begins another stream of the same format.
    pub(super) fn begin_again(&mut self) {
        self.0.reset_as(MinReset);
    }

    /// Takes the next piece; gives the bytes behind the stream once it has ended.
    pub(super) fn feed<'a>(
        &mut self,
        piece: &'a [u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Option<&'a [u8]>, Broken> {
        let mut out = [0_u8; GIVEN_AT_ONCE];
        let mut rest = piece;
        loop {
            let step = inflate(&mut self.0, rest, &mut out, MZFlush::None);
            rest = rest.get(step.bytes_consumed..).unwrap_or_default();
            match out.get(..step.bytes_written) {
                Some(bytes) if !bytes.is_empty() => sink(bytes),
                _ => {}
            }
            match step.status {
                Ok(MZStatus::StreamEnd) => return Ok(Some(rest)),
                // Nothing is left to take, and nothing to give.
                Err(MZError::Buf) => return Ok(None),
                Ok(_) if rest.is_empty() && step.bytes_written < out.len() => return Ok(None),
                Ok(_) => {}
                Err(_) => return Err(Broken),
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) enum Decoder {
    #[default]
    Empty,
    /// The first byte has come; it takes two to tell the formats apart.
    Begun(u8),
    Inside(Inflater),
    Over,
}

impl Decoder {
    pub(super) fn feed(&mut self, piece: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Broken> {
        let mut rest = piece;
        while let Some((byte, after)) = rest.split_first() {
            let ended = match self {
                Self::Empty => {
                    *self = Self::Begun(*byte);
                    rest = after;
                    continue;
                }
                Self::Begun(first) => {
                    let first = *first;
                    let format = if is_zlib(first, *byte) { DataFormat::Zlib } else { DataFormat::Raw };
                    let mut inflater = Inflater::new(format);
                    let ended = inflater.feed(&[first], sink)?.is_some();
                    *self = if ended { Self::Over } else { Self::Inside(inflater) };
                    continue;
                }
                Self::Inside(inflater) => inflater.feed(rest, sink)?,
                Self::Over => return Err(Broken),
            };
            let Some(behind) = ended else { return Ok(()) };
            *self = Self::Over;
            rest = behind;
        }
        Ok(())
    }
}

/// Whether a stream begins with zlib's two bytes. A bare one cannot: it would be a stored block whose padding is not
/// zero.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x8f == 0x08 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}
