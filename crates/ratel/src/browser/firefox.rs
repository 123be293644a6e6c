//! Firefox, which reads its profile.

use std::path::Path;
use std::process::{Command, Stdio};

use ratel_core::browser::BrowserError;

use super::{Launcher, Names, Way};

pub(super) const FIREFOX: Names = Names {
    programs: &[
        "firefox",
        "mozilla-firefox",
        "mozilla",
        "/Applications/Firefox.app/Contents/MacOS/firefox",
        r"C:\Program Files\Mozilla Firefox\firefox.exe",
    ],
    flatpaks: &["org.mozilla.firefox"],
};

/// What it does at first in a profile, and what it asks its makers, is of no interest to anybody who looks at traffic.
const QUIET: [(&str, &str); 14] = [
    ("app.normandy.enabled", "false"),
    ("app.shield.optoutstudies.enabled", "false"),
    ("app.update.auto", "false"),
    ("browser.aboutwelcome.enabled", "false"),
    ("browser.region.update.enabled", "false"),
    ("browser.safebrowsing.downloads.remote.enabled", "false"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("datareporting.healthreport.uploadEnabled", "false"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("dom.push.connection.enabled", "false"),
    ("extensions.blocklist.enabled", "false"),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("toolkit.telemetry.enabled", "false"),
];

pub(super) fn arguments(
    launcher: &Launcher,
    profile: &Path,
    way: &Way,
) -> Result<Vec<String>, BrowserError> {
    std::fs::write(profile.join("user.js"), preferences(way)).map_err(BrowserError::Profile)?;
    if !trust(launcher, profile) {
        tracing::warn!(
            hint = "install `certutil` of NSS (libnss3-tools), or import the file in the browser's settings",
            "Firefox will not trust {}",
            launcher.ca.display()
        );
    }
    let url = match way {
        Way::Proxy { .. } => "about:blank",
        Way::Page(url) => url,
    };
    // Without -no-remote the window would open in a Firefox that runs already.
    let args = ["-no-remote", "-profile"].map(str::to_owned);
    let place = [profile.display().to_string(), "-new-window".to_owned()];
    Ok([&args[..], &place, &[url.to_owned()]].concat())
}

fn preferences(way: &Way) -> String {
    let mut rows: Vec<(String, String)> = QUIET
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let mut set = |name: &str, value: String| rows.push((format!("network.proxy.{name}"), value));
    match way {
        Way::Proxy { host, port } => {
            set("type", "1".to_owned());
            // Names stand without brackets here.
            let host = host.trim_matches(['[', ']']);
            for scheme in ["http", "ssl"] {
                set(scheme, format!("\"{host}\""));
                set(&format!("{scheme}_port"), port.to_string());
            }
            set("no_proxies_on", "\"\"".to_owned());
            // Without this it goes to servers on the same machine itself.
            set("allow_hijacking_localhost", "true".to_owned());
        }
        Way::Page(_) => set("type", "0".to_owned()),
    }
    let lines = rows
        .iter()
        .map(|(name, value)| format!("user_pref(\"{name}\", {value});\n"));
    lines.collect()
}

/// Puts the certificate into the database of a profile, which needs a tool.
fn trust(launcher: &Launcher, profile: &Path) -> bool {
    // The program of that name on Windows is another one.
    let Some(certutil) = launcher.program("certutil").filter(|_| cfg!(unix)) else {
        return false;
    };
    let database = format!("sql:{}", profile.display());
    let done = Command::new(certutil)
        .args(["-A", "-d", &database, "-n", "Ratel", "-t", "C,,", "-i"])
        .arg(&launcher.ca)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    done.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_has_the_proxy() {
        let proxy = Way::Proxy {
            host: "[::1]".to_owned(),
            port: 8080,
        };
        let text = preferences(&proxy);
        for line in [
            "user_pref(\"network.proxy.type\", 1);",
            "user_pref(\"network.proxy.http\", \"::1\");",
            "user_pref(\"network.proxy.ssl_port\", 8080);",
            "user_pref(\"network.proxy.allow_hijacking_localhost\", true);",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let text = preferences(&Way::Page("https://localhost:1/".to_owned()));
        assert!(text.contains("\"network.proxy.type\", 0"), "{text}");
    }
}
