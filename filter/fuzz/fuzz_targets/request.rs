//! `request` of `filter_fuzz::PROPERTIES`, under the fuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| filter_fuzz::check("request", data));
