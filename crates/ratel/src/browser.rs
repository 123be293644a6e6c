//! Browsers of the user's machine, started with a profile of their own that uses the proxy (command `browser.start`).
//!
//! A profile is a temporary folder. It trusts our certificate authority, and nothing else on the machine does because of
//! it. Browsers end with the program.

mod chrome;
mod firefox;
mod watch;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use ratel_core::browser::{BrowserError, Browsers};
use ratel_core::mode::ModeKind;
use ratel_proxy::Listening;
use tempfile::TempDir;

use watch::Watch;

/// Where browsers are looked for, and what they are told.
pub(crate) struct Launcher {
    /// The folders with programs, as in `PATH`.
    path: String,
    home: Option<PathBuf>,
    /// Where traffic goes at this moment; none if nothing listens.
    way: Box<dyn Fn() -> Option<Way> + Send + Sync>,
    /// The certificate that clients have to trust.
    ca: PathBuf,
    running: Mutex<Vec<Watch>>,
}

/// How a browser's traffic comes to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is told that there is a proxy, at this address.
    Proxy {
        /// An IPv6 address stands in brackets.
        host: String,
        port: u16,
    },
    /// It goes to this URL, where we stand in for a server.
    Page(String),
}

impl Way {
    /// The way to what listens: to a proxy if there is one, else to the page that a reverse proxy stands in for.
    pub(crate) fn to(listening: &[Listening]) -> Option<Self> {
        let proxy = listening
            .iter()
            .find(|one| one.mode.kind == ModeKind::Regular);
        let one = proxy.or_else(|| listening.first())?;
        let addr = one.addrs.first()?;
        let host = match addr.ip() {
            ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let port = addr.port();
        Some(match &one.mode.kind {
            ModeKind::Regular => Self::Proxy { host, port },
            ModeKind::Reverse { scheme, .. } => Self::Page(format!("{scheme}://{host}:{port}/")),
        })
    }
}

/// What is started: a program and what comes before the browser's own arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    program: PathBuf,
    first: Vec<String>,
    /// A program without an access of its own to temporary folders is given one to its profile.
    sandboxed: bool,
}

/// The names of one browser.
struct Names {
    /// Programs that are looked for in the folders of `PATH`, or where they are if they have an absolute path.
    programs: &'static [&'static str],
    /// Its names among the programs of Flatpak.
    flatpaks: &'static [&'static str],
}

impl std::fmt::Debug for Launcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launcher")
            .field("ca", &self.ca)
            .finish_non_exhaustive()
    }
}

impl Launcher {
    pub(crate) fn new(
        variable: impl Fn(&str) -> Option<String>,
        home: Option<PathBuf>,
        way: impl Fn() -> Option<Way> + Send + Sync + 'static,
        ca: PathBuf,
    ) -> Self {
        Self {
            path: variable("PATH").unwrap_or_default(),
            home,
            way: Box::new(way),
            ca,
            running: Mutex::default(),
        }
    }

    fn find(&self, names: &Names) -> Option<Found> {
        let found = |program: PathBuf| Found {
            program,
            first: Vec::new(),
            sandboxed: false,
        };
        if let Some(program) = names.programs.iter().find_map(|name| self.program(name)) {
            return Some(found(program));
        }
        let program = self.program("flatpak")?;
        let name = names.flatpaks.iter().find(|name| self.has_flatpak(name))?;
        Some(Found {
            first: vec!["run".to_owned(), (*name).to_owned()],
            sandboxed: true,
            ..found(program)
        })
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        let path = Path::new(name);
        if path.is_absolute() {
            return path.is_file().then(|| path.to_owned());
        }
        let folders = std::env::split_paths(&self.path);
        let mut folders = folders.filter(|folder| folder.is_absolute());
        folders.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
    }

    /// Whether Flatpak has a program of that name, for everybody or for this user.
    fn has_flatpak(&self, name: &str) -> bool {
        let own = self.home.as_ref().map(|home| home.join(".local/share"));
        let roots = [Some(PathBuf::from("/var/lib")), own];
        let mut roots = roots.into_iter().flatten();
        roots.any(|root| root.join("flatpak/exports/bin").join(name).exists())
    }
}

impl Browsers for Launcher {
    fn start(&self, name: &str) -> Result<String, BrowserError> {
        let (names, args): (_, fn(&Self, &Path, &Way) -> _) = match name {
            "chrome" => (chrome::CHROME, chrome::arguments),
            "chromium" => (chrome::CHROMIUM, chrome::arguments),
            "firefox" => (firefox::FIREFOX, firefox::arguments),
            _ => return Err(BrowserError::Unknown(name.to_owned())),
        };
        let way = (self.way)().ok_or(BrowserError::NoProxy)?;
        let found = self
            .find(&names)
            .ok_or_else(|| BrowserError::NotInstalled {
                name: name.to_owned(),
                looked_for: names.programs.join(", "),
            })?;
        let profile = tempfile::Builder::new().prefix("ratel-browser-").tempdir();
        let profile = profile.map_err(BrowserError::Profile)?;
        let args: Vec<String> = args(self, profile.path(), &way)?;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|watch| !watch.has_ended());
        let more = if running.is_empty() { "" } else { "another " };
        running.push(spawn(&found, profile, &args)?);
        Ok(format!("started {more}{}", found.program.display()))
    }
}

fn spawn(found: &Found, profile: TempDir, args: &[String]) -> Result<Watch, BrowserError> {
    let mut command = Command::new(&found.program);
    let (begin, rest) = found.first.split_at(found.first.len().min(1));
    command.args(begin);
    if found.sandboxed {
        command.arg(format!("--filesystem={}", profile.path().display()));
    }
    command
        .args(rest)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let failed = |source| BrowserError::Start {
        program: found.program.display().to_string(),
        source,
    };
    Watch::start(command, found.program.clone(), profile).map_err(failed)
}

#[cfg(test)]
mod tests;
