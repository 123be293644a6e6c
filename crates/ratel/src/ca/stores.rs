//! The places where a machine keeps what it trusts, and the commands that change them.

use std::path::{Path, PathBuf};

use openssl::hash::MessageDigest;
use openssl::x509::X509;

use super::machine::{Machine, Os, Step};
use crate::errand;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    System,
    Nss,
    Java,
}

/// One store.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) kind: Kind,
    /// What it is and where, for people.
    pub(super) name: String,
    how: How,
    /// Whether changing it takes root.
    pub(super) root: bool,
}

#[derive(Clone, Debug)]
enum How {
    /// Certificates as files in a folder, from which a command makes what programs read.
    Folder {
        folder: PathBuf,
        install: &'static [&'static str],
        remove: &'static [&'static str],
    },
    Arch,
    Macos,
    Windows,
    Nss(PathBuf),
    Java {
        keytool: String,
        path: PathBuf,
    },
}

/// What is to be trusted.
pub(super) struct Subject<'a> {
    pub(super) cert: &'a X509,
    /// A file with the certificate alone.
    pub(super) file: &'a Path,
}

impl Subject<'_> {
    /// The name it goes by in stores: other folders have other certificates.
    fn label(&self) -> String {
        let print = errand::fingerprint(self.cert, MessageDigest::sha256());
        let short: String = print.chars().filter(|c| *c != ':').take(8).collect();
        format!("ratel-{}", short.to_lowercase())
    }

    fn is(&self, pem: &[u8]) -> bool {
        let ours = self.cert.to_der().unwrap_or_default();
        X509::stack_from_pem(pem)
            .unwrap_or_default()
            .iter()
            .any(|cert| cert.to_der().is_ok_and(|der| der == ours))
    }

    fn hash(&self, digest: MessageDigest) -> String {
        errand::fingerprint(self.cert, digest).replace(':', "")
    }
}

/// Where a certificate stands in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Trusted,
    Absent,
    /// It can't be told; the reason.
    Unknown(String),
}

/// The stores of this machine, and what is missing to see others.
pub(super) fn find(machine: &dyn Machine) -> (Vec<Store>, Vec<String>) {
    let mut stores: Vec<Store> = system(machine).into_iter().collect();
    let mut missing = Vec::new();
    let databases = nss(machine);
    if !databases.is_empty() && machine.find("certutil").is_none() {
        missing.push(format!(
            "{} NSS databases (Firefox, Chromium) can't be reached without certutil: install libnss3-tools \
             (Debian, Ubuntu), nss-tools (Fedora) or nss (Arch, Homebrew)",
            databases.len()
        ));
    } else {
        stores.extend(databases.into_iter().map(|folder| Store {
            kind: Kind::Nss,
            name: format!("NSS database {}", folder.display()),
            root: !machine.writable(&folder.join("cert9.db")),
            how: How::Nss(folder),
        }));
    }
    stores.extend(java(machine));
    (stores, missing)
}

fn system(machine: &dyn Machine) -> Option<Store> {
    let has = |program: &str, folder: &str| {
        machine.find(program).is_some() && machine.exists(Path::new(folder))
    };
    let folder = |name: &str, folder: &str, install, remove| {
        let folder = PathBuf::from(folder);
        (
            format!("system ({name})"),
            How::Folder {
                folder,
                install,
                remove,
            },
        )
    };
    let redhat = "/etc/pki/ca-trust/source/anchors";
    let suse = "/etc/pki/trust/anchors";
    let (name, how) = match machine.os() {
        Os::Macos if machine.find("security").is_some() => {
            ("system (macOS keychain)".to_owned(), How::Macos)
        }
        Os::Windows => ("system (Windows)".to_owned(), How::Windows),
        _ if has("update-ca-trust", redhat) => folder(
            "update-ca-trust",
            redhat,
            &["update-ca-trust", "extract"],
            &["update-ca-trust", "extract"],
        ),
        _ if has("trust", "/etc/ca-certificates/trust-source") => {
            ("system (p11-kit trust)".to_owned(), How::Arch)
        }
        _ if has("update-ca-certificates", suse) => folder(
            "update-ca-certificates",
            suse,
            &["update-ca-certificates"],
            &["update-ca-certificates"],
        ),
        _ if machine.find("update-ca-certificates").is_some() => folder(
            "update-ca-certificates",
            "/usr/local/share/ca-certificates",
            &["update-ca-certificates"],
            &["update-ca-certificates", "--fresh"],
        ),
        _ => return None,
    };
    Some(Store {
        kind: Kind::System,
        name,
        how,
        root: true,
    })
}

