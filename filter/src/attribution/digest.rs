//! A keyed digest in place of a value: the same value gives the same digest, and nobody without the key can try
//! values to see whose it is.

use crate::config::Identity;
use hmac::{Hmac, KeyInit as _, Mac as _};
use protocol::ids::Name;
use sha2::Sha256;
use std::fmt::Write as _;

/// Half of the digest is enough to tell values apart.
const DIGEST_BYTES: usize = 16;

/// Nothing without a key: the value itself must not get out.
pub(super) fn of(identity: &Identity, value: &Name) -> Option<Name> {
    let mut mac = Hmac::<Sha256>::new_from_slice(identity.digest_key.as_ref()?.bytes()).ok()?;
    mac.update(value.as_str().as_bytes());
    let mut text = "hmac:".to_owned();
    for byte in mac.finalize().into_bytes().iter().take(DIGEST_BYTES) {
        write!(text, "{byte:02x}").ok()?;
    }
    Name::parse(text.as_bytes()).ok()
}
