//! Sending a call by the policy's route: Envoy's routes match the name in a header that no client can set.

use super::{
    super::{
        abi::{self, HostError, Map},
        attempt::ROUTE_HEADER,
        node::Node,
    },
    Call,
};
use crate::head::{Headers, split_pairs};

impl Call {
    /// Names the call's route, and has Envoy choose again.
    pub(super) fn go_by_route(&self, node: &Node) {
        let Some(exchange) = &self.exchange else { return };
        if exchange.lacks_attempts() {
            node.stats.fault("route_without_attempt");
        }
        let Some(name) = exchange.routed() else { return };
        let choose = || -> Result<(), HostError> {
            let bytes = abi::header_pairs(Map::Request)?;
            let pairs = split_pairs(&bytes);
            let headers = Headers::new(&pairs);
            let text = |name| headers.text(name).unwrap_or_default();
            exchange.plan(text(":authority"), text(":path"));
            abi::set_header(Map::Request, ROUTE_HEADER, Some(name.as_bytes()))?;
            abi::clear_route_cache()
        };
        if choose().is_err() {
            node.stats.fault("route_rewrite");
        }
    }
}
