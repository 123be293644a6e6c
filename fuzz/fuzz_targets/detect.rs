#![no_main]
//! An answer never changes when more bytes come.

use libfuzzer_sys::fuzz_target;
use ratel_proto::detect::{Detected, detect};

fuzz_target!(|input: &[u8]| {
    let mut before = Detected::NeedMore;
    for cut in 0..=input.len().min(100) {
        let after = detect(&input[..cut]);
        assert!(before == Detected::NeedMore || before == after);
        before = after;
    }
});
