//! Host calls in the core's terms: time, properties, shared data, requests to the control plane. Each has a result;
//! what fails is counted by the caller and never stops a call.

use super::abi::{self, HostError};
use crate::{
    config::ControlPlane,
    counters::{SharedData, Unavailable},
};
use protocol::UnixNanos;
use proxy_wasm::{hostcalls, types::Status};
use std::time::Duration;

/// Wall-clock time.
pub(super) fn now() -> UnixNanos {
    abi::now().unwrap_or(0)
}

/// A property that is text; its path has a zero byte between the parts. What is a message or a list is absent.
pub(super) fn text_property(path: &str) -> Option<String> {
    String::from_utf8(abi::property(path).ok()?).ok().filter(|text| !text.is_empty())
}

/// A property that is a number.
pub(super) fn number_property(path: &str) -> Option<u64> {
    Some(u64::from_le_bytes(abi::property(path).ok()?.try_into().ok()?))
}

/// Envoy's shared data, common to all workers of the process.
#[derive(Debug)]
pub(super) struct Shared;

/// Never a live version before the 2^32nd write: how to swap a key that must still be absent. Version 0 would
/// overwrite blindly.
const ABSENT: u32 = u32::MAX;

impl SharedData for Shared {
    fn read(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Unavailable> {
        match hostcalls::get_shared_data(key) {
            Ok((value, Some(version))) => Ok(Some((value.unwrap_or_default(), version))),
            Ok((_, None)) => Ok(None),
            Err(_) => Err(Unavailable),
        }
    }

    fn swap(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<bool, Unavailable> {
        match hostcalls::set_shared_data(key, Some(value), version.or(Some(ABSENT))) {
            Ok(()) => Ok(true),
            Err(Status::CasMismatch) => Ok(false),
            Err(_) => Err(Unavailable),
        }
    }
}

/// A request to the control plane; the answer comes to the context that sent it.
pub(super) fn ask(
    to: &ControlPlane,
    method: &str,
    path: &str,
    etag: &str,
    body: Option<&[u8]>,
) -> Result<u32, HostError> {
    let mut headers = vec![
        (":method", method),
        (":path", path),
        (":authority", to.authority.as_str()),
        ("accept", protocol::codec::CONTENT_TYPE),
    ];
    if body.is_some() {
        headers.push(("content-type", protocol::codec::CONTENT_TYPE));
    }
    if !etag.is_empty() {
        headers.push(("if-none-match", etag));
    }
    if let Some(authorization) = to.authorization.as_ref().and_then(|text| str::from_utf8(text.bytes()).ok())
    {
        headers.push(("authorization", authorization));
    }
    let timeout = Duration::from_millis(to.timeout_ms);
    Ok(hostcalls::dispatch_http_call(&to.cluster, headers, body, vec![], timeout)?)
}
