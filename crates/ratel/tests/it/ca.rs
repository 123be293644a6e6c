//! `ratel ca` and `ratel env` in a sealed home, and what other programs make of their output.

use std::path::Path;
use std::process::{Command, Output};

use ratel_testkit::{Ca, Nginx, peer};

use crate::common::{assert_says, dump, program, stdout};

fn ratel(home: &Path) -> Command {
    let mut command = Command::new(program().command_line().0);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .current_dir(home);
    command
}

fn run(home: &Path, args: &[&str]) -> Output {
    peer::output(ratel(home).args(args))
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn openssl(args: &[&str]) -> Option<String> {
    let mut command = Command::new(peer::find("openssl")?);
    Some(stdout(&peer::output(command.args(args))))
}

#[test]
fn show_says_what_the_certificate_is() {
    let home = tempfile::tempdir().unwrap();
    let text = stdout(&run(home.path(), &["ca"]));
    let words = [
        "subject",
        "CN=ratel",
        "SHA-256",
        "valid",
        "ratel-ca.pem",
        "made just now",
    ];
    assert_says(&text, &words);
    let again = stdout(&run(home.path(), &["ca", "show"]));
    assert!(!again.contains("made just now"), "{again}");
    let file = home.path().join(".ratel/ratel-ca-cert.pem");
    let file = file.to_str().unwrap();
    if let Some(print) = openssl(&["x509", "-in", file, "-noout", "-fingerprint", "-sha256"]) {
        let print = print.trim().split_once('=').unwrap().1;
        assert_says(&again, &[print, file]);
    }
    let elsewhere = stdout(&run(home.path(), &["ca", "--set", "confdir=other folder"]));
    assert_says(
        &elsewhere,
        &["other folder/ratel-ca-cert.pem", "made just now"],
    );
    let before = stdout(&run(
        home.path(),
        &["ca", "--set", "confdir=other folder", "trust"],
    ));
    assert_says(&before, &["NODE_EXTRA_CA_CERTS='", "/other folder/"]);
}

#[test]
fn exports_are_what_they_are_called() {
    let home = tempfile::tempdir().unwrap();
    let pem = stdout(&run(home.path(), &["ca", "export", "pem"]));
    assert!(
        pem.starts_with("-----BEGIN CERTIFICATE-----") && !pem.contains("KEY"),
        "{pem}"
    );
    for (form, args) in [
        (
            "der",
            &["x509", "-inform", "DER", "-noout", "-subject", "-in"][..],
        ),
        ("pem", &["x509", "-noout", "-subject", "-in"]),
        ("p12", &["pkcs12", "-passin", "pass:", "-nodes", "-in"]),
    ] {
        let file = home.path().join(format!("out.{form}"));
        let file = file.to_str().unwrap();
        stdout(&run(home.path(), &["ca", "export", form, file]));
        let Some(text) = openssl(&[args, &[file]].concat()) else {
            return;
        };
        assert_says(&text, &["ratel"]);
        assert!(!text.contains("PRIVATE KEY"), "{form}: {text}");
    }
    stdout(&run(
        home.path(),
        &["ca", "export", "p12", "key.p12", "--with-key"],
    ));
    let file = home.path().join("key.p12");
    let text = openssl(&[
        "pkcs12",
        "-passin",
        "pass:",
        "-nodes",
        "-in",
        file.to_str().unwrap(),
    ]);
    assert_says(&text.unwrap(), &["PRIVATE KEY"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn exports_do_not_destroy_files() {
    let home = tempfile::tempdir().unwrap();
    stdout(&run(home.path(), &["ca", "export", "pem", "a.pem"]));
    stdout(&peer::output(
        Command::new("mkfifo").arg(home.path().join("pipe")),
    ));
    let rows: [(&[&str], &str); 7] = [
        (&["ca", "export", "pem", "a.pem"], "--force"),
        (
            &["ca", "export", "pem", "--force", "pipe"],
            "no regular file",
        ),
        (
            &["ca", "export", "pem", "--force", ".ratel/ratel-ca.pem"],
            "private key",
        ),
        (&["ca", "export", "pem", "--with-key"], "p12 only"),
        (&["ca", "export", "pem", ".ratel"], "folder"),
        (&["ca", "export", "pkcs7"], "pkcs7"),
        (&["ca", "--set", "nonsense=1"], "nonsense"),
    ];
    for (args, word) in rows {
        assert_says(&refused(&run(home.path(), args)), &[word]);
    }
    stdout(&run(
        home.path(),
        &["ca", "export", "pem", "a.pem", "--force"],
    ));
}

#[test]
fn a_broken_folder_is_explained() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".ratel")).unwrap();
    std::fs::write(home.path().join(".ratel/ratel-ca.pem"), "nothing").unwrap();
    for args in [&["ca"][..], &["env"]] {
        let text = refused(&run(home.path(), args));
        assert_says(&text, &["ratel-ca.pem", "no usable private key", "hint"]);
    }
}

#[test]
fn help_lists_what_there_is() {
    let home = tempfile::tempdir().unwrap();
    let text = stdout(&run(home.path(), &["ca", "--help"]));
    assert_says(&text, &["show", "export", "trust", "--set"]);
    let text = stdout(&run(home.path(), &["ca", "export", "--help"]));
    assert_says(&text, &["--with-key", "[FILE]"]);
    let text = stdout(&run(home.path(), &["env", "--help"]));
    assert_says(&text, &["--port", "--shell", "eval \"$(ratel env)\""]);
}

/// A shell that takes the variables in reaches an origin through the proxy without another word, and without the proxy
/// an origin that the machine trusts by itself.
#[test]
fn a_shell_takes_the_variables_in() {
    let ca = Ca::new();
    let (Some(nginx), Some(_)) = (Nginx::start(&ca.issue(&["localhost"])), peer::find("curl"))
    else {
        return;
    };
    let running = dump().env("SSL_CERT_FILE", ca.file()).start();
    let port = running.port().to_string();
    // Twice: the second time, the variable names our own bundle.
    let script = format!(
        "eval \"$(\"$RATEL\" env --port {port} --shell sh)\" && \
         export NO_PROXY= && \
         curl -q -sS --max-time 20 https://localhost:{https}/hello && \
         curl -q -sS --max-time 20 --noproxy '*' https://localhost:{https}/hello && \
         echo \"$SSL_CERT_FILE $https_proxy\"",
        https = nginx.https,
    );
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("RATEL", program().command_line().0)
        .env("HOME", running.home())
        .env("SSL_CERT_FILE", ca.file());
    let text = stdout(&peer::output(&mut shell));
    assert_eq!(text.matches("hello from nginx").count(), 2, "{text}");
    assert_says(
        &text,
        &["ratel-ca-bundle.pem", &format!("http://127.0.0.1:{port}")],
    );
    running.wait_output("GET https://localhost");
}

/// The same for Python, which takes both from its environment by itself.
#[test]
fn python_takes_the_variables_in() {
    let ca = Ca::new();
    let (Some(nginx), Some(_)) = (
        Nginx::start(&ca.issue(&["localhost"])),
        peer::find("python3"),
    ) else {
        return;
    };
    let running = dump().env("SSL_CERT_FILE", ca.file()).start();
    let script = format!(
        "eval \"$(\"$RATEL\" env --port {} --no-proxy '' --shell sh)\" && python3 -c \
         'import urllib.request as u; print(u.urlopen(\"https://localhost:{}/hello\").read().decode())'",
        running.port(),
        nginx.https,
    );
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("RATEL", program().command_line().0)
        .env("HOME", running.home())
        .env("no_proxy", "localhost");
    assert_says(&stdout(&peer::output(&mut shell)), &["hello from nginx"]);
    running.wait_output("GET https://localhost");
}

#[test]
fn variables_survive_hostile_folders() {
    let home = tempfile::tempdir().unwrap();
    let folder = "it's $(touch pwned) `x` \"y\"";
    let script = "eval \"$(\"$RATEL\" env --set \"confdir=$FOLDER\" --shell sh)\" && cat \"$SSL_CERT_FILE\" && \
         eval \"$(\"$RATEL\" env --unset --shell sh)\" && echo \"left: $SSL_CERT_FILE$https_proxy\"";
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("RATEL", program().command_line().0)
        .env("HOME", home.path())
        .env("FOLDER", folder)
        .current_dir(home.path());
    let text = stdout(&peer::output(&mut shell));
    assert!(
        text.contains("BEGIN CERTIFICATE") && text.ends_with("left: \n"),
        "{text}"
    );
    assert!(!home.path().join("pwned").exists());
    let text = stdout(&run(home.path(), &["env", "--shell", "fish"]));
    assert_says(&text, &["set -gx https_proxy 'http://127.0.0.1:8080';"]);
}

/// Into a real NSS database and out again; `--nss` keeps the test away from what belongs to the machine.
#[test]
fn an_nss_database_takes_it_and_gives_it_back() {
    let Some(certutil) = peer::find("certutil") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".mozilla/firefox/a b.default");
    std::fs::create_dir_all(&folder).unwrap();
    let db = format!("sql:{}", folder.display());
    let nss = |args: &[&str]| {
        let mut command = Command::new(&certutil);
        stdout(&peer::output(command.args(["-d", &db]).args(args)))
    };
    nss(&["-N", "--empty-password"]);

    let output = run(home.path(), &["ca", "install", "--nss"]);
    assert_says(&refused(&output), &["no terminal", "--yes"]);
    let planned = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_says(&planned, &["certutil -A -d", "a b.default"]);
    assert!(!nss(&["-L"]).contains("ratel"));

    let text = stdout(&run(home.path(), &["ca", "install", "--nss", "--yes"]));
    assert_says(&text, &["done: NSS database"]);
    assert!(nss(&["-L"]).contains("C,,"), "{}", nss(&["-L"]));
    let text = stdout(&run(home.path(), &["ca", "install", "--nss", "--yes"]));
    assert_says(&text, &["already trusted by NSS", "nothing to do"]);
    let text = stdout(&run(home.path(), &["ca"]));
    assert_says(&text, &["yes  NSS database"]);

    let text = stdout(&run(home.path(), &["ca", "remove", "--nss", "--yes"]));
    assert_says(&text, &["done: NSS database"]);
    assert!(!nss(&["-L"]).contains("ratel"));
}

