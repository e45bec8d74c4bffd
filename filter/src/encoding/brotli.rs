//! Brotli, as browsers know it: without large windows, and without dictionaries of one's own.

use super::{Broken, GIVEN_AT_ONCE};
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

pub(super) struct Decoder {
    state: Box<State>,
    over: bool,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Decoder").field("over", &self.over).finish_non_exhaustive()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        let alloc = StandardAlloc::default;
        Self { state: Box::new(State::new_strict(alloc(), alloc(), alloc())), over: false }
    }
}

impl Decoder {
    pub(super) fn feed(&mut self, piece: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Broken> {
        let mut out = [0_u8; GIVEN_AT_ONCE];
        let (mut available, mut at, mut total) = (piece.len(), 0, 0);
        if self.over {
            return if piece.is_empty() { Ok(()) } else { Err(Broken) };
        }
        loop {
            let (mut room, mut length) = (out.len(), 0);
            let result = BrotliDecompressStream(
                &mut available,
                &mut at,
                piece,
                &mut room,
                &mut length,
                &mut out,
                &mut total,
                &mut self.state,
            );
            match out.get(..length) {
                Some(bytes) if !bytes.is_empty() => sink(bytes),
                _ => {}
            }
            match result {
                BrotliResult::NeedsMoreOutput => {}
                // It asks for input before it tells that it has more to give.
                BrotliResult::NeedsMoreInput if length == out.len() => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultSuccess => {
                    self.over = true;
                    return if available == 0 { Ok(()) } else { Err(Broken) };
                }
                BrotliResult::ResultFailure => return Err(Broken),
            }
        }
    }
}
