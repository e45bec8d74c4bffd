//! Zstandard: frames of blocks. Frames bytes here and leaves the blocks to ruzstd, which by itself would keep back a
//! window's worth of output until its frame ends. <https://www.rfc-editor.org/rfc/rfc8878>

mod blocks;
mod header;

use super::Broken;
use blocks::Blocks;
use header::Header;

/// RFC 8878 has decoders take windows up to 8 MiB, and RFC 9659 has HTTP use none that is larger.
const WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
const BLOCK_BYTES_MAX: usize = 128 * 1024;
const BLOCK_HEADER_BYTES: usize = 3;

/// The content's checksum is skipped, not compared: it is of a hash that nothing else here needs.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    part: Part,
    /// The bytes of a part that is not whole yet.
    held: Vec<u8>,
    blocks: Option<Blocks>,
    has_checksum: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Part {
    /// The magic number and the byte behind it.
    #[default]
    Magic,
    /// A frame's header.
    Header,
    /// The length of a frame to skip.
    SkipLength,
    /// Bytes to skip: a frame of something else, or a checksum.
    Skip(u32),
    BlockHeader,
    /// A block of so many bytes, its header included.
    Block {
        bytes: usize,
        last: bool,
    },
}

impl Decoder {
    pub(super) fn feed(&mut self, piece: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Broken> {
        let mut rest = piece;
        while !rest.is_empty() {
            if let Part::Skip(left) = self.part {
                let count = u32::try_from(rest.len()).unwrap_or(u32::MAX).min(left);
                rest = rest.get(usize::try_from(count).map_err(|_| Broken)?..).unwrap_or_default();
                self.part = match left.saturating_sub(count) {
                    0 => Part::Magic,
                    left => Part::Skip(left),
                };
                continue;
            }
            let missing = self.need()?.saturating_sub(self.held.len());
            let (now, after) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
            self.held.extend_from_slice(now);
            rest = after;
            if now.len() == missing {
                self.part_is_whole(sink)?;
            }
        }
        Ok(())
    }

    /// How many bytes make the part whole.
    fn need(&self) -> Result<usize, Broken> {
        Ok(match self.part {
            Part::Magic => header::MAGIC_BYTES,
            Part::Header => header::length(&self.held).ok_or(Broken)?,
            Part::SkipLength => header::SKIPPED_BYTES,
            Part::Skip(_) => 0,
            Part::BlockHeader => BLOCK_HEADER_BYTES,
            Part::Block { bytes, .. } => bytes,
        })
    }

    /// Reads a part. It stays held where it is only the beginning of the next.
    fn part_is_whole(&mut self, sink: &mut impl FnMut(&[u8])) -> Result<(), Broken> {
        self.part = match self.part {
            Part::Magic if header::is_frame(&self.held) => Part::Header,
            Part::Magic if header::is_skippable(&self.held) => Part::SkipLength,
            Part::Magic | Part::Skip(_) => return Err(Broken),
            Part::SkipLength => match header::skip_length(&self.held).ok_or(Broken)? {
                0 => Part::Magic,
                length => Part::Skip(length),
            },
            Part::Header => {
                let header = Header::read(&self.held).ok_or(Broken)?;
                self.has_checksum = header.has_checksum;
                self.blocks = Some(Blocks::begin(self.blocks.take(), header)?);
                Part::BlockHeader
            }
            Part::BlockHeader => self.block_header()?,
            Part::Block { last, .. } => {
                let blocks = self.blocks.as_mut().ok_or(Broken)?;
                blocks.decode(&self.held, sink)?;
                match (last, self.has_checksum) {
                    (false, _) => Part::BlockHeader,
                    (true, true) => Part::Skip(4),
                    (true, false) => Part::Magic,
                }
            }
        };
        if !matches!(self.part, Part::Header | Part::SkipLength | Part::Block { .. }) {
            self.held.clear();
        }
        Ok(())
    }

    fn block_header(&self) -> Result<Part, Broken> {
        let [low, middle, high] = self.held.first_chunk().ok_or(Broken)?;
        let word = u32::from_le_bytes([*low, *middle, *high, 0]);
        let size = usize::try_from(word >> 3).map_err(|_| Broken)?;
        let content = match (word >> 1) & 3 {
            // One byte, repeated.
            1 => 1,
            0 | 2 => size,
            _ => return Err(Broken),
        };
        if size > BLOCK_BYTES_MAX {
            return Err(Broken);
        }
        Ok(Part::Block { bytes: content.saturating_add(BLOCK_HEADER_BYTES), last: word & 1 == 1 })
    }
}
