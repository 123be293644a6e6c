//! `ratel env`: the variables that make the programs of a shell use the proxy and trust it.
//!
//! Most of the variables for trust replace what a program trusts, so they name a bundle of the system's certificates and
//! ours: what does not pass through the proxy is still verified.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use openssl::x509::X509;
use ratel_core::mode::ModeKind;
use ratel_core::options::{Values, keys};

use crate::errand::{self, Authority, Trouble};

#[cfg(test)]
mod tests;

/// The first line of a bundle that we made.
const MARK: &str = "# Made by `ratel env`: the system's certificates and Ratel's.\n";
const BUNDLE: &str = "ratel-ca-bundle.pem";

/// The variables that hold the URL of the proxy.
const PROXY: [&str; 4] = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];
const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// Variables that replace what a program trusts: OpenSSL, Go, Rust, Ruby; requests; curl; git; pip; cargo; AWS; gRPC.
const BUNDLES: [&str; 8] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
];
/// Variables that add to what a program trusts.
const EXTRA: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];
/// Node looks at the proxy's variables only when this is set.
const NODE: &str = "NODE_USE_ENV_PROXY";

/// Whose syntax is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    Sh,
    Fish,
    Pwsh,
}

impl Shell {
    fn from_name(name: &str) -> Self {
        match name {
            "fish" => Self::Fish,
            "powershell" => Self::Pwsh,
            _ => Self::Sh,
        }
    }

    /// The user's.
    fn guess(shell: Option<&str>) -> Self {
        let name = shell.and_then(|path| Path::new(path).file_stem()?.to_str());
        match name {
            Some("fish") => Self::Fish,
            Some("pwsh") => Self::Pwsh,
            None if cfg!(windows) => Self::Pwsh,
            _ => Self::Sh,
        }
    }

    /// A text as one word that means itself.
    pub(crate) fn quote(self, text: &str) -> String {
        let mut quoted = String::from("'");
        for char in text.chars() {
            match (self, char) {
                (Self::Sh, '\'') => quoted.push_str(r"'\''"),
                (Self::Fish, '\'' | '\\') => quoted.extend(['\\', char]),
                // To PowerShell, typographic quotes are quotes too.
                (Self::Pwsh, '\'' | '‘' | '’' | '‚' | '‛') => quoted.extend([char, char]),
                _ => quoted.push(char),
            }
        }
        quoted.push('\'');
        quoted
    }

    /// The same, without quotes where none are needed.
    pub(crate) fn word(self, text: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=,@%".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            text.to_owned()
        } else {
            self.quote(text)
        }
    }

    fn set(self, name: &str, value: &str) -> String {
        let value = self.quote(value);
        match self {
            Self::Sh => format!("export {name}={value};\n"),
            Self::Fish => format!("set -gx {name} {value};\n"),
            Self::Pwsh => format!("$env:{name} = {value};\n"),
        }
    }

    fn unset(self, name: &str) -> String {
        match self {
            Self::Sh => format!("unset {name};\n"),
            Self::Fish => format!("set -e {name};\n"),
            Self::Pwsh => {
                format!("Remove-Item -ErrorAction SilentlyContinue Env:{name};\n")
            }
        }
    }

    fn usage(self) -> &'static str {
        match self {
            Self::Sh => "eval \"$(ratel env)\"",
            Self::Fish => "ratel env --shell fish | source",
            Self::Pwsh => "ratel env --shell powershell | Out-String | Invoke-Expression",
        }
    }
}

pub(crate) fn command() -> Command {
    Command::new("env")
        .about("Print variables that make the programs of a shell use the proxy and trust it.")
        .after_help(
            "For sh, bash and zsh:  eval \"$(ratel env)\"\n\
             For fish:              ratel env --shell fish | source\n\
             For PowerShell:        ratel env --shell powershell | Out-String | Invoke-Expression\n\n\
             Programs that trust only what a file names are given a bundle of the system's certificates\n\
             and Ratel's, ratel-ca-bundle.pem in the configuration folder; it is made anew each time.",
        )
        .arg(
            Arg::new("port")
                .long("port")
                .short('p')
                .value_name("PORT")
                .value_parser(value_parser!(u16).range(1..))
                .help("Port of the proxy [default: where `ratel` would listen]"),
        )
        .arg(
            Arg::new("no-proxy")
                .long("no-proxy")
                .value_name("HOSTS")
                .help("Hosts that go around the proxy; '' for none [default: leave no_proxy as it is]"),
        )
        .arg(
            Arg::new("shell")
                .long("shell")
                .value_name("SHELL")
                .value_parser(["sh", "fish", "powershell"])
                .help("Whose syntax to print [default: that of $SHELL]"),
        )
        .arg(
            Arg::new("unset")
                .long("unset")
                .action(ArgAction::SetTrue)
                .help("Print what removes the variables again"),
        )
}

