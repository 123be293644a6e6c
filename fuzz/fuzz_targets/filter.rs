#![no_main]
//! A filter expression is read without a panic, deep as it may be, and its errors point into it.

use libfuzzer_sys::fuzz_target;
use ratel_flow::filter::{Filter, FilterOptions};

fuzz_target!(|input: &str| {
    match Filter::parse(input, FilterOptions::default()) {
        Ok(filter) => drop(filter.to_string()),
        Err(error) => assert!(input.get(error.span()).is_some()),
    }
});
