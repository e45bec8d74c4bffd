//! A table of API keys by their digests. The keys themselves are nowhere.

use crate::config::fields::Fields;
use protocol::ids::Name;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const KEYS_MAX: usize = 10_000;

/// Who has which key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeys(BTreeMap<[u8; 32], Name>);

impl ApiKeys {
    pub(super) fn read(mut fields: Fields<'_>) -> Option<Self> {
        let entries = fields.texts_by_key();
        if entries.is_empty() || entries.len() > KEYS_MAX {
            fields.fault_here(format!("has {} keys, not 1 to {KEYS_MAX}", entries.len()));
            return None;
        }
        let mut keys = BTreeMap::new();
        for (digest, name) in entries {
            match (sha256(&digest), Name::parse(name.as_bytes())) {
                // What stands there may be the key itself, and is not repeated.
                (None, _) => fields.fault_here(
                    "has a key that is not `sha256:` and 64 lower-case hexadecimal digits".to_owned(),
                ),
                (_, Err(error)) => fields.fault(&digest, format!("is no name: {error}")),
                (Some(digest), Ok(name)) => drop(keys.insert(digest, name)),
            }
        }
        Some(Self(keys))
    }

    /// Whose key it is.
    pub(crate) fn owner(&self, key: &[u8]) -> Option<&Name> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        self.0.get(&digest)
    }
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("sha256:")?.as_bytes();
    let mut digest = [0; 32];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        *byte = digit(*high)?.checked_mul(16)?.checked_add(digit(*low)?)?;
    }
    Some(digest)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => byte.checked_sub(b'0'),
        b'a'..=b'f' => byte.checked_sub(b'a')?.checked_add(10),
        _ => None,
    }
}
