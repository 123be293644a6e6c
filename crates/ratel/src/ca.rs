//! `ratel ca`: the certificate that clients have to trust — shown, exported, and taught to this machine.

mod export;
mod install;
mod machine;
mod recipes;
mod stores;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use ratel_core::options::Values;
use ratel_proxy::tls::CaOrigin;

use crate::errand::{self, Authority, Trouble};
use install::{Terminal, Wish};
use machine::Here;
use stores::{Kind, Subject};

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
    let change = |name: &'static str, about: &'static str| {
        Command::new(name)
            .about(about)
            .after_help(
                "Without --system, --nss or --java: in all stores that are found. Every command is shown\n\
                 and nothing is changed before you agree.",
            )
            .arg(flag("system").help("The system's store"))
            .arg(flag("nss").help("NSS databases: Firefox's profiles, Chromium's on Linux"))
            .arg(flag("java").help("The keystores of installed Javas"))
            .arg(flag("yes").short('y').help("Do not ask"))
    };
    Command::new("ca")
        .about("Show, export and install the certificate that clients have to trust.")
        .subcommand(
            Command::new("show")
                .about("Show what it is, where its files are, and what trusts it (the default)"),
        )
        .subcommand(export)
        .subcommand(change("install", "Make this machine trust it"))
        .subcommand(change(
            "remove",
            "Take it out of this machine's stores again",
        ))
        .subcommand(Command::new("trust").about("Print the line that makes each runtime trust it"))
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

pub(crate) fn main(values: &Values, matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    if let Some(("remove", _)) = matches.subcommand()
        && !Authority::exists(values)
    {
        return Err(Trouble::new(format!(
            "there is no certificate authority in {}, so it is not known what to remove",
            errand::confdir(values)?.display()
        ))
        .hint("name its folder with --set confdir=FOLDER"));
    }
    if let (Some(("install", _)), Some(user), false) = (
        matches.subcommand(),
        std::env::var_os("SUDO_USER"),
        Authority::exists(values),
    ) {
        return Err(Trouble::new(format!(
            "there is no certificate authority in {}, and under sudo none is made",
            errand::confdir(values)?.display()
        ))
        .hint(format!(
            "name the folder of yours: --set confdir={}/{}/.ratel",
            if cfg!(target_os = "macos") {
                "/Users"
            } else {
                "/home"
            },
            user.to_string_lossy().escape_debug()
        )));
    }
    let authority = Authority::open(values)?;
    match matches.subcommand() {
        Some(("export", matches)) => export::main(&authority, matches)?,
        Some(("trust", _)) => errand::print(&recipes::text(&authority.cert_file()?)),
        Some((name @ ("install" | "remove"), matches)) => change(&authority, name, matches)?,
        _ => {
            errand::print(&about(&authority));
            let subject = Subject {
                cert: &authority.cert,
                file: &authority.store.cert_pem_path(),
            };
            for (at, line) in install::states(&Here, &subject).iter().enumerate() {
                let label = if at == 0 { "trusted by" } else { "" };
                errand::print(&format!("{label:11}  {line}\n"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn change(authority: &Authority, name: &str, matches: &ArgMatches) -> Result<(), Trouble> {
    let file = authority.cert_file()?;
    let subject = Subject {
        cert: &authority.cert,
        file: &file,
    };
    let kinds = [
        ("system", Kind::System),
        ("nss", Kind::Nss),
        ("java", Kind::Java),
    ];
    let kinds = kinds.into_iter().filter(|(flag, _)| matches.get_flag(flag));
    let wish = Wish {
        install: name == "install",
        kinds: kinds.map(|(_, kind)| kind).collect(),
        yes: matches.get_flag("yes"),
    };
    install::go(&Here, &subject, &wish, &mut Terminal)
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
    let base = authority.store.base();
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