pub(crate) fn main(values: &Values, matches: &ArgMatches) -> Result<ExitCode, Trouble> {
    let var = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let shell = match matches.get_one::<String>("shell") {
        Some(name) => Shell::from_name(name),
        None => Shell::guess(var("SHELL").as_deref()),
    };
    if io::stdout().is_terminal() {
        errand::note(&format!(
            "# These lines are for your shell: {}",
            shell.usage()
        ));
    }
    if matches.get_flag("unset") {
        errand::print(&unset(shell));
        return Ok(ExitCode::SUCCESS);
    }
    let proxy = proxy(values, matches.get_one::<u16>("port").copied())?;
    let authority = Authority::open(values)?;
    let bundle = authority.confdir.join(BUNDLE);
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let roots = roots(named.as_deref(), &bundle);
    if roots.is_empty() {
        errand::note(
            "ratel env: this system has no trusted certificates, so that only what passes through Ratel is trusted",
        );
    }
    errand::write(&bundle, &bundle_text(&roots, &authority.cert)?)?;
    let no_proxy = matches.get_one::<String>("no-proxy").map(String::as_str);
    if let (None, Some(hosts)) = (no_proxy, var("no_proxy").or_else(|| var("NO_PROXY"))) {
        errand::note(&format!(
            "ratel env: hosts in no_proxy go around Ratel: {}; `--no-proxy ''` sends them through",
            hosts.escape_debug()
        ));
    }
    let text = variables(shell, &proxy, &bundle, &authority.cert_file()?, no_proxy);
    errand::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// The URL under which clients of this machine reach the proxy.
fn proxy(values: &Values, port: Option<u16>) -> Result<String, Trouble> {
    let modes = values.modes();
    let regular = modes
        .iter()
        .find(|mode| matches!(mode.kind, ModeKind::Regular));
    let (host, found) = match regular {
        Some(mode) => mode.address(values.str(keys::LISTEN_HOST), values.listen_port()),
        None if port.is_some() => (values.str(keys::LISTEN_HOST), 0),
        None => {
            return Err(Trouble::new(
                "no mode in the configuration is one that clients can use as a proxy",
            )
            .hint("add `regular` to the option 'mode', or pass --port"));
        }
    };
    let port = port.unwrap_or(found);
    if port == 0 {
        return Err(Trouble::new(
            "the port is only known when the proxy runs, since listen_port is 0",
        )
        .hint("pass the port it says with --port"));
    }
    let host = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(ip)) if ip == Ipv6Addr::LOCALHOST => "[::1]".to_owned(),
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        Ok(ip) => ip.to_string(),
        Err(_) if host.is_empty() => "127.0.0.1".to_owned(),
        Err(_) => host.to_owned(),
    };
    Ok(format!("http://{host}:{port}"))
}

fn variables(
    shell: Shell,
    proxy: &str,
    bundle: &Path,
    cert: &Path,
    no_proxy: Option<&str>,
) -> String {
    let mut text = String::new();
    for name in PROXY {
        text += &shell.set(name, proxy);
    }
    for name in NO_PROXY {
        match no_proxy {
            None => {}
            Some("") => text += &shell.unset(name),
            Some(hosts) => text += &shell.set(name, hosts),
        }
    }
    for (names, file) in [(&BUNDLES[..], bundle), (&EXTRA[..], cert)] {
        for name in names {
            text += &shell.set(name, &file.to_string_lossy());
        }
    }
    text += &shell.set(NODE, "1");
    text
}

fn unset(shell: Shell) -> String {
    PROXY
        .iter()
        .chain(&BUNDLES)
        .chain(&EXTRA)
        .chain([&NODE])
        .map(|name| shell.unset(name))
        .collect()
}

/// What this machine trusts without us. In a shell that has our variables already, the variable names our own bundle,
/// which may be of another folder and says nothing about the system.
fn roots(named: Option<&Path>, bundle: &Path) -> Vec<X509> {
    let ours =
        |path: &Path| std::fs::read(path).is_ok_and(|text| text.starts_with(MARK.as_bytes()));
    let found = if named.is_some_and(ours) {
        let system = [
            "/etc/ssl/certs/ca-certificates.crt",
            "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/ssl/ca-bundle.pem",
            "/etc/ssl/cert.pem",
        ];
        let system = system.iter().map(Path::new).find(|path| path.exists());
        let file = system.or_else(|| Some(bundle).filter(|path| path.exists()));
        rustls_native_certs::load_certs_from_paths(file, None)
    } else {
        rustls_native_certs::load_native_certs()
    };
    let mut roots: Vec<X509> = Vec::new();
    for der in found.certs {
        roots.extend(X509::from_der(&der));
    }
    roots
}

fn bundle_text(roots: &[X509], ours: &X509) -> Result<Vec<u8>, Trouble> {
    let mut text = MARK.as_bytes().to_vec();
    let own = ours.to_der().map_err(errand::library)?;
    for cert in roots {
        if cert.to_der().is_ok_and(|der| der != own) {
            text.extend(cert.to_pem().map_err(errand::library)?);
        }
    }
    text.extend(ours.to_pem().map_err(errand::library)?);
    Ok(text)
}
