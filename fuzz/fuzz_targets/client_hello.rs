#![no_main]
//! A ClientHello is no larger than what was read.

use libfuzzer_sys::fuzz_target;
use ratel_proto::client_hello;

fuzz_target!(|input: &[u8]| {
    if let Ok(Some(hello)) = client_hello::parse(input) {
        assert!(hello.raw.len() <= input.len());
    }
});
