//! The page in HTML: one file without scripts, which loads nothing from anywhere.

use std::fmt::Write;

use ratel_core::ca::PublicCa;

const STYLE: &str = include_str!("page.css");

/// Where a certificate can be installed.
#[derive(Debug)]
struct Platform {
    name: &'static str,
    /// The heading when the visitor seems to use it.
    here: &'static str,
    /// What to get under `/cert/`.
    file: &'static str,
    button: &'static str,
    /// In HTML, as the note; `{ca}` stands for what the certificate and its files are called.
    steps: &'static [&'static str],
    note: &'static str,
}

const IOS: Platform = Platform {
    name: "iPhone and iPad",
    here: "On this iPhone or iPad",
    file: "mobileconfig",
    button: "Download the profile",
    steps: &[
        "Open this page in Safari, download the profile, and tap <b>Allow</b>.",
        "Open <b>Settings</b>, tap <b>Profile Downloaded</b> at the top, then <b>Install</b>.",
        "Go to <b>General › About › Certificate Trust Settings</b> and switch on <b>{ca}</b>. Without this step nothing trusts it.",
    ],
    note: "To remove it: <b>General › VPN &amp; Device Management</b>. Apps that accept only their own certificates keep \
        refusing this one.",
};

const ANDROID: Platform = Platform {
    name: "Android",
    here: "On this Android device",
    file: "cer",
    button: "Download the certificate",
    steps: &[
        "Download the certificate.",
        "Open <b>Settings</b> and search for <b>CA certificate</b>. It is under <b>Security › Encryption &amp; credentials › \
            Install a certificate</b>, or nearby.",
        "Tap <b>Install anyway</b> and choose <code>{ca}-ca-cert.cer</code>.",
    ],
    note: "Browsers trust it now. An app does only if its developer allows certificates of users \
        (<code>&lt;certificates src=\"user\"/&gt;</code> in its network security configuration). On a rooted device, the \
        <a href=\"/cert/magisk\">Magisk module</a> makes it a certificate of the system, which every app trusts after a restart.",
};

const WINDOWS: Platform = Platform {
    name: "Windows",
    here: "On this Windows computer",
    file: "p12",
    button: "Download the certificate",
    steps: &[
        "Download the file and open it. Choose <b>Current User</b>, or <b>Local Machine</b> for everybody.",
        "Click <b>Next</b> until you are asked for a password. There is none; leave it empty.",
        "Choose <b>Place all certificates in the following store</b>, then <b>Trusted Root Certification Authorities</b>, and \
            confirm.",
    ],
    note: "If Ratel runs on this computer, <code>ratel ca install</code> does all of this. So does, in a terminal opened as \
        administrator and with the <a href=\"/cert/cer\">file for it</a>:\n\
        <pre>certutil -addstore Root {ca}-ca-cert.cer</pre>",
};

const MACOS: Platform = Platform {
    name: "macOS",
    here: "On this Mac",
    file: "pem",
    button: "Download the certificate",
    steps: &[
        "Download the certificate and open it; <b>Keychain Access</b> adds it to a keychain.",
        "Find <b>{ca}</b> there and double-click it.",
        "Under <b>Trust</b>, set <b>When using this certificate</b> to <b>Always Trust</b>, and close the window.",
    ],
    note: "If Ratel runs on this Mac, <code>ratel ca install</code> does all of this. With the downloaded file, so does:\n\
        <pre>sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain \
        ~/Downloads/{ca}-ca-cert.pem</pre>",
};

const LINUX: Platform = Platform {
    name: "Linux",
    here: "On this Linux computer",
    file: "pem",
    button: "Download the certificate",
    steps: &[
        "Download the certificate and open a terminal where it is.",
        "Run what is right for the distribution.\n\
            <h3>Debian, Ubuntu, Alpine</h3>\n\
            <pre>sudo cp {ca}-ca-cert.pem /usr/local/share/ca-certificates/{ca}.crt\nsudo update-ca-certificates</pre>\n\
            <h3>Fedora, RHEL</h3>\n\
            <pre>sudo cp {ca}-ca-cert.pem /etc/pki/ca-trust/source/anchors/\nsudo update-ca-trust</pre>\n\
            <h3>Arch</h3>\n\
            <pre>sudo trust anchor {ca}-ca-cert.pem</pre>",
        "Chromium and Firefox have lists of their own: import the certificate in their settings, under <b>Authorities</b>.",
    ],
    note: "If Ratel runs on this computer, <code>ratel ca install</code> does all of this.",
};

