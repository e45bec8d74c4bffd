//! The module that Envoy loads: what it asks of its host, and how large it is. A new host call is a visible change.

use expect_test::expect;
use harness::places;
use std::fmt::Write;

/// A larger one takes Envoy longer to compile at start (175 ms for 330 KB) and each worker more memory. Some 320 KB
/// are the decoders of compressed answers, of which Brotli's dictionary and tables are two thirds.
const BYTES_MAX: usize = 2_200_000;

#[test]
fn the_filter_asks_its_host_for_these_and_nothing_else() {
    let module = std::fs::read(places::wasm()).unwrap();
    let mut imports = String::new();
    for (from, name) in imported(&module) {
        writeln!(imports, "{from} {name}").unwrap();
    }
    expect![[r#"
        env proxy_add_header_map_value
        env proxy_call_foreign_function
        env proxy_close_stream
        env proxy_continue_stream
        env proxy_define_metric
        env proxy_dequeue_shared_queue
        env proxy_done
        env proxy_enqueue_shared_queue
        env proxy_get_buffer_bytes
        env proxy_get_current_time_nanoseconds
        env proxy_get_header_map_pairs
        env proxy_get_header_map_value
        env proxy_get_property
        env proxy_get_shared_data
        env proxy_get_status
        env proxy_grpc_call
        env proxy_grpc_cancel
        env proxy_grpc_close
        env proxy_grpc_send
        env proxy_grpc_stream
        env proxy_http_call
        env proxy_increment_metric
        env proxy_log
        env proxy_record_metric
        env proxy_register_shared_queue
        env proxy_remove_header_map_value
        env proxy_replace_header_map_value
        env proxy_resolve_shared_queue
        env proxy_send_local_response
        env proxy_set_buffer_bytes
        env proxy_set_effective_context
        env proxy_set_header_map_pairs
        env proxy_set_property
        env proxy_set_shared_data
        env proxy_set_tick_period_milliseconds
        wasi_snapshot_preview1 random_get
    "#]]
    .assert_eq(&imports);
}

#[test]
fn the_filter_stays_small() {
    let bytes = std::fs::read(places::wasm()).unwrap().len();
    assert!(bytes < BYTES_MAX, "{bytes} bytes");
}

/// The import section of a module: id 2, a count, then module name, name, kind and type of each.
fn imported(module: &[u8]) -> Vec<(String, String)> {
    let mut rest = module.strip_prefix(b"\0asm\x01\0\0\0").unwrap();
    loop {
        let id = rest[0];
        rest = &rest[1..];
        let size = number(&mut rest);
        let (mut section, after) = rest.split_at(size);
        if id == 2 {
            let count = number(&mut section);
            let mut imports: Vec<_> = (0..count).map(|_| import(&mut section)).collect();
            imports.sort();
            return imports;
        }
        rest = after;
    }
}

fn import(section: &mut &[u8]) -> (String, String) {
    let (from, name) = (text(section), text(section));
    assert_eq!(section[0], 0, "{from} {name} is a function");
    *section = &section[1..];
    number(section);
    (from, name)
}

fn text(bytes: &mut &[u8]) -> String {
    let length = number(bytes);
    let (text, rest) = bytes.split_at(length);
    *bytes = rest;
    String::from_utf8(text.to_vec()).unwrap()
}

/// An unsigned LEB128.
fn number(bytes: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
