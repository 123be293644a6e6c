//! Subcommands that do one thing and end: `ratel ca`, `ratel env`, `ratel export`, `ratel convert`,
//! `ratel rules`. This reads their arguments; what they do is in
//! modules of their own, which return texts.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use ratel_core::options::Values;
use ratel_proxy::tls::{CaError, CaOrigin, CaSettings, CaStore};

use crate::cli::{self, Outcome, Refusal, Surroundings};
use crate::{ca, convert, env, rules};

/// Why an errand was not done: one sentence, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Trouble {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl From<CaError> for Trouble {
    fn from(error: CaError) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// What is done once the arguments and options are read.
type Errand = fn(&Values, &ArgMatches) -> Result<ExitCode, Trouble>;

/// Does the errand that the arguments ask for; `None` when they ask for a program that stays.
pub(crate) fn main(args: &[OsString], around: &Surroundings) -> Option<ExitCode> {
    let argv0 = Path::new(args.first()?).file_stem()?.to_string_lossy();
    let mitmproxy = ["mitmproxy", "mitmdump", "mitmweb"];
    if mitmproxy
        .iter()
        .any(|name| argv0.eq_ignore_ascii_case(name))
    {
        return None;
    }
    let (command, go): (Command, Errand) = match args.get(1)?.to_str()? {
        "ca" => (ca::command(), ca::main),
        "env" => (env::command(), env::main),
        "export" => (convert::export_command(), convert::export),
        "convert" => (convert::convert_command(), convert::convert),
        "rules" => (rules::command(), rules::main),
        _ => return None,
    };
    let name = format!("{argv0} {}", command.get_name());
    let rest = convert::with_rules(&args[2..]);
    let done = read(&name, command, &rest, around).and_then(|read| match read {
        Read::Text(text) => {
            // A reader that has left does not want the rest.
            let _ = writeln!(io::stdout(), "{}", text.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Read::Given(values, matches) => go(&values, &matches),
    });
    Some(done.unwrap_or_else(|Trouble { message, hint }| {
        let argv0 = name;
        let refusal = Refusal {
            argv0,
            message,
            hint,
        };
        let _ = writeln!(io::stderr(), "{refusal}");
        ExitCode::FAILURE
    }))
}

enum Read {
    Given(Arc<Values>, ArgMatches),
    Text(String),
}

fn read(
    name: &str,
    command: Command,
    args: &[OsString],
    around: &Surroundings,
) -> Result<Read, Trouble> {
    let mut command = command
        .bin_name(name)
        .no_binary_name(true)
        .max_term_width(100)
        .disable_help_subcommand(true)
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("OPTION=VALUE")
                .action(ArgAction::Append)
                .global(true)
                .help("Set an option, such as `confdir=FOLDER`"),
        );
    if let Some(width) = around.width {
        command = command.term_width(width);
    }
    let matches = match command.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Ok(Read::Text(error.render().to_string()));
        }
        Err(error) => {
            let text = error.to_string();
            let ends = ["\n\nUsage", "\n\nFor more"].map(|end| text.find(end));
            let end = ends.into_iter().flatten().min().unwrap_or(text.len());
            let text = &text[..end];
            let text = text.strip_prefix("error: ").unwrap_or(text).trim_end();
            return Err(Trouble::new(text).hint(format!("`{name} --help` says what there is")));
        }
    };
    // The options are read as the programs read them: files, then what was set.
    let mut line = vec![OsString::from("ratel")];
    let mut innermost = &matches;
    loop {
        if innermost.value_source("set").is_some() {
            break;
        }
        match innermost.subcommand() {
            Some((_, inner)) => innermost = inner,
            None => break,
        }
    }
    for spec in innermost.get_many::<String>("set").into_iter().flatten() {
        line.extend(["--set".into(), spec.into()]);
    }
    match cli::parse(line, around) {
        Outcome::Run(invocation) => Ok(Read::Given(invocation.options.snapshot(), matches)),
        Outcome::Print(text) => Ok(Read::Text(text)),
        Outcome::Refuse(Refusal { message, hint, .. }) => Err(Trouble { message, hint }),
    }
}

/// The certificate authority of a configuration folder, made if there is none.
pub(crate) struct Authority {
    pub(crate) store: CaStore,
    pub(crate) cert: X509,
    pub(crate) origin: CaOrigin,
    pub(crate) confdir: PathBuf,
}

