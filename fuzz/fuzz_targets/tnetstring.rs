#![no_main]
//! What can be read is written as something that is read as the same.

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ratel_proto::tnetstring::{self, Encoder, Value};

fn written(value: &Value) -> Bytes {
    let mut encoder = Encoder::new();
    encoder.value(value);
    Bytes::copy_from_slice(encoder.bytes_written())
}

fuzz_target!(|input: &[u8]| {
    if let Ok(value) = tnetstring::decode(&Bytes::copy_from_slice(input)) {
        let usual = written(&value);
        let again = tnetstring::decode(&usual).expect("it was written by us");
        assert_eq!(written(&again), usual);
    }
});
