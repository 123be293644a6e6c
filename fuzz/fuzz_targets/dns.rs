#![no_main]
//! What can be read can be written and read again.

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ratel_proto::dns;

fuzz_target!(|input: &[u8]| {
    if let Ok(message) = dns::unpack(&Bytes::copy_from_slice(input)) {
        let packed = dns::pack(&message).expect("what was read can be written");
        let again = dns::unpack(&packed.into()).expect("it was written by us");
        assert_eq!(again.questions, message.questions);
    }
});
