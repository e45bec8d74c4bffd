//! The fingerprint by which a repeat is told from a conflict.

use sha2::{Digest, Sha256};

/// Eight bytes of SHA-256. Two contents of one call with the same fingerprint would be taken for a repeat; that is
/// one in 2^64, and no attack: whoever could forge it could send the event in the first place.
pub(super) fn fingerprint(bytes: &[u8]) -> i64 {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}