const FIREFOX: Platform = Platform {
    name: "Firefox",
    here: "In this Firefox",
    file: "pem",
    button: "Download the certificate",
    steps: &[
        "Download the certificate.",
        "Open <b>Settings › Privacy &amp; Security › View Certificates</b>, and there <b>Authorities › Import</b>.",
        "Choose <code>{ca}-ca-cert.pem</code>, tick <b>Trust this CA to identify websites</b>, and confirm.",
    ],
    note: "This is for Firefox alone; other programs have lists of their own.",
};

/// In the order in which they are listed.
const PLATFORMS: [&Platform; 6] = [&IOS, &ANDROID, &WINDOWS, &MACOS, &LINUX, &FIREFOX];

/// Runtimes, and the line that makes each trust the certificate.
const RUNTIMES: [(&str, &str); 5] = [
    ("curl", "curl --cacert {ca}-ca-cert.pem https://…"),
    ("Node", "NODE_EXTRA_CA_CERTS={ca}-ca-cert.pem node …"),
    (
        "Python",
        "SSL_CERT_FILE={ca}-ca-cert.pem REQUESTS_CA_BUNDLE={ca}-ca-cert.pem python3 …",
    ),
    (
        "Java",
        "keytool -importcert -cacerts -storepass changeit -noprompt -alias {ca} -file {ca}-ca-cert.pem",
    ),
    ("Go, on Linux", "SSL_CERT_FILE={ca}-ca-cert.pem go run …"),
];

const FILES: [(&str, &str); 6] = [
    ("pem", "PEM"),
    ("cer", "CER"),
    ("der", "DER"),
    ("p12", "PKCS#12"),
    ("mobileconfig", "Apple profile"),
    ("magisk", "Magisk module"),
];

/// What the visitor seems to use, by what it calls itself.
fn detect(agent: &str) -> Option<&'static Platform> {
    let has = |name: &str| agent.contains(name);
    Some(match () {
        () if has("iPhone") || has("iPad") || has("iPod") => &IOS,
        () if has("Android") => &ANDROID,
        () if has("Firefox/") => &FIREFOX,
        () if has("Windows") => &WINDOWS,
        // An iPad that asks for desktop sites says this too.
        () if has("Macintosh") => &MACOS,
        () if has("Linux") || has("X11") => &LINUX,
        () => return None,
    })
}

/// The page for a visitor that calls itself `agent`.
pub(super) fn html(ca: &PublicCa, agent: &str) -> String {
    let here = detect(agent);
    let mut main = String::from(
        "<h1>Trust this proxy</h1>\n\
         <p class=\"lead\">This page comes from Ratel, the proxy that this device is using: that part works. To show what is \
         inside HTTPS too, Ratel needs the device to trust its certificate.</p>\n",
    );
    main += &match here {
        Some(platform) => format!(
            "<section class=\"card\"><h2>{}</h2>\n{}</section>\n",
            platform.here,
            instructions(platform, ca)
        ),
        None => "<section class=\"card\"><h2>The certificate</h2>\n\
            <a class=\"button\" href=\"/cert/pem\">Download the certificate</a>\n\
            <p class=\"note\" style=\"margin-top:1rem\">What to do with it depends on the system; see below.</p></section>\n"
            .to_owned(),
    };
    main += "<section class=\"warn\"><p><b>Go on only if you trust whoever runs this proxy.</b> The certificate belongs to this one \
        installation of Ratel. Whoever has its key can read and change what this device sends and receives, passwords \
        included. Remove the certificate when you no longer need it.</p></section>\n";
    let _ = write!(
        main,
        "<h2>Is it the right one?</h2>\n<p>Compare its SHA-256 fingerprint with the one that <code>ratel ca</code> prints on \
         the computer where the proxy runs.</p>\n<p class=\"print\">{}</p>\n",
        fingerprint(&ca.sha256)
    );
    main += if here.is_some() {
        "<h2>Other systems</h2>\n<div class=\"group\">\n"
    } else {
        "<h2>What to do</h2>\n<div class=\"group\">\n"
    };
    let is_here = |platform: &Platform| here.is_some_and(|here| here.name == platform.name);
    for platform in PLATFORMS.into_iter().filter(|platform| !is_here(platform)) {
        main += &folded(platform.name, &instructions(platform, ca));
    }
    let mut lines = String::new();
    for (name, line) in RUNTIMES {
        let line = escape(&line.replace("{ca}", ca.base));
        let _ = writeln!(lines, "<h3>{name}</h3>\n<pre><code>{line}</code></pre>");
    }
    lines += "<p class=\"note\">On the computer where Ratel runs, <code>eval \"$(ratel env)\"</code> sets this up for most \
        programs of a shell, and <code>ratel ca trust</code> knows more of them.</p>\n";
    main += &folded("curl, Node, Python, Java, Go", &lines);
    main += "</div>\n<h2>Files</h2>\n<p class=\"files\">\n";
    for (path, name) in FILES {
        let _ = writeln!(main, "<a href=\"/cert/{path}\">{name}</a>");
    }
    main += "</p>\n";
    document("Trust this proxy", &main)
}

