//! The two ends of the benchmark in `bench/`: `ratel-bench origin` answers, `ratel-bench load` asks.
//!
//! Each runs on one thread, so that on a machine with two cores one is left for the candidate. Both speak HTTP/1.1
//! only, and know no more of it than they need: what is measured is the program between them.

mod args;
mod load;
mod net;
mod origin;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let args = args::Args::parse(words)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match command.as_str() {
        "origin" => runtime.block_on(origin::run(&args)),
        "load" => runtime.block_on(load::run(&args)),
        _ => anyhow::bail!("usage: ratel-bench origin|load --NAME VALUE...; see bench/README.md"),
    }
}