/// Folders with a `cert9.db`: of Chromium, and of Firefox's profiles, also where they come as snaps and flatpaks.
fn nss(machine: &dyn Machine) -> Vec<PathBuf> {
    let Some(home) = machine.home().filter(|_| machine.os() != Os::Windows) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = [".pki/nssdb", "snap/chromium/current/.pki/nssdb"]
        .iter()
        .map(|folder| home.join(folder))
        .collect();
    for profiles in [
        ".mozilla/firefox",
        ".config/mozilla/firefox",
        "snap/firefox/common/.mozilla/firefox",
        ".var/app/org.mozilla.firefox/.mozilla/firefox",
        "Library/Application Support/Firefox/Profiles",
    ] {
        folders.extend(machine.list(&home.join(profiles)));
    }
    folders.retain(|folder| machine.exists(&folder.join("cert9.db")));
    once(machine, folders)
}

fn once(machine: &dyn Machine, paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in paths {
        let path = machine.real(&path);
        if path.to_str().is_some() && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// The `cacerts` of each Java that is found. Several may share one.
fn java(machine: &dyn Machine) -> Vec<Store> {
    let mut homes: Vec<PathBuf> = machine
        .var("JAVA_HOME")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    // On macOS this program is there without Java, and is a stub.
    let on_path = machine.find("java").filter(|_| machine.os() != Os::Macos);
    let beside = on_path.map(|java| machine.real(&java));
    homes.extend(beside.and_then(|java| Some(java.parent()?.parent()?.to_owned())));
    homes.extend(machine.list(Path::new("/usr/lib/jvm")));
    for home in machine.list(Path::new("/Library/Java/JavaVirtualMachines")) {
        homes.push(home.join("Contents/Home"));
    }
    if let Some(home) = machine.home() {
        homes.extend(machine.list(&home.join(".sdkman/candidates/java")));
    }
    let mut stores: Vec<Store> = Vec::new();
    let mut seen = Vec::new();
    for home in homes {
        let places = ["lib/security/cacerts", "jre/lib/security/cacerts"];
        for path in places.map(|place| home.join(place)) {
            if !machine.exists(&path) {
                continue;
            }
            let path = machine.real(&path);
            if seen.contains(&path) || path.to_str().is_none() {
                continue;
            }
            let own = home
                .join("bin")
                .join(format!("keytool{}", std::env::consts::EXE_SUFFIX));
            let keytool = match machine.find("keytool") {
                Some(_) => "keytool".to_owned(),
                None if machine.exists(&own) => own.to_string_lossy().into_owned(),
                None => continue,
            };
            seen.push(path.clone());
            stores.push(Store {
                kind: Kind::Java,
                name: format!("Java keystore {}", path.display()),
                root: !machine.writable(&path),
                how: How::Java { keytool, path },
            });
        }
    }
    stores
}

const KEYCHAIN: &str = "/Library/Keychains/System.keychain";
/// The password of every Java's own keystore.
const STOREPASS: [&str; 2] = ["-storepass", "changeit"];

impl Store {
    /// The commands that make it trust the certificate.
    pub(super) fn install(&self, subject: &Subject<'_>) -> Vec<Step> {
        let file = text(subject.file);
        let label = subject.label();
        match &self.how {
            How::Folder {
                folder, install, ..
            } => {
                let target = text(&folder.join(format!("{label}.crt")));
                vec![
                    Step::new(["install", "-D", "-m", "644", &file, &target]),
                    Step::new(install.iter().copied()),
                ]
            }
            How::Arch => vec![Step::new(["trust", "anchor", "--store", &file])],
            How::Macos => vec![Step::new([
                "security",
                "add-trusted-cert",
                "-d",
                "-r",
                "trustRoot",
                "-k",
                KEYCHAIN,
                &file,
            ])],
            How::Windows => vec![Step::new(["certutil", "-f", "-addstore", "Root", &file])],
            How::Nss(folder) => vec![Step::new([
                "certutil",
                "-A",
                "-d",
                &sql(folder),
                "-t",
                "C,,",
                "-n",
                &label,
                "-i",
                &file,
            ])],
            How::Java { keytool, path } => {
                let path = text(path);
                let words = [
                    keytool,
                    "-importcert",
                    "-noprompt",
                    "-trustcacerts",
                    "-alias",
                    &label,
                    "-file",
                    &file,
                    "-keystore",
                    &path,
                ];
                vec![Step::new(words.into_iter().chain(STOREPASS))]
            }
        }
    }

    /// The commands that take the certificate out again. It may have come in by hand, under another name.
    pub(super) fn remove(&self, machine: &dyn Machine, subject: &Subject<'_>) -> Vec<Step> {
        let file = text(subject.file);
        match &self.how {
            How::Folder { folder, remove, .. } => {
                let mut steps: Vec<Step> = installed_files(machine, folder, subject)
                    .iter()
                    .map(|file| Step::new(["rm", "-f", &text(file)]))
                    .collect();
                steps.push(Step::new(remove.iter().copied()));
                steps
            }
            How::Arch => vec![Step::new(["trust", "anchor", "--remove", &file])],
            How::Macos => vec![
                Step::new(["security", "remove-trusted-cert", "-d", &file]),
                Step::new([
                    "security",
                    "delete-certificate",
                    "-Z",
                    &subject.hash(MessageDigest::sha1()),
                    KEYCHAIN,
                ]),
            ],
            How::Windows => {
                let hash = subject.hash(MessageDigest::sha1());
                vec![Step::new(["certutil", "-delstore", "Root", &hash])]
            }
            How::Nss(folder) => {
                let name = nickname(machine, folder, subject).unwrap_or_else(|| subject.label());
                vec![Step::new([
                    "certutil",
                    "-D",
                    "-d",
                    &sql(folder),
                    "-n",
                    &name,
                ])]
            }
            How::Java { keytool, path } => {
                let alias = machine.run(&keytool_list(keytool, path)).out;
                let alias = alias_of(&alias, subject).unwrap_or_else(|| subject.label());
                let path = text(path);
                let words = [keytool, "-delete", "-alias", &alias, "-keystore", &path];
                vec![Step::new(words.into_iter().chain(STOREPASS))]
            }
        }
    }

    /// Whether programs that look here trust the certificate.
    pub(super) fn state(&self, machine: &dyn Machine, subject: &Subject<'_>) -> State {
        let trusted = |yes| if yes { State::Trusted } else { State::Absent };
        match &self.how {
            How::Folder { folder, .. } => {
                let bundle = bundles().find_map(|path| machine.read(path).ok());
                match bundle {
                    Some(text) if subject.is(&text) => State::Trusted,
                    // Half of it: a file that was put there, and not taken up.
                    _ if !installed_files(machine, folder, subject).is_empty() => State::Unknown(
                        "its file is there, but the system has not taken it up".to_owned(),
                    ),
                    _ => State::Absent,
                }
            }
            How::Arch => {
                let bundle = bundles().find_map(|path| machine.read(path).ok());
                trusted(bundle.is_some_and(|text| subject.is(&text)))
            }
            How::Macos => {
                let ran = machine.run(&Step::new([
                    "security",
                    "find-certificate",
                    "-a",
                    "-Z",
                    KEYCHAIN,
                ]));
                trusted(ran.out.contains(&subject.hash(MessageDigest::sha256())))
            }
            How::Windows => {
                let hash = subject.hash(MessageDigest::sha1());
                trusted(
                    machine
                        .run(&Step::new(["certutil", "-store", "Root", &hash]))
                        .ok,
                )
            }
            How::Nss(folder) => {
                let ran = machine.run(&Step::new(["certutil", "-L", "-d", &sql(folder)]));
                if !ran.ok {
                    return State::Unknown(format!("certutil {}", first_line(&ran.err, &ran.how)));
                }
                let Some(name) = nickname(machine, folder, subject) else {
                    return State::Absent;
                };
                let trust = nicknames(&ran.out).find(|(found, _)| *found == name);
                trusted(trust.is_some_and(|(_, trust)| trust.starts_with(['C', 'T'])))
            }
            How::Java { keytool, path } => {
                let ran = machine.run(&keytool_list(keytool, path));
                if !ran.ok {
                    return State::Unknown(format!("keytool {}", first_line(&ran.out, &ran.how)));
                }
                trusted(alias_of(&ran.out, subject).is_some())
            }
        }
    }

    /// Whether there is anything of the certificate to take out.
    pub(super) fn holds(&self, machine: &dyn Machine, subject: &Subject<'_>) -> bool {
        match &self.how {
            How::Nss(folder) => nickname(machine, folder, subject).is_some(),
            _ => self.state(machine, subject) != State::Absent,
        }
    }
}

/// The first line of what a program said, or how it ended if it said nothing.
pub(super) fn first_line(said: &str, how: &str) -> String {
    let line = said.lines().map(str::trim).find(|line| !line.is_empty());
    match line {
        Some(line) => format!("{how}: {}", ratel_flow::format::escape(line)),
        None => how.to_owned(),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn sql(folder: &Path) -> String {
    format!("sql:{}", folder.display())
}

/// What the system makes of its certificates, in one file.
fn bundles() -> impl Iterator<Item = &'static Path> {
    [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
        "/var/lib/ca-certificates/ca-bundle.pem",
    ]
    .into_iter()
    .map(Path::new)
}

fn installed_files(machine: &dyn Machine, folder: &Path, subject: &Subject<'_>) -> Vec<PathBuf> {
    let mut files = machine.list(folder);
    files.retain(|file| {
        file.to_str().is_some() && machine.read(file).is_ok_and(|text| subject.is(&text))
    });
    files
}

/// Names and trust flags in the table that `certutil -L` prints.
fn nicknames(table: &str) -> impl Iterator<Item = (&str, &str)> {
    table.lines().filter_map(|line| {
        let (name, trust) = line.trim_end().rsplit_once(' ')?;
        (trust.matches(',').count() == 2 && !trust.contains('/')).then(|| (name.trim(), trust))
    })
}

/// The name under which a database has the certificate.
fn nickname(machine: &dyn Machine, folder: &Path, subject: &Subject<'_>) -> Option<String> {
    let db = sql(folder);
    let table = machine.run(&Step::new(["certutil", "-L", "-d", &db])).out;
    let likely = |name: &str| {
        let name = name.to_lowercase();
        name.contains("ratel") || name.contains("mitmproxy")
    };
    nicknames(&table)
        .map(|(name, _)| name)
        .filter(|name| likely(name))
        .find(|name| {
            let step = Step::new(["certutil", "-L", "-d", &db, "-n", name, "-a"]);
            subject.is(machine.run(&step).out.as_bytes())
        })
        .map(str::to_owned)
}

fn keytool_list(keytool: &str, path: &Path) -> Step {
    let path = text(path);
    let words = [keytool, "-list", "-keystore", &path];
    Step::new(words.into_iter().chain(STOREPASS))
}

/// The alias in the list that `keytool` prints: two lines for each, `alias, date, kind` and the fingerprint.
fn alias_of(list: &str, subject: &Subject<'_>) -> Option<String> {
    let print = errand::fingerprint(subject.cert, MessageDigest::sha256());
    let lines: Vec<&str> = list.lines().collect();
    let at = lines.iter().position(|line| line.contains(&print))?;
    let (alias, _) = lines.get(at.checked_sub(1)?)?.split_once(',')?;
    Some(alias.to_owned())
}
