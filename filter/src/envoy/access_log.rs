//! The end of a call in filter state, for Envoy's access log: a batch of one event as `/v1/events` takes it, in JSON.

use super::{abi, node::Node};
use protocol::{
    codec::VERSION,
    event::{CallEnd, CallHead, Written},
};
use serde::Serialize;

/// The log writes it as `%FILTER_STATE(wasm.bursar_event:PLAIN)%`.
const KEY: &str = "bursar_event";

#[derive(Serialize)]
struct Line<'a> {
    version: u16,
    node: &'a str,
    boot: &'a str,
    events: [Written<'a>; 1],
}

pub(super) fn tell(node: &Node, head: &CallHead, end: &CallEnd) {
    let line =
        Line { version: VERSION, node: &node.name, boot: &node.boot, events: [Written::finished(head, end)] };
    let told =
        serde_json::to_vec(&line).map_err(drop).and_then(|line| abi::set_property(KEY, &line).map_err(drop));
    if told.is_err() {
        node.stats.fault("access_log");
    }
}
