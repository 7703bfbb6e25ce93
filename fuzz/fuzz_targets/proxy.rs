#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wskt_fuzz::proxy::run(input));
