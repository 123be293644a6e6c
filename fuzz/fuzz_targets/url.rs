#![no_main]
//! A host is never empty.

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ratel_proto::url;

fuzz_target!(|input: &[u8]| {
    let _ = url::parse_connect_target(input);
    if let Ok(url::Target::Absolute { host, .. }) = url::parse_target(&Bytes::copy_from_slice(input)) {
        assert!(!host.is_empty());
    }
});
