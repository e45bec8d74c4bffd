//! The blocks of one frame, decoded by ruzstd. It gives output only once its window is full or its frame has ended.
//! So the frame begins with an empty block that is said to be its last: from then on all output can be looked at,
//! while ruzstd goes on decoding and keeps what it is not told to forget. A test would tell if that changed.

use super::{BLOCK_BYTES_MAX, Broken, header::Header};
use ruzstd::{
    decoding::{BlockDecodingStrategy, FrameDecoder},
    io::{Error, Write},
};

/// An empty raw block with the mark of the last one.
const EMPTY_LAST_BLOCK: &[u8] = &[1, 0, 0];
/// Output is forgotten, down to the window, when so much more than the window is kept: seldom enough that moving the
/// window costs little.
const KEPT_BEYOND_WINDOW: usize = 1024 * 1024;

pub(super) struct Blocks {
    decoder: Box<FrameDecoder>,
    window: usize,
    /// So many of the bytes that the decoder keeps were given.
    given: usize,
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Blocks").field("window", &self.window).finish_non_exhaustive()
    }
}

impl Blocks {
    /// Begins a frame, with the memory of the one before.
    pub(super) fn begin(before: Option<Self>, header: Header) -> Result<Self, Broken> {
        let decoder = before.map_or_else(|| Box::new(FrameDecoder::new()), |before| before.decoder);
        let mut blocks = Self { decoder, window: header.window, given: 0 };
        blocks.decoder.reset(&*header.bytes).map_err(|_| Broken)?;
        blocks.add(EMPTY_LAST_BLOCK)?;
        Ok(blocks)
    }

    /// Decodes a block, its header included.
    pub(super) fn decode(&mut self, block: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Broken> {
        self.add(block)?;
        let kept = self.decoder.can_collect();
        let mut look = Look { seen: 0, given: self.given, sink };
        self.decoder.collect_to_writer(&mut look).map_err(|_| Broken)?;
        if look.seen != kept || self.decoder.can_collect() != kept {
            return Err(Broken);
        }
        self.given = kept;
        if kept > self.window.saturating_add(KEPT_BEYOND_WINDOW) {
            self.forget()?;
        }
        Ok(())
    }

    fn add(&mut self, block: &[u8]) -> Result<(), Broken> {
        self.decoder.decode_blocks(block, BlockDecodingStrategy::UptoBlocks(1)).map_err(|_| Broken)?;
        Ok(())
    }

    /// Takes all output out, and puts the window back as raw blocks, which change nothing else in the decoder.
    fn forget(&mut self) -> Result<(), Broken> {
        let all = self.decoder.collect().ok_or(Broken)?;
        let window = all.get(all.len().saturating_sub(self.window)..).unwrap_or_default();
        // No block may be longer than the window.
        for part in window.chunks(BLOCK_BYTES_MAX.min(self.window).max(1)) {
            let size = u32::try_from(part.len()).map_err(|_| Broken)?;
            let [low, middle, high, _] = (size << 3).to_le_bytes();
            self.add(&[&[low, middle, high], part].concat())?;
        }
        self.given = self.decoder.can_collect();
        Ok(())
    }
}

/// Looks at what the decoder keeps, and gives what is new; takes nothing away.
struct Look<'a, Sink> {
    seen: usize,
    given: usize,
    sink: &'a mut Sink,
}

impl<Sink: FnMut(&[u8])> Write for Look<'_, Sink> {
    fn write(&mut self, kept: &[u8]) -> Result<usize, Error> {
        self.seen = self.seen.saturating_add(kept.len());
        match kept.get(self.given..) {
            Some(new) if !new.is_empty() => (self.sink)(new),
            _ => {}
        }
        Ok(0)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
