//! Gzip: members, each with a header, a deflate stream and its checksum. <https://www.rfc-editor.org/rfc/rfc1952>

use super::{Broken, deflate::Inflater};
use crc32fast::Hasher;
use miniz_oxide::DataFormat;

const HEADER_CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

#[derive(Debug)]
pub(super) struct Decoder {
    part: Part,
    /// Which parts of the header there are still to come.
    flags: u8,
    inflater: Inflater,
    sum: Hasher,
    /// Bytes given of this member, as far as its trailer counts them.
    length: u32,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// So many of the ten bytes that each member begins with have come.
    Begin(usize),
    /// The length of the extra field: how many of its bytes have come, and what they say.
    ExtraLength(bool, u16),
    /// Bytes to skip.
    Skip(u16),
    /// A name or a comment, which ends with a zero.
    Text,
    Body,
    /// The checksum and the length: how many bytes have come, and what they say.
    Trailer(u32, u64),
}

impl Default for Decoder {
    fn default() -> Self {
        let inflater = Inflater::new(DataFormat::Raw);
        Self { part: Part::Begin(0), flags: 0, inflater, sum: Hasher::new(), length: 0 }
    }
}

impl Decoder {
    pub(super) fn feed(&mut self, piece: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Broken> {
        let mut rest = piece;
        while let Some((byte, after)) = rest.split_first() {
            if matches!(self.part, Part::Body) {
                let Some(behind) = self.body(rest, sink)? else { return Ok(()) };
                self.part = Part::Trailer(0, 0);
                rest = behind;
            } else {
                self.part = self.byte(*byte)?;
                rest = after;
            }
        }
        Ok(())
    }

    fn body<'a>(&mut self, rest: &'a [u8], sink: &mut impl FnMut(&[u8])) -> Result<Option<&'a [u8]>, Broken> {
        let (sum, length) = (&mut self.sum, &mut self.length);
        self.inflater.feed(rest, &mut |bytes| {
            sum.update(bytes);
            *length = length.wrapping_add(u32::try_from(bytes.len()).unwrap_or(0));
            sink(bytes);
        })
    }

    /// Reads a byte of a header or a trailer; says what comes next.
    fn byte(&mut self, byte: u8) -> Result<Part, Broken> {
        Ok(match self.part {
            Part::Begin(at) => {
                let fits = match at {
                    0 => byte == 0x1f,
                    1 => byte == 0x8b,
                    2 => byte == 8,
                    3 => byte & RESERVED == 0,
                    _ => true,
                };
                if !fits {
                    return Err(Broken);
                }
                match at {
                    3 => self.flags = byte,
                    9 => return Ok(self.next_field()),
                    _ => {}
                }
                Part::Begin(at.saturating_add(1))
            }
            Part::ExtraLength(false, _) => Part::ExtraLength(true, byte.into()),
            Part::ExtraLength(true, low) => match low | (u16::from(byte) << 8) {
                0 => self.next_field(),
                length => Part::Skip(length),
            },
            Part::Skip(1) => self.next_field(),
            Part::Skip(left) => Part::Skip(left.saturating_sub(1)),
            Part::Text if byte == 0 => self.next_field(),
            Part::Text => Part::Text,
            Part::Trailer(count, value) => {
                let value = (value >> 8) | (u64::from(byte) << 56);
                if count < 7 { Part::Trailer(count.saturating_add(1), value) } else { self.end(value)? }
            }
            Part::Body => Part::Body,
        })
    }

    /// The next part of the header that is there, or the body.
    fn next_field(&mut self) -> Part {
        for (flag, part) in [
            (EXTRA, Part::ExtraLength(false, 0)),
            (NAME, Part::Text),
            (COMMENT, Part::Text),
            (HEADER_CHECKSUM, Part::Skip(2)),
        ] {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                return part;
            }
        }
        Part::Body
    }

    /// Compares the trailer; another member may follow.
    fn end(&mut self, trailer: u64) -> Result<Part, Broken> {
        let sum = std::mem::take(&mut self.sum).finalize();
        let length = std::mem::take(&mut self.length);
        if trailer != u64::from(sum) | (u64::from(length) << 32) {
            return Err(Broken);
        }
        self.inflater.begin_again();
        Ok(Part::Begin(0))
    }
}
