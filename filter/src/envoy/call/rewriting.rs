//! Held request bodies that go on otherwise than they came, and their lengths with them.

use super::{
    super::{
        abi::{self, Buffer, HostError, Map},
        node::Node,
    },
    Call,
};
use crate::head::{Headers, split_pairs};

impl Call {
    /// Rewrites the held body so that the stream tells its usage.
    pub(super) fn ask_for_usage(&mut self, node: &Node, size: usize) {
        let Some(exchange) = &mut self.exchange else { return };
        let Ok(body) = abi::buffer(Buffer::Request, 0, size) else {
            return node.stats.fault("request_body");
        };
        let Some(rewritten) = exchange.rewritten(&body) else { return };
        // White space may still come behind what was read.
        let length = exchange.request_length_after(body.len(), rewritten.len());
        // The length first: a longer body under the old one would run into the connection's next request.
        let has_length = || {
            let length = length.map(|length| length.to_string()).ok_or(HostError)?;
            abi::set_header(Map::Request, b"content-length", Some(length.as_bytes()))
        };
        if self.has_content_length && has_length().is_err() {
            return node.stats.fault("request_rewrite");
        }
        if abi::replace_buffer(Buffer::Request, size, &rewritten).is_err() {
            node.stats.fault("request_rewrite");
        }
    }

    /// Rewrites the held body so that another model is asked for. What the provider is then asked for is what it says it
    /// served, so that a body which could not be rewritten is still charged as what it was.
    pub(super) fn ask_for_another_model(&self) -> Result<(), HostError> {
        /// More than is ever held, so all of it.
        const ALL: usize = 1 << 30;
        let body = abi::buffer(Buffer::Request, 0, ALL)?;
        let altered =
            self.exchange.as_ref().and_then(|exchange| exchange.with_model(&body)).ok_or(HostError)?;
        if self.has_content_length {
            let pairs = abi::header_pairs(Map::Request)?;
            let length: usize = Headers::new(&split_pairs(&pairs))
                .text("content-length")
                .and_then(|length| length.parse().ok())
                .ok_or(HostError)?;
            // White space may still come behind what is held.
            let length = length.saturating_sub(body.len()).saturating_add(altered.len());
            abi::set_header(Map::Request, b"content-length", Some(length.to_string().as_bytes()))?;
        }
        abi::replace_buffer(Buffer::Request, body.len(), &altered)
    }
}