/// A page that says why there is nothing.
pub(super) fn refusal(status: u16, why: &str) -> String {
    let main = format!(
        "<h1>{}</h1>\n<p class=\"lead\">{status}</p>\n<p><a class=\"button\" href=\"/\">To the certificate</a></p>\n",
        escape(why)
    );
    document("Nothing here", &main)
}

fn document(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\">\n\
         <title>{title} · Ratel</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <p class=\"brand\">{LOGO}Ratel</p>\n\
         {main}<footer>Served by the proxy itself, to whoever uses it. Nothing on this page comes from elsewhere.</footer>\n\
         </main>\n</body>\n</html>\n"
    )
}

/// A shield with a band.
const LOGO: &str = "<svg width=\"24\" height=\"24\" viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" \
    stroke-linejoin=\"round\" aria-hidden=\"true\"><path d=\"M12 2.5 20 5.5v6c0 4.7-3.3 8.2-8 10-4.7-1.8-8-5.3-8-10v-6z\"/>\
    <path d=\"m8.5 12 2.5 2.5 4.5-5\" stroke-linecap=\"round\"/></svg>";

fn folded(name: &str, body: &str) -> String {
    format!("<details><summary>{name}</summary><div class=\"body\">\n{body}</div></details>\n")
}

fn instructions(platform: &Platform, ca: &PublicCa) -> String {
    // No line begins with what stands between two names.
    let fill = |text: &str| {
        text.replace("{ca}", &escape(ca.base))
            .replace(" ›", "&nbsp;›")
    };
    let mut text = format!(
        "<a class=\"button\" href=\"/cert/{}\">{}</a>\n<ol>\n",
        platform.file, platform.button
    );
    for step in platform.steps {
        let _ = writeln!(text, "<li>{}</li>", fill(step));
    }
    let _ = writeln!(
        text,
        "</ol>\n<div class=\"note\">{}</div>",
        fill(platform.note)
    );
    text
}

/// In four parts between which a line may end.
fn fingerprint(sha256: &[u8; 32]) -> String {
    let hex: Vec<_> = sha256.iter().map(|byte| format!("{byte:02X}")).collect();
    let parts = hex.chunks(8).map(|part| part.join(":"));
    parts.collect::<Vec<_>>().join(":<wbr>")
}

/// Text as HTML, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_are_told_apart() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1",
                "iPhone and iPad",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
                "Android",
            ),
            (
                "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
                "Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
                "Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
                "Firefox",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
                "macOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
                "Linux",
            ),
        ] {
            assert_eq!(
                detect(agent).map(|platform| platform.name),
                Some(expected),
                "{agent}"
            );
        }
        assert!(detect("curl/8.7").is_none() && detect("").is_none());
    }

    #[test]
    fn what_is_not_ours_is_escaped() {
        assert_eq!(
            escape(r#"<a href="x">'&amp;'"#),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;"
        );
        assert!(refusal(404, "<script>").contains("<h1>&lt;script&gt;</h1>"));
    }
}
