//! Chores of the project: `cargo xtask generate` writes what is made from tables, `cargo xtask tidy` checks the rules
//! that the compiler does not.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool"
)]

mod command_docs;
mod edges;
mod filter_docs;
mod option_docs;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let result = match task.as_deref() {
        Some("generate") => generate(),
        Some("tidy") => tidy(),
        _ => {
            eprintln!("usage: cargo xtask generate | tidy");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Files that are made from tables in the code, with what belongs into them.
fn generated() -> Vec<(&'static str, String)> {
    vec![
        ("docs/options.md", option_docs::page()),
        ("docs/commands.md", command_docs::page()),
        ("docs/filters.md", filter_docs::page()),
    ]
}

fn generate() -> anyhow::Result<()> {
    for (name, text) in generated() {
        let path = root().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, text)?;
        println!("wrote {name}");
    }
    Ok(())
}

fn tidy() -> anyhow::Result<()> {
    edges::check(&root())?;
    for (name, text) in generated() {
        let found = std::fs::read_to_string(root().join(name)).unwrap_or_default();
        anyhow::ensure!(
            found == text,
            "{name} is not what the code says; run `cargo xtask generate` and commit it"
        );
    }
    Ok(())
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_is_tidy() {
        super::tidy().unwrap();
    }
}
