//! The wire between filter and control plane: MessagePack with field names. A positional record would fail as soon
//! as one side knows a field more than the other, and they are upgraded apart.

use crate::event::{ItemResult, UsageEvent};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The version of everything that crosses. A reader refuses another one, by that reason, rather than misread it.
pub const VERSION: u16 = 1;
/// The media type.
pub const CONTENT_TYPE: &str = "application/vnd.msgpack";
/// About what a finished event takes, so that writing one rarely moves it.
const EVENT_BYTES: usize = 1_024;
/// The largest batch of events that the control plane takes.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A batch of events as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch<E = UsageEvent> {
    /// [`VERSION`].
    pub version: u16,
    /// The Envoy's node id.
    pub node: Box<str>,
    /// Drawn when the Envoy process began.
    pub boot: Box<str>,
    /// The events.
    pub events: Vec<E>,
}

/// The answer to a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReply {
    /// One per event, in order.
    pub results: Vec<ItemReply>,
}

/// The answer to one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemReply {
    /// What became of it.
    pub result: ItemResult,
    /// Why, where it was not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Not MessagePack, or not of this shape.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Cannot be written; no type of this crate does that.
    #[error("cannot be written: {0}")]
    Unwritable(String),
}

/// Writes with field names.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::with_capacity(EVENT_BYTES);
    rmp_serde::encode::write_named(&mut bytes, value)
        .map_err(|error| CodecError::Unwritable(error.to_string()))?;
    Ok(bytes)
}

/// Reads; unknown fields are skipped.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    rmp_serde::from_slice(bytes).map_err(|error| CodecError::Unreadable(error.to_string()))
}

/// Puts events that are encoded already into one batch, without decoding them again.
pub fn join_batch<'a>(
    node: &str,
    boot: &str,
    events: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, CodecError> {
    /// The marker of a MessagePack array with a 32-bit length, which ends the batch's head.
    const ARRAY_32: u8 = 0xdd;
    let count = u32::try_from(events.len()).map_err(|error| CodecError::Unwritable(error.to_string()))?;
    let empty = Batch::<()> { version: VERSION, node: node.into(), boot: boot.into(), events: Vec::new() };
    let mut bytes = encode(&empty)?;
    bytes.pop(); // the empty array, one byte, written last
    bytes.push(ARRAY_32);
    bytes.extend(count.to_be_bytes());
    for event in events {
        bytes.extend_from_slice(event);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
