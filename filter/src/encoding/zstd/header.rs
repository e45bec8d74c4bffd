//! The header of a frame.

use super::WINDOW_BYTES_MAX;

/// The magic number and the byte behind it, which tells how long the header is.
pub(super) const MAGIC_BYTES: usize = 5;
/// The magic number and the length of a frame to skip.
pub(super) const SKIPPED_BYTES: usize = 8;
const MAGIC: u32 = 0xfd2f_b528;

#[derive(Debug)]
pub(super) struct Header {
    /// How far back a block may refer.
    pub(super) window: usize,
    pub(super) has_checksum: bool,
    /// The same header for a frame without a checksum.
    pub(super) bytes: Vec<u8>,
}

pub(super) fn is_frame(held: &[u8]) -> bool {
    magic(held) == Some(MAGIC)
}

pub(super) fn is_skippable(held: &[u8]) -> bool {
    magic(held).is_some_and(|magic| magic & 0xffff_fff0 == 0x184d_2a50)
}

pub(super) fn skip_length(held: &[u8]) -> Option<u32> {
    held.get(4..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn magic(held: &[u8]) -> Option<u32> {
    held.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn descriptor(held: &[u8]) -> Option<u8> {
    held.get(4).copied()
}

fn is_single_segment(descriptor: u8) -> bool {
    descriptor & 0x20 != 0
}

/// The bytes of the content's size.
fn size_bytes(descriptor: u8) -> usize {
    match descriptor >> 6 {
        0 => usize::from(is_single_segment(descriptor)),
        1 => 2,
        2 => 4,
        _ => 8,
    }
}

/// The bytes of the name of a dictionary.
fn dictionary_bytes(descriptor: u8) -> usize {
    match descriptor & 3 {
        3 => 4,
        count => count.into(),
    }
}

/// How long the whole header is.
pub(super) fn length(held: &[u8]) -> Option<usize> {
    let descriptor = descriptor(held)?;
    MAGIC_BYTES
        .checked_add(usize::from(!is_single_segment(descriptor)))?
        .checked_add(dictionary_bytes(descriptor))?
        .checked_add(size_bytes(descriptor))
}

impl Header {
    /// None where it needs a dictionary, a larger window than may be, or something not invented yet.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let descriptor = descriptor(bytes)?;
        let mut rest = bytes.get(MAGIC_BYTES..)?;
        let mut window = 0_u64;
        if !is_single_segment(descriptor) {
            let (byte, after) = rest.split_first()?;
            let base = 1_u64.checked_shl(u32::from(byte >> 3).checked_add(10)?)?;
            window = base.checked_add((base >> 3).checked_mul(u64::from(byte & 7))?)?;
            rest = after;
        }
        let (dictionary, size) = rest.split_at_checked(dictionary_bytes(descriptor))?;
        if is_single_segment(descriptor) {
            window = little_endian(size);
            if size.len() == 2 {
                window = window.checked_add(256)?;
            }
        }
        let is_known = descriptor & 0x08 == 0 && little_endian(dictionary) == 0;
        (is_known && window <= WINDOW_BYTES_MAX).then_some(())?;
        let mut bytes = bytes.to_vec();
        *bytes.get_mut(4)? &= !0x04;
        Some(Self { window: usize::try_from(window).ok()?, has_checksum: descriptor & 0x04 != 0, bytes })
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
