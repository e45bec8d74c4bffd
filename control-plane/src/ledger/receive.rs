//! Reading a batch: strictly as a whole, which is fast, and item by item only when that fails, so that one broken
//! item costs nobody else.

use protocol::{
    codec::{self, Batch, CodecError, VERSION},
    event::UsageEvent,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// MessagePack with field names.
    MessagePack,
    /// JSON of the same shape.
    Json,
}

impl Encoding {
    /// Reads a body.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        match self {
            Self::MessagePack => codec::decode(bytes),
            // A list would fill the fields of what is read in order.
            Self::Json if bytes.trim_ascii_start().first() == Some(&b'[') => {
                Err(CodecError::Unreadable("it is a list, where an object belongs".to_owned()))
            }
            Self::Json => {
                serde_json::from_slice(bytes).map_err(|error| CodecError::Unreadable(error.to_string()))
            }
        }
    }
}

/// A batch with what could be read of its items.
#[derive(Debug)]
pub struct Received {
    /// The Envoy's node id.
    pub node: Box<str>,
    /// Its process.
    pub boot: Box<str>,
    /// One per item, in order; or why it cannot be read.
    pub items: Vec<Result<UsageEvent, String>>,
}

/// Why no item of a batch can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// It is no batch.
    #[error("the batch {0}")]
    Unreadable(#[from] CodecError),
    /// It is of another version.
    #[error("the batch has version {found}, and this control plane reads version {VERSION}")]
    Version {
        /// The batch's.
        found: u16,
    },
}

/// Reads a batch.
pub fn receive(bytes: &[u8], encoding: Encoding) -> Result<Received, BatchError> {
    if let Ok(Batch { version: VERSION, node, boot, events }) = encoding.decode::<Batch>(bytes) {
        return Ok(Received { node, boot, items: events.into_iter().map(Ok).collect() });
    }
    let Batch { version, node, boot, events } = encoding.decode::<Batch<Value>>(bytes)?;
    if version != VERSION {
        return Err(BatchError::Version { found: version });
    }
    let read = |item: Value| serde_json::from_value(item).map_err(|error| error.to_string());
    Ok(Received { node, boot, items: events.into_iter().map(read).collect() })
}
