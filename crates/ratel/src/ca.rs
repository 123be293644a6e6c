//! `ratel ca`: the certificate that clients have to trust — shown, exported, and taught to this machine.

mod export;
mod recipes;

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use ratel_core::options::Values;
use ratel_proxy::tls::CaOrigin;

use crate::errand::{self, Authority, Trouble};

pub(crate) fn command() -> Command {
    let export = Command::new("export")
        .about("Write the certificate in the form that another program or system wants")
        .arg(
            Arg::new("form")
                .value_name("FORM")
                .required(true)
                .value_parser(["pem", "der", "p12"])
                .help(
                    "pem for most programs, der for Windows and Java, p12 for what wants PKCS#12",
                ),
        )
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .value_parser(value_parser!(std::path::PathBuf))
                .help("Where to; standard output if missing or `-`"),
        )
        .arg(
            flag("with-key").help(
                "p12 only: include the private key, with which anybody can pose as any server",
            ),
        )
        .arg(flag("force").help("Write over a file that is there"));
    Command::new("ca")
        .about("Show, export and install the certificate that clients have to trust.")
        .subcommand(
            Command::new("show").about("Show what it is, where its files are (the default)"),
        )
        .subcommand(export)
        .subcommand(Command::new("trust").about("Print the line that makes each runtime trust it"))
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

pub(crate) fn main(values: &Values, matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    let authority = Authority::open(values)?;
    match matches.subcommand() {
        Some(("export", matches)) => export::main(&authority, matches)?,
        Some(("trust", _)) => errand::print(&recipes::text(&authority.cert_file()?)),
        _ => errand::print(&about(&authority)),
    }
    Ok(ExitCode::SUCCESS)
}

/// What the certificate is and where its files are.
fn about(authority: &Authority) -> String {
    let cert = &authority.cert;
    let origin = match authority.origin {
        CaOrigin::Created => " (made just now)",
        CaOrigin::Ratel => "",
        CaOrigin::Mitmproxy => " (mitmproxy's)",
    };
    let expired = if authority.store.expired() {
        " EXPIRED: clients refuse it"
    } else {
        ""
    };
    let mut text = format!(
        "certificate  {}{origin}\nsubject      {}\nSHA-256      {}\nvalid        {} to {}{expired}\n",
        authority.store.cert_pem_path().display(),
        subject(authority),
        authority.fingerprint(),
        cert.not_before(),
        cert.not_after(),
    );
    let files = [
        ("ca.pem", "key and certificate; keep it to yourself"),
        ("ca.p12", "the same as PKCS#12; keep it to yourself"),
        ("ca-cert.pem", "certificate, for most programs"),
        ("ca-cert.cer", "the same, for Android"),
        ("ca-cert.p12", "certificate as PKCS#12, for Windows"),
    ];
    let base = match authority.origin {
        CaOrigin::Mitmproxy => "mitmproxy",
        CaOrigin::Created | CaOrigin::Ratel => "ratel",
    };
    for (at, (name, what)) in files
        .iter()
        .map(|(name, what)| (format!("{base}-{name}"), what))
        .filter(|(name, _)| authority.confdir.join(name).exists())
        .enumerate()
    {
        let label = if at == 0 { "files" } else { "" };
        text += &format!("{label:11}  {name:21}  {what}\n");
    }
    text
}

/// The subject on one line. It may be anybody's, since the files can be.
fn subject(authority: &Authority) -> String {
    let entries = authority.cert.subject_name().entries().map(|entry| {
        let name = entry.object().nid().short_name().unwrap_or("?");
        let value = entry.data().to_string().unwrap_or_default();
        let value = value.escape_debug().to_string();
        format!("{name}={value}")
    });
    entries.collect::<Vec<_>>().join(", ")
}
