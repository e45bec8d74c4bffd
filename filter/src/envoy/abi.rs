//! Host calls that the SDK lacks, or that panic in it: local replies with code details, random bytes, and header
//! maps as bytes in one piece. The only file with `unsafe` in it; every pointer given lives through its call, and
//! every pointer taken was allocated for us by the host through the SDK's exported allocator.
#![expect(unsafe_code, reason = "raw host calls; see the file's head")]

use crate::head::join_pairs;
use proxy_wasm::types::{MapType, Status};
use std::ptr;

mod env {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_get_header_map_pairs(map: i32, data: *mut *mut u8, size: *mut usize) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
    }
}

mod wasi {
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub(super) fn random_get(data: *mut u8, size: usize) -> u32;
    }
}

const OK: u32 = 0;

/// A host call that did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostError;

impl From<Status> for HostError {
    fn from(_: Status) -> Self {
        Self
    }
}

fn number_of(map: MapType) -> i32 {
    match map {
        MapType::HttpRequestHeaders => 0,
        MapType::HttpRequestTrailers => 1,
        MapType::HttpResponseHeaders => 2,
        MapType::HttpResponseTrailers => 3,
        _ => 6, // HttpCallResponseHeaders
    }
}

/// A header map in the host's serialised form; take it apart with [`crate::head::split_pairs`]. The SDK's own getter
/// panics where the map is not there.
pub(super) fn header_pairs(map: MapType) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (ptr::null_mut::<u8>(), 0_usize);
    // SAFETY: both pointers are to live locals.
    let status = unsafe { env::proxy_get_header_map_pairs(number_of(map), &raw mut data, &raw mut size) };
    match (status, data.is_null()) {
        (OK, true) => Ok(Vec::new()),
        // SAFETY: the host allocated `size` bytes through our allocator and gives them away.
        (OK, false) => Ok(unsafe { Vec::from_raw_parts(data, size, size) }),
        _ => Err(HostError),
    }
}

/// Answers the request instead of the provider. The SDK's own call sets no code details.
pub(super) fn send_local_reply(
    status: u16,
    details: &str,
    headers: &[(&[u8], &[u8])],
    body: &[u8],
) -> Result<(), HostError> {
    const NO_GRPC_STATUS: i32 = -1;
    let headers = join_pairs(headers);
    // SAFETY: all three live through the call.
    let status = unsafe {
        env::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    };
    if status == OK { Ok(()) } else { Err(HostError) }
}

/// Bytes from the host's cryptographic generator.
pub(super) fn random(bytes: &mut [u8]) -> Result<(), HostError> {
    // SAFETY: `bytes` lives through the call.
    let status = unsafe { wasi::random_get(bytes.as_mut_ptr(), bytes.len()) };
    if status == OK { Ok(()) } else { Err(HostError) }
}
