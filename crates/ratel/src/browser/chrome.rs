//! Chrome and Chromium, which are told everything by arguments.

use std::path::Path;

use openssl::x509::X509;
use ratel_core::browser::BrowserError;

use super::{Launcher, Names, Way};

const FLATPAKS: &[&str] = &[
    "com.google.Chrome",
    "org.chromium.Chromium",
    "com.github.Eloston.UngoogledChromium",
    "com.google.ChromeDev",
];

pub(super) const CHROME: Names = Names {
    programs: &[
        "google-chrome",
        "google-chrome-stable",
        "chrome",
        "chromium",
        "chromium-browser",
        "google-chrome-unstable",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    ],
    flatpaks: FLATPAKS,
};

pub(super) const CHROMIUM: Names = Names {
    programs: &[
        "chromium",
        "chromium-browser",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    ],
    flatpaks: FLATPAKS,
};

/// What it does at first in a profile, and what it asks its makers, is of no interest to anybody who looks at traffic.
const QUIET: [&str; 7] = [
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
];

pub(super) fn arguments(
    launcher: &Launcher,
    profile: &Path,
    way: &Way,
) -> Result<Vec<String>, BrowserError> {
    let mut args = vec![format!("--user-data-dir={}", profile.display())];
    args.extend(QUIET.map(str::to_owned));
    match key_hash(&launcher.ca) {
        Some(hash) => args.push(format!("--ignore-certificate-errors-spki-list={hash}")),
        None => tracing::warn!(
            "{} cannot be read; the browser will not trust it",
            launcher.ca.display()
        ),
    }
    match way {
        Way::Proxy { host, port } => {
            args.push(format!("--proxy-server=http://{host}:{port}"));
            // Without this it goes to servers on the same machine itself.
            args.push("--proxy-bypass-list=<-loopback>".to_owned());
            args.push("about:blank".to_owned());
        }
        Way::Page(url) => args.push(url.clone()),
    }
    Ok(args)
}

/// The hash of a certificate's public key by which Chromium is told to trust what it has signed.
fn key_hash(cert: &Path) -> Option<String> {
    let pem = std::fs::read(cert).ok()?;
    let key = X509::from_pem(&pem).ok()?.public_key().ok()?;
    let hash = openssl::sha::sha256(&key.public_key_to_der().ok()?);
    Some(openssl::base64::encode_block(&hash))
}
