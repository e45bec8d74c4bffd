//! A stream that a cap ends: asking for more while it flows, the end that its client gets, and the end of the provider's.
//! Envoy cannot end a response by itself but by breaking it. So the client first gets an end that is whole, and a moment
//! to close the connection by itself, which closes the provider's too; what still comes is kept back. Who waits for
//! the end of the connection nevertheless has had the whole answer by then.

use super::{Call, Watched};
use crate::envoy::{
    abi::{self, Buffer},
    host::{self, Shared},
    node::Node,
};
use proxy_wasm::types::Action;
use std::rc::Rc;

impl Call {
    pub(super) fn watched_body(&mut self, node: &Rc<Node>, piece: &[u8], end: bool) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let now = host::now();
        if exchange.is_stopped() {
            if !piece.is_empty() && abi::replace_buffer(Buffer::Response, piece.len(), &[]).is_err() {
                node.stats.fault("response_body");
            }
            if !end && node.is_cut(self.context, now) && abi::reset_response().is_err() {
                node.stats.fault("reset");
            }
            return Action::Continue;
        }
        // Without a snapshot nothing was held.
        let Some(snapshot) = node.snapshot() else { return Action::Continue };
        let (fast, away) = (node.config.admission.fast, node.is_away(now));
        let watched = Watched { snapshot: &snapshot, shared: &Shared, fast, away };
        let taken = exchange.watched_body(piece, end, &watched, now);
        if let Some(replaced) = taken.replaced
            && replaced != piece
            && abi::replace_buffer(Buffer::Response, piece.len(), &replaced).is_err()
        {
            node.stats.fault("response_body");
        }
        if taken.ends && !end {
            node.cuts_after_a_moment(self.context, now);
        }
        if let Some(reports) = taken.ask {
            let sent = node.allowance_request(reports).and_then(|body| {
                host::ask(&node.config.control_plane, "POST", "/v1/allowances", "", Some(&body)).ok()
            });
            self.asked_on = sent.map(|token| (token, now));
            if sent.is_none() {
                node.answered(false, now);
                exchange.overrun_answered(false);
            }
        }
        Action::Continue
    }
}
