#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| carnelian_fuzz::keyspace(data));
