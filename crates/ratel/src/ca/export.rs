//! `ratel ca export`.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use crate::errand::{self, Authority, Trouble};

pub(super) fn main(authority: &Authority, matches: &ArgMatches) -> Result<(), Trouble> {
    let form = matches.get_one::<String>("form").map_or("pem", |form| form);
    let with_key = matches.get_flag("with-key");
    if with_key && form != "p12" {
        return Err(
            Trouble::new("the private key is exported in the form p12 only").hint(format!(
                "{} holds it as PEM already",
                authority.key_file().display()
            )),
        );
    }
    let contents = match form {
        "der" => authority.store.cert_der().to_vec(),
        "p12" => authority.store.pkcs12(with_key).map_err(errand::library)?,
        _ => authority.pem()?,
    };
    match matches.get_one::<PathBuf>("file") {
        Some(path) if path != Path::new("-") => {
            errand::check_target(path, matches.get_flag("force"))?;
            let mode = if with_key { 0o600 } else { 0o644 };
            errand::put(path, &contents, mode)
                .map_err(|e| Trouble::new(format!("cannot write {}: {e}", path.display())))?;
            let secret = if with_key {
                ", with its private key and without a password: keep it to yourself"
            } else {
                ""
            };
            errand::note(&format!("wrote {}{secret}", path.display()));
            Ok(())
        }
        _ if form != "pem" && io::stdout().is_terminal() => Err(Trouble::new(format!(
            "the form {form} is not for a terminal to show"
        ))
        .hint(format!("name a file: `ratel ca export {form} FILE`"))),
        _ => io::stdout()
            .write_all(&contents)
            .and_then(|()| io::stdout().flush())
            .map_err(|e| Trouble::new(format!("cannot write to standard output: {e}"))),
    }
}
