#![no_main]
//! A regular expression is read without a panic, and searched in bounded time.

use libfuzzer_sys::fuzz_target;
use ratel_flow::pattern::{Flags, Pattern, Unit};

fuzz_target!(|input: (&str, &[u8], bool)| {
    let (source, text, bytes) = input;
    let unit = if bytes { Unit::Byte } else { Unit::Char };
    match Pattern::new(source, unit, Flags::default(), 0) {
        Ok(pattern) => drop(pattern.is_match(text)),
        Err(error) => assert!(source.get(error.at).is_some()),
    }
});