impl Authority {
    pub(crate) fn open(values: &Values) -> Result<Self, Trouble> {
        let confdir = confdir(values)?;
        let (store, origin) = CaStore::open(&confdir, &CaSettings::of(values))?;
        let cert = X509::from_der(store.cert_der()).map_err(library)?;
        Ok(Self {
            store,
            cert,
            origin,
            confdir,
        })
    }

    /// Whether there is one in the folder that the options name.
    pub(crate) fn exists(values: &Values) -> bool {
        CaStore::exists(&values.confdir())
    }

    /// The file of the key, which everything else is made from.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.confdir.join(format!("{}-ca.pem", self.store.base()))
    }

    /// A file that holds the certificate and nothing else, fit to be copied to where others read it.
    pub(crate) fn cert_file(&self) -> Result<PathBuf, Trouble> {
        let mut path = self.store.cert_pem_path();
        if path == self.key_file() {
            path = self.confdir.join("ratel-ca-cert.pem");
            if !path.exists() {
                write(&path, &self.pem()?)?;
            }
        }
        let text = std::fs::read(&path)
            .map_err(|error| Trouble::new(format!("cannot read {}: {error}", path.display())))?;
        let certs = X509::stack_from_pem(&text).unwrap_or_default();
        let same = |cert: &X509| cert.to_der().is_ok_and(|der| der == self.store.cert_der());
        if !certs.first().is_some_and(same) || has_key(&text) {
            return Err(Trouble::new(format!(
                "{} does not hold the certificate of {}",
                path.display(),
                self.key_file().display()
            ))
            .hint("move it away, and it is made again"));
        }
        Ok(path)
    }

    pub(crate) fn pem(&self) -> Result<Vec<u8>, Trouble> {
        self.cert.to_pem().map_err(library)
    }

    /// The SHA-256 of the certificate, as browsers and tools write it.
    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(&self.cert, MessageDigest::sha256())
    }
}

pub(crate) fn fingerprint(cert: &X509, digest: MessageDigest) -> String {
    let bytes = cert.digest(digest).map(|digest| digest.to_vec());
    let bytes: Vec<String> = bytes
        .unwrap_or_default()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    bytes.join(":")
}

/// The configuration folder, from wherever the reader of a text stands.
pub(crate) fn confdir(values: &Values) -> Result<PathBuf, Trouble> {
    let path = values.confdir();
    let path = std::path::absolute(&path).map_err(|error| {
        Trouble::new(format!("cannot tell where {} is: {error}", path.display()))
    })?;
    if path.to_str().is_none() {
        return Err(Trouble::new(format!(
            "the name of the configuration folder '{}' is not valid UTF-8",
            path.display()
        ))
        .hint("choose another folder with --set confdir=FOLDER"));
    }
    Ok(path)
}

pub(crate) fn library(error: openssl::error::ErrorStack) -> Trouble {
    Trouble::new(format!("cannot work with the certificate: {error}"))
}

/// Whether there is a private key in a PEM file.
pub(crate) fn has_key(text: &[u8]) -> bool {
    let needle = b"PRIVATE KEY-----";
    text.windows(needle.len()).any(|window| window == needle)
}

/// What is there is written over only when that is asked for, and never where it is somebody's key.
pub(crate) fn check_target(path: &Path, force: bool) -> Result<(), Trouble> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let there = || format!("{} is there already", path.display());
    if path.is_dir() {
        let message = format!("{} is a folder", path.display());
        return Err(Trouble::new(message).hint("name a file in it"));
    }
    // A file is put in the place of another; devices and pipes are no such places.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        let message = format!("{} is no regular file", path.display());
        return Err(Trouble::new(message).hint("`-` is standard output"));
    }
    if !force {
        return Err(Trouble::new(there()).hint("--force writes over it"));
    }
    match std::fs::read(path) {
        Ok(text) if has_key(&text) => Err(Trouble::new(format!(
            "{}, and it holds a private key",
            there()
        ))
        .hint("choose another name, or remove it yourself")),
        _ => Ok(()),
    }
}

/// Puts a file that everybody may read into its place in one step.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<(), Trouble> {
    put(path, contents, 0o644).map_err(|error| {
        Trouble::new(format!("cannot write {}: {error}", path.display()))
            .hint("make the folder writable, or choose another one with --set confdir=FOLDER")
    })
}

/// Puts a file into its place in one step.
pub(crate) fn put(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ratel-");
    #[cfg(unix)]
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    #[cfg(unix)]
    builder.permissions(permissions);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(contents)?;
    file.persist(path).map_err(|refused| refused.error)?;
    Ok(())
}

/// Prints to standard output; a reader that has left does not want the rest.
pub(crate) fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// Prints to standard error, where it is no part of what a shell or a file takes in.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
