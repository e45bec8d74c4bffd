//! Identifiers: the call id made in the filter, and the bounded names that dimensions carry.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use std::{fmt, str::FromStr};

/// A UUIDv7 made when the call's head is read. Time-ordered, so that the ledger's dedupe stays cheap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId([u8; 16]);

impl CallId {
    /// Sets the time, version and variant bits of RFC 9562 around ten random bytes.
    pub fn new(unix_ms: u64, random: [u8; 10]) -> Self {
        let [_, _, t0, t1, t2, t3, t4, t5] = unix_ms.to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        Self([t0, t1, t2, t3, t4, t5, 0x70 | (r0 & 0x0f), r1, 0x80 | (r2 & 0x3f), r3, r4, r5, r6, r7, r8, r9])
    }

    /// The sixteen bytes, in network order: what the ledger stores.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From the sixteen bytes that the ledger stores.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl CallId {
    /// The text, as a UUID is written. Two digits at a time into one buffer: written for every call, and `write!` costs
    /// a microsecond in the filter.
    pub fn text(&self) -> [u8; 36] {
        let mut text = [b'-'; 36];
        let mut digits = text.iter_mut().enumerate().filter(|(at, _)| !matches!(at, 8 | 13 | 18 | 23));
        for byte in self.0 {
            for nibble in [byte >> 4, byte & 0x0f] {
                if let Some((_, digit)) = digits.next() {
                    *digit = HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                }
            }
        }
        text
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CallId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut digits = text.bytes().filter(|byte| *byte != b'-');
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            let (high, low) = (digits.next().and_then(hex), digits.next().and_then(hex));
            *byte = match (high, low) {
                (Some(high), Some(low)) => (high << 4) | low,
                _ => return Err(IdError::NotUuid),
            };
        }
        if digits.next().is_some() {
            return Err(IdError::NotUuid);
        }
        Ok(Self(bytes))
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        serializer.serialize_str(std::str::from_utf8(&text).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The longest name a dimension may carry, in bytes. Long enough for a UUID, an e-mail address or a path; short
/// enough that ten thousand of them fit into one Envoy worker without anyone noticing.
pub const NAME_BYTES_MAX: usize = 128;

/// One customer, workspace, user, feature, task, model or route, as somebody else wrote it: printable UTF-8,
/// 1 to [`NAME_BYTES_MAX`] bytes, no surrounding blanks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// Takes header bytes, a claim or a YAML value.
    pub fn parse(bytes: &[u8]) -> Result<Self, IdError> {
        let text = std::str::from_utf8(bytes).map_err(|_| IdError::NotUtf8)?.trim();
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(IdError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(IdError::ControlCharacter);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user name may be an e-mail address, so a log line shows a short hash instead (invariant 7).
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self
            .0
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        write!(f, "#{hash:08x}")
    }
}

impl FromStr for Name {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text.as_bytes())
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Why a text is no identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("is longer than {NAME_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// A control character inside.
    #[error("contains a control character")]
    ControlCharacter,
    /// Not 32 hexadecimal digits.
    #[error("is not a UUID")]
    NotUuid,
}

#[cfg(test)]
mod tests;
