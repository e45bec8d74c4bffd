//! What the host knows of one HTTP stream, and what is taken out of its request.

use super::{
    abi::{self, Map},
    attempt::{ROUTE_HEADER, TARGET_HEADER},
    host,
    node::Node,
};
use crate::{
    attribution::is_internal, ending::StreamEnd, exchange::Surroundings, head::Headers, signature::Signature,
};

/// Facts about the stream that detection and events want, asked only where a call is likely.
pub(super) fn surroundings(node: &Node, headers: &Headers<'_>) -> Surroundings {
    let may_be_call = headers.value(":method") == Some(b"POST")
        || memchr::memmem::find(headers.path().as_bytes(), b"/responses/").is_some();
    if !may_be_call {
        return Surroundings::default();
    }
    let by_cluster = node.config.providers.iter().any(|rule| rule.cluster.is_some());
    let properties = node.config.identity.sources().filter_map(|source| source.property());
    let property = |path: &str| Some((path.into(), abi::property(path).ok()?));
    Surroundings {
        properties: properties.filter_map(property).collect(),
        route: host::text_property("xds\0route_name"),
        cluster: by_cluster.then(|| host::text_property("xds\0cluster_name")).flatten(),
    }
}

/// What Envoy's routes and the filters behind the attempt instance go by.
const CONTROL: [&[u8]; 2] = [ROUTE_HEADER, TARGET_HEADER];

/// Takes out of the request what the provider must not see. A call each: replacing the whole map costs more, since
/// Envoy then removes and adds every header.
pub(super) fn strip(node: &Node, headers: &Headers<'_>, metered: bool, keeps_length: bool) {
    let signature = Signature::of(headers);
    let goes = |name: &[u8]| is_internal(&node.config, name) || (!keeps_length && name == b"content-length");
    let set = |name: &[u8], value| {
        if abi::set_header(Map::Request, name, value).is_err() {
            node.stats.fault("request_headers");
        }
    };
    let mut gone: Vec<&[u8]> = Vec::new();
    for (name, value) in headers.iter() {
        // What chooses a route and its key is nobody's but ours, whoever claims to have signed it.
        if CONTROL.contains(&name) {
            gone.push(name);
            continue;
        }
        // A provider would refuse what is not as it was signed.
        if signature.is_some_and(|signature| signature.covers(name)) {
            continue;
        }
        if metered && name == b"accept-encoding" && value != b"identity" {
            // A compressed answer costs more to read; Envoy's own compressor can still serve the client.
            set(name, Some(b"identity"));
        }
        // Removing a name removes all its values.
        if goes(name) && !gone.contains(&name) {
            gone.push(name);
        }
    }
    gone.into_iter().for_each(|name| set(name, None));
}

/// What Envoy knows of the stream. A plain answer needs no look at flags and details.
pub(super) fn stream_end(plain: bool) -> StreamEnd {
    StreamEnd {
        flags: if plain { 0 } else { host::number_property("response\0flags").unwrap_or(0) },
        details: if plain { None } else { host::text_property("response\0code_details") },
        cluster: host::text_property("xds\0cluster_name"),
        // Of a plain answer the cluster tells enough; each property costs as much as all headers together.
        upstream: if plain { None } else { host::text_property("upstream\0address") },
        attempts: host::number_property("upstream\0request_attempt_count")
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0),
    }
}
