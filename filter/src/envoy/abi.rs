//! Host calls that the SDK lacks (local replies with code details, random bytes, header maps in one piece), those in
//! which it panics on a status it did not expect (a panic here would cut every stream of the worker), and those that it
//! makes dearer than they are. The only file with `unsafe` in it; every pointer given lives through its call, and every
//! pointer taken was allocated for us by the host through the SDK's exported allocator.
#![expect(unsafe_code, reason = "raw host calls; see the file's head")]

use crate::head::join_pairs;
use proxy_wasm::types::Status;
use std::ptr;

mod env {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_get_header_map_pairs(map: i32, data: *mut *mut u8, size: *mut usize) -> u32;
        pub(super) fn proxy_replace_header_map_value(
            map: i32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_remove_header_map_value(map: i32, name: *const u8, name_size: usize) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: i32,
            start: usize,
            size: usize,
            data: *mut *mut u8,
            data_size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_buffer_bytes(
            buffer: i32,
            start: usize,
            size: usize,
            data: *const u8,
            data_size: usize,
        ) -> u32;
        pub(super) fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            data_size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_property(
            path: *const u8,
            path_size: usize,
            data: *const u8,
            data_size: usize,
        ) -> u32;
        pub(super) fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            argument: *const u8,
            argument_size: usize,
            result: *mut *mut u8,
            result_size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_continue_stream(stream: i32) -> u32;
        pub(super) fn proxy_close_stream(stream: i32) -> u32;
        pub(super) fn proxy_set_effective_context(context: u32) -> u32;
        pub(super) fn proxy_done() -> u32;
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

/// The header maps that are read or written here, by their numbers in the ABI.
#[derive(Clone, Copy, Debug)]
pub(super) enum Map {
    Request,
    Response,
    /// Of an answer of the control plane.
    Answer,
}

impl Map {
    fn number(self) -> i32 {
        match self {
            Self::Request => 0,
            Self::Response => 2,
            Self::Answer => 6,
        }
    }
}

/// The buffers, likewise.
#[derive(Clone, Copy, Debug)]
pub(super) enum Buffer {
    Request,
    Response,
    /// Of an answer of the control plane.
    Answer,
    Configuration,
}

impl Buffer {
    fn number(self) -> i32 {
        match self {
            Self::Request => 0,
            Self::Response => 1,
            Self::Answer => 4,
            Self::Configuration => 7,
        }
    }
}

fn done_if(status: u32) -> Result<(), HostError> {
    if status == OK { Ok(()) } else { Err(HostError) }
}

/// Takes what the host allocated for us.
fn taken(status: u32, data: *mut u8, size: usize) -> Result<Vec<u8>, HostError> {
    done_if(status)?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host allocated `size` bytes through our allocator and gives them away.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// A header map in the host's serialised form; take it apart with [`crate::head::split_pairs`].
pub(super) fn header_pairs(map: Map) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (ptr::null_mut::<u8>(), 0_usize);
    // SAFETY: both pointers are to live locals.
    let status = unsafe { env::proxy_get_header_map_pairs(map.number(), &raw mut data, &raw mut size) };
    taken(status, data, size)
}

/// Sets or removes a header.
pub(super) fn set_header(map: Map, name: &[u8], value: Option<&[u8]>) -> Result<(), HostError> {
    // SAFETY: name and value live through the call.
    let status = unsafe {
        match value {
            Some(value) => env::proxy_replace_header_map_value(
                map.number(),
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            ),
            None => env::proxy_remove_header_map_value(map.number(), name.as_ptr(), name.len()),
        }
    };
    done_if(status)
}

/// A part of a buffer.
pub(super) fn buffer(buffer: Buffer, start: usize, size: usize) -> Result<Vec<u8>, HostError> {
    const NOT_FOUND: u32 = 1;
    let (mut data, mut data_size) = (ptr::null_mut::<u8>(), 0_usize);
    // SAFETY: both pointers are to live locals.
    let status = unsafe {
        env::proxy_get_buffer_bytes(buffer.number(), start, size, &raw mut data, &raw mut data_size)
    };
    if status == NOT_FOUND { Ok(Vec::new()) } else { taken(status, data, data_size) }
}

/// Replaces the first `size` bytes of a buffer, which must be all of them.
pub(super) fn replace_buffer(buffer: Buffer, size: usize, bytes: &[u8]) -> Result<(), HostError> {
    // SAFETY: `bytes` lives through the call.
    done_if(unsafe { env::proxy_set_buffer_bytes(buffer.number(), 0, size, bytes.as_ptr(), bytes.len()) })
}

/// Lets a request go on that was held.
pub(super) fn resume_request() -> Result<(), HostError> {
    const REQUEST: i32 = 0;
    // SAFETY: no pointers.
    done_if(unsafe { env::proxy_continue_stream(REQUEST) })
}

/// Breaks a response off, and its provider's connection with it.
pub(super) fn reset_response() -> Result<(), HostError> {
    const RESPONSE: i32 = 1;
    // SAFETY: no pointers.
    done_if(unsafe { env::proxy_close_stream(RESPONSE) })
}

/// Makes the calls that follow be about another context.
pub(super) fn act_for(context: u32) -> Result<(), HostError> {
    // SAFETY: no pointers.
    done_if(unsafe { env::proxy_set_effective_context(context) })
}

/// Lets Envoy end a root context that asked it to wait.
pub(super) fn done() -> Result<(), HostError> {
    // SAFETY: no pointers.
    done_if(unsafe { env::proxy_done() })
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
    done_if(status)
}

/// Nanoseconds since 1970.
pub(super) fn now() -> Result<u64, HostError> {
    let mut time = 0_u64;
    // SAFETY: the pointer is to a live local.
    done_if(unsafe { env::proxy_get_current_time_nanoseconds(&raw mut time) })?;
    Ok(time)
}

/// A property, by its path with a zero byte between the parts.
pub(super) fn property(path: &str) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (ptr::null_mut::<u8>(), 0_usize);
    // SAFETY: the path lives through the call, and both other pointers are to live locals.
    let status = unsafe { env::proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut size) };
    taken(status, data, size)
}

/// Sets filter state of the stream under a key of one part.
pub(super) fn set_property(key: &str, value: &[u8]) -> Result<(), HostError> {
    // SAFETY: key and value live through the call.
    done_if(unsafe { env::proxy_set_property(key.as_ptr(), key.len(), value.as_ptr(), value.len()) })
}

/// Lets Envoy choose the request's route again.
pub(super) fn clear_route_cache() -> Result<(), HostError> {
    const NAME: &str = "clear_route_cache";
    let (mut data, mut size) = (ptr::null_mut::<u8>(), 0_usize);
    // SAFETY: the name lives through the call, and both pointers to results are to live locals.
    let status = unsafe {
        env::proxy_call_foreign_function(
            NAME.as_ptr(),
            NAME.len(),
            ptr::null(),
            0,
            &raw mut data,
            &raw mut size,
        )
    };
    taken(status, data, size).map(drop)
}

/// Bytes from the host's cryptographic generator.
pub(super) fn random(bytes: &mut [u8]) -> Result<(), HostError> {
    // SAFETY: `bytes` lives through the call.
    let status = unsafe { wasi::random_get(bytes.as_mut_ptr(), bytes.len()) };
    done_if(status)
}
