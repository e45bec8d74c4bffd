//! What a property's bytes say. The host writes a text as it is, a number in eight bytes, a boolean in one, and
//! anything with parts as a message; it does not say which of them it is.

use std::borrow::Cow;

/// The value as text: numbers that are whole, booleans, and texts without control characters. A whole number below
/// 2^44 has a zero byte at least, and any message has small bytes as its tags, so neither is ever taken for a text.
pub(super) fn text(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    match bytes {
        [0] => return Some(b"false".as_slice().into()),
        [1] => return Some(b"true".as_slice().into()),
        _ => {}
    }
    if std::str::from_utf8(bytes).is_ok() && !bytes.iter().any(u8::is_ascii_control) {
        return Some(bytes.into());
    }
    let number = u64::from_le_bytes(bytes.try_into().ok()?);
    Some(whole(number)?.to_string().into_bytes().into())
}

/// Numbers in metadata and claims are doubles; a whole one is read from its bits. No float is needed, and no other
/// one is an identity.
fn whole(bits: u64) -> Option<u64> {
    const FRACTION_BITS: u64 = 52;
    const BIAS: u64 = 1_023;
    if bits == 0 {
        return Some(0);
    }
    // With the sign, so that negative numbers are too large.
    let exponent = (bits >> FRACTION_BITS).checked_sub(BIAS)?;
    let cut = FRACTION_BITS.checked_sub(exponent)?;
    let fraction = bits & ((1 << FRACTION_BITS) - 1) | 1 << FRACTION_BITS;
    (fraction.trailing_zeros() >= u32::try_from(cut).ok()?).then(|| fraction >> cut)
}