#[test]
fn removing_makes_no_authority() {
    let home = tempfile::tempdir().unwrap();
    let text = refused(&run(home.path(), &["ca", "remove", "--nss", "--yes"]));
    assert_says(&text, &["no certificate authority", "confdir"]);
    assert!(!home.path().join(".ratel").exists());
    let text = refused(&run(home.path(), &["ca", "install", "--nss", "--yes"]));
    assert_says(&text, &["no NSS database", "ratel ca trust"]);
    let other = ["ca", "install", "--nss", "--set", "confdir=other"];
    let text = refused(&peer::output(
        ratel(home.path()).env("SUDO_USER", "u").args(other),
    ));
    assert_says(&text, &["under sudo", "/u/.ratel"]);
}

/// On a terminal the user is asked, and a no changes nothing.
#[test]
fn a_terminal_is_asked() {
    let Some(certutil) = peer::find("certutil") else {
        return;
    };
    let builder = program().args(["ca", "install", "--nss"]);
    let folder = builder.home().join(".pki/nssdb");
    std::fs::create_dir_all(&folder).unwrap();
    let db = format!("sql:{}", folder.display());
    let mut make = Command::new(certutil);
    stdout(&peer::output(make.args([
        "-N",
        "--empty-password",
        "-d",
        &db,
    ])));
    let mut screen = ratel_testkit::Screen::start(builder, 24, 100);
    screen.wait_for("Run them? [y/N]");
    screen.keys("n\r");
    screen.wait_for("nothing was changed");
}
