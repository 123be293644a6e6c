//! Ratel: an interactive HTTPS-intercepting proxy. This is the program; what it does lies in the crates.

mod browser;
mod ca;
mod cli;
mod convert;
mod done;
mod env;
mod errand;
mod files;
mod ink;
mod load;
mod printer;
mod programs;
mod rules;
mod run;
mod stop;
mod termlog;

use std::process::ExitCode;

/// Small allocations by the million are what a proxy does. Sanitizers and heap profilers want the system's allocator,
/// and leave the feature off.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::main(std::env::args_os())
}
