//! Installing on machines that are not this one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Name};

use super::install::{self, User, Wish};
use super::machine::{Machine, Os, Ran, Step};
use super::stores::{Kind, Subject};
use crate::errand::{Trouble, fingerprint};

/// A machine in memory. Commands that change stores do what the real ones do, as far as it can be seen.
struct Fake {
    os: Os,
    root: Option<bool>,
    programs: Vec<&'static str>,
    /// Files and their contents; folders are what is before a slash.
    files: RefCell<BTreeMap<PathBuf, Vec<u8>>>,
    /// Stores that a command keeps: databases, keychains.
    held: RefCell<Vec<String>>,
    unwritable: Vec<&'static str>,
    /// A command that begins with this fails.
    fails: Option<&'static str>,
    ran: RefCell<Vec<String>>,
    cert: X509,
}

const FILE: &str = "/home/u/.ratel/ratel-ca-cert.pem";

fn cert() -> X509 {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "ratel").unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_subject_name(&name.build()).unwrap();
    builder.set_pubkey(&key).unwrap();
    let day = |days| Asn1Time::days_from_now(days).unwrap();
    builder.set_not_before(&day(0)).unwrap();
    builder.set_not_after(&day(9)).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    builder.build()
}

impl Fake {
    fn new(os: Os, programs: &[&'static str], files: &[&str]) -> Self {
        let cert = cert();
        let mut all = BTreeMap::from([(PathBuf::from(FILE), cert.to_pem().unwrap())]);
        all.extend(files.iter().map(|file| (PathBuf::from(file), Vec::new())));
        Self {
            os,
            root: Some(true),
            programs: programs.to_vec(),
            files: RefCell::new(all),
            held: RefCell::default(),
            unwritable: Vec::new(),
            fails: None,
            ran: RefCell::default(),
            cert,
        }
    }

    fn label(&self) -> String {
        let print = fingerprint(&self.cert, MessageDigest::sha256());
        format!("ratel-{}", print.replace(':', "")[..8].to_lowercase())
    }

    /// What was run and changes something, with this certificate's own words made general.
    fn changes(&self) -> Vec<String> {
        let asks = |line: &&String| {
            [
                "certutil -L",
                "keytool -list",
                "security find",
                "certutil -store",
            ]
            .iter()
            .any(|ask| line.starts_with(ask))
        };
        let sha1 = fingerprint(&self.cert, MessageDigest::sha1()).replace(':', "");
        let ran = self.ran.borrow();
        ran.iter()
            .filter(|line| !asks(line))
            .map(|line| {
                line.replace(&self.label(), "LABEL")
                    .replace(FILE, "CERT")
                    .replace(&sha1, "SHA1")
            })
            .collect()
    }

    fn go(
        &self,
        install: bool,
        kinds: &[Kind],
        answer: Option<bool>,
    ) -> (Result<(), Trouble>, String) {
        struct Script(Option<bool>, String);
        impl User for Script {
            fn tell(&mut self, line: &str) {
                self.1 += &format!("{line}\n");
            }
            fn ask(&mut self, _: &str) -> Option<bool> {
                self.0
            }
        }
        let subject = Subject {
            cert: &self.cert,
            file: Path::new(FILE),
        };
        let wish = Wish {
            install,
            kinds: kinds.to_vec(),
            yes: false,
        };
        let mut user = Script(answer, String::new());
        let done = install::go(self, &subject, &wish, &mut user);
        (done, user.1)
    }

    /// Installs, installs again, and removes; returns the commands of the first and the last.
    #[track_caller]
    fn round_trip(&self) -> (Vec<String>, Vec<String>) {
        let (done, said) = self.go(true, &[], Some(true));
        assert_eq!(done, Ok(()), "{said}");
        let installed = self.changes();
        let (done, said) = self.go(true, &[], None);
        assert_eq!(done, Ok(()));
        assert!(
            said.contains("already trusted by") && said.contains("nothing to do"),
            "{said}"
        );
        let (done, said) = self.go(false, &[], Some(true));
        assert_eq!(done, Ok(()), "{said}");
        let removed = self.changes().split_off(installed.len());
        let (done, said) = self.go(false, &[], None);
        assert_eq!(done, Ok(()));
        assert!(said.contains("nothing to do"), "{said}");
        (installed, removed)
    }

    fn hold(&self, store: &str, held: bool) {
        self.held.borrow_mut().retain(|other| other != store);
        if held {
            self.held.borrow_mut().push(store.to_owned());
        }
    }

    fn holds(&self, store: &str) -> bool {
        self.held.borrow().iter().any(|other| other == store)
    }

    /// Makes one file of those in a folder.
    fn bundle(&self, path: &str, anchors: &str) {
        let mut files = self.files.borrow_mut();
        let anchors = files
            .iter()
            .filter(|(file, _)| file.parent() == Some(Path::new(anchors)));
        let all: Vec<u8> = anchors.flat_map(|(_, text)| text.clone()).collect();
        files.insert(path.into(), all);
    }

    /// What the program prints, or `None` when it fails.
    fn obey(&self, words: &[&str]) -> Option<String> {
        let pem = || String::from_utf8(self.cert.to_pem().unwrap()).unwrap();
        let arch = "/etc/ca-certificates/extracted/tls-ca-bundle.pem";
        match words {
            ["install", "-D", "-m", "644", from, to] => {
                let text = self.files.borrow().get(Path::new(from)).cloned()?;
                self.files.borrow_mut().insert(to.into(), text);
            }
            ["rm", "-f", file] => {
                self.files.borrow_mut().remove(Path::new(file));
            }
            ["update-ca-certificates", ..] => {
                let suse = self.exists(Path::new("/etc/pki/trust/anchors"));
                let anchors = if suse {
                    "/etc/pki/trust/anchors"
                } else {
                    "/usr/local/share/ca-certificates"
                };
                let made = if suse {
                    "/var/lib/ca-certificates/ca-bundle.pem"
                } else {
                    "/etc/ssl/certs/ca-certificates.crt"
                };
                self.bundle(made, anchors);
            }
            ["update-ca-trust", "extract"] => {
                self.bundle(
                    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                    "/etc/pki/ca-trust/source/anchors",
                );
            }
            ["trust", "anchor", "--store", _] => {
                self.files.borrow_mut().insert(arch.into(), pem().into());
            }
            ["trust", "anchor", "--remove", _] => {
                self.files.borrow_mut().insert(arch.into(), Vec::new());
            }
            ["security", "add-trusted-cert", ..] => self.hold("keychain", true),
            ["security", "remove-trusted-cert", ..] => {}
            ["security", "delete-certificate", ..] => self.hold("keychain", false),
            ["security", "find-certificate", ..] => {
                let hash = fingerprint(&self.cert, MessageDigest::sha256()).replace(':', "");
                return Some(if self.holds("keychain") {
                    format!("SHA-256 hash: {hash}\n")
                } else {
                    String::new()
                });
            }
            ["certutil", "-f", "-addstore", "Root", _] => self.hold("Root", true),
            ["certutil", "-delstore", "Root", _] => self.hold("Root", false),
            ["certutil", "-store", "Root", _] => return self.holds("Root").then(String::new),
            ["certutil", "-A", "-d", db, ..] => self.hold(db, true),
            ["certutil", "-D", "-d", db, ..] => self.hold(db, false),
            ["certutil", "-L", "-d", db] => {
                let head = "\nCertificate Nickname        Trust Attributes\n                 SSL,S/MIME,JAR/XPI\n\n";
                let line = format!("{:40} C,,  \n", self.label());
                return Some(head.to_owned() + if self.holds(db) { &line } else { "" });
            }
            ["certutil", "-L", "-d", ..] => return Some(pem()),
            [_, "-importcert", rest @ ..] => self.hold(rest[7], true),
            [_, "-delete", _, _, _, store, ..] => self.hold(store, false),
            [_, "-list", _, store, ..] => {
                let print = fingerprint(&self.cert, MessageDigest::sha256());
                let entry = format!(
                    "{}, Nov 1, 2026, trustedCertEntry, \nCertificate fingerprint (SHA-256): {print}\n",
                    self.label()
                );
                return Some(if self.holds(store) {
                    entry
                } else {
                    "0 entries\n".to_owned()
                });
            }
            _ => panic!("nobody knows {words:?}"),
        }
        Some(String::new())
    }
}

impl Machine for Fake {
    fn os(&self) -> Os {
        self.os
    }
    fn home(&self) -> Option<PathBuf> {
        Some("/home/u".into())
    }
    fn var(&self, _: &str) -> Option<String> {
        None
    }
    fn root(&self) -> Option<bool> {
        self.root
    }
    fn find(&self, program: &str) -> Option<PathBuf> {
        let found = self.programs.iter().find(|name| **name == program);
        found.map(|name| Path::new("/usr/bin").join(name))
    }
    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let files = self.files.borrow();
        let mut entries: Vec<PathBuf> = files
            .keys()
            .filter_map(|file| Some(folder.join(file.strip_prefix(folder).ok()?.iter().next()?)))
            .collect();
        entries.dedup();
        entries
    }
    fn exists(&self, path: &Path) -> bool {
        self.files
            .borrow()
            .keys()
            .any(|file| file.starts_with(path))
    }
    fn writable(&self, path: &Path) -> bool {
        self.exists(path) && !self.unwritable.iter().any(|file| Path::new(file) == path)
    }
    fn real(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let files = self.files.borrow();
        files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn run(&self, step: &Step) -> Ran {
        self.ran.borrow_mut().push(step.shown(Os::Unix));
        let fails = self
            .fails
            .is_some_and(|start| step.shown(Os::Unix).starts_with(start));
        let out = if fails {
            None
        } else {
            self.obey(&step.words())
        };
        Ran {
            ok: out.is_some(),
            how: "exited with 7".into(),
            out: out.unwrap_or_default(),
            err: "the disk\u{1b} is full\n".into(),
        }
    }
}

#[test]
fn each_system_has_its_commands() {
    let rows: [(Fake, &[&str], &[&str]); 6] = [
        (
            Fake::new(Os::Unix, &["update-ca-certificates", "trust"], &[]),
            &[
                "install -D -m 644 CERT /usr/local/share/ca-certificates/LABEL.crt",
                "update-ca-certificates",
            ],
            &[
                "rm -f /usr/local/share/ca-certificates/LABEL.crt",
                "update-ca-certificates --fresh",
            ],
        ),
        (
            Fake::new(
                Os::Unix,
                &["update-ca-trust", "trust"],
                &["/etc/pki/ca-trust/source/anchors/x"],
            ),
            &[
                "install -D -m 644 CERT /etc/pki/ca-trust/source/anchors/LABEL.crt",
                "update-ca-trust extract",
            ],
            &[
                "rm -f /etc/pki/ca-trust/source/anchors/LABEL.crt",
                "update-ca-trust extract",
            ],
        ),
        (
            Fake::new(
                Os::Unix,
                &["update-ca-trust", "trust"],
                &["/etc/ca-certificates/trust-source/x"],
            ),
            &["trust anchor --store CERT"],
            &["trust anchor --remove CERT"],
        ),
        (
            Fake::new(
                Os::Unix,
                &["update-ca-certificates", "trust"],
                &["/etc/pki/trust/anchors/x"],
            ),
            &[
                "install -D -m 644 CERT /etc/pki/trust/anchors/LABEL.crt",
                "update-ca-certificates",
            ],
            &[
                "rm -f /etc/pki/trust/anchors/LABEL.crt",
                "update-ca-certificates",
            ],
        ),
        (
            Fake::new(Os::Macos, &["security"], &[]),
            &[
                "security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain CERT",
            ],
            &[
                "security remove-trusted-cert -d CERT",
                "security delete-certificate -Z SHA1 /Library/Keychains/System.keychain",
            ],
        ),
        (
            Fake::new(Os::Windows, &["certutil"], &[]),
            &["certutil -f -addstore Root CERT"],
            &["certutil -delstore Root SHA1"],
        ),
    ];
    for (machine, install, remove) in rows {
        let (installed, removed) = machine.round_trip();
        assert_eq!(installed, install);
        assert_eq!(removed, remove);
    }
}

#[test]
fn databases_and_keystores_are_found() {
    let files = [
        "/home/u/.pki/nssdb/cert9.db",
        "/home/u/.mozilla/firefox/a b.default/cert9.db",
        "/home/u/.mozilla/firefox/profiles.ini",
        "/usr/lib/jvm/java-17/lib/security/cacerts",
    ];
    let machine = Fake::new(Os::Unix, &["certutil", "keytool"], &files);
    let (installed, removed) = machine.round_trip();
    assert_eq!(
        installed,
        [
            "certutil -A -d sql:/home/u/.pki/nssdb -t C,, -n LABEL -i CERT",
            "certutil -A -d 'sql:/home/u/.mozilla/firefox/a b.default' -t C,, -n LABEL -i CERT",
            "keytool -importcert -noprompt -trustcacerts -alias LABEL -file CERT -keystore \
             /usr/lib/jvm/java-17/lib/security/cacerts -storepass changeit",
        ]
    );
    assert_eq!(
        removed,
        [
            "certutil -D -d sql:/home/u/.pki/nssdb -n LABEL",
            "certutil -D -d 'sql:/home/u/.mozilla/firefox/a b.default' -n LABEL",
            "keytool -delete -alias LABEL -keystore /usr/lib/jvm/java-17/lib/security/cacerts -storepass changeit",
        ]
    );
}

#[test]
fn nothing_is_changed_without_a_yes() {
    let machine = Fake::new(Os::Unix, &["update-ca-certificates"], &[]);
    let (refused, said) = machine.go(true, &[], None);
    assert!(refused.unwrap_err().hint.unwrap().contains("--yes"));
    assert!(said.contains("    update-ca-certificates\n"), "{said}");
    let (refused, _) = machine.go(true, &[], Some(false));
    assert_eq!(refused.unwrap_err().message, "nothing was changed");
    assert_eq!(machine.changes(), [""; 0]);
}

#[test]
fn without_root_the_rest_is_done_and_the_commands_are_said() {
    let mut machine = Fake::new(
        Os::Unix,
        &["update-ca-certificates", "certutil", "keytool"],
        &[
            "/home/u/.pki/nssdb/cert9.db",
            "/usr/lib/jvm/j/lib/security/cacerts",
        ],
    );
    machine.root = Some(false);
    machine.unwritable = vec!["/usr/lib/jvm/j/lib/security/cacerts"];
    let (refused, said) = machine.go(true, &[], Some(true));
    assert!(refused.unwrap_err().message.contains("not root"));
    assert!(said.contains("    sudo update-ca-certificates\n"), "{said}");
    assert!(said.contains("    sudo keytool -importcert"), "{said}");
    assert!(
        said.contains("done: NSS database /home/u/.pki/nssdb"),
        "{said}"
    );
    assert_eq!(machine.changes().len(), 1);
}

#[test]
fn a_failure_says_the_command_and_the_reason() {
    let mut machine = Fake::new(
        Os::Unix,
        &["update-ca-certificates", "certutil"],
        &["/home/u/.pki/nssdb/cert9.db"],
    );
    machine.fails = Some("install");
    let (failed, said) = machine.go(true, &[], Some(true));
    assert_eq!(failed.unwrap_err().message, "1 of 2 stores failed");
    assert!(
        said.contains("failed: system (update-ca-certificates)\n    install -D"),
        "{said}"
    );
    assert!(
        said.contains("exited with 7: the disk") && !said.contains('\u{1b}'),
        "{said}"
    );
    // What comes after a command that failed is not run; the other store is.
    assert!(
        !machine
            .changes()
            .contains(&"update-ca-certificates".to_owned())
    );
    assert!(said.contains("done: NSS"), "{said}");
}

#[test]
fn what_is_asked_for_and_not_there_is_an_error() {
    let machine = Fake::new(Os::Unix, &[], &["/home/u/.pki/nssdb/cert9.db"]);
    for kind in [Kind::System, Kind::Nss, Kind::Java] {
        let (refused, said) = machine.go(true, &[kind], Some(true));
        assert!(refused.unwrap_err().message.ends_with("was found"));
        assert_eq!(said.contains("libnss3-tools"), kind == Kind::Nss, "{said}");
    }
}

/// A file of the same name with somebody else's certificate stays; ours goes under whatever name it has.
#[test]
fn only_our_own_certificate_is_removed() {
    let machine = Fake::new(Os::Unix, &["update-ca-certificates"], &[]);
    let folder = Path::new("/usr/local/share/ca-certificates");
    let put = |name: &str, cert: &X509| {
        machine
            .files
            .borrow_mut()
            .insert(folder.join(name), cert.to_pem().unwrap());
    };
    put("ratel.crt", &cert());
    put("by-hand.crt", &machine.cert);
    let (done, said) = machine.go(false, &[], Some(true));
    assert_eq!(done, Ok(()), "{said}");
    assert_eq!(machine.list(folder), [folder.join("ratel.crt")]);
}
