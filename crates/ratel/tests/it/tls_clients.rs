//! Clients of every kind of TLS: each is served, or the row says what is the matter and what to type.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use openssl::nid::Nid;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use ratel_testkit::{Ca, Identity, Key, Origin, Ratel, Service, Wire, openssl_cli, origin, peer};

use crate::common::{assert_says, curl, dump, reverse, stdout, trusting};

/// A client's arguments, words of what it prints or of the row about it, and whether it gets its answer.
type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str], bool);

fn origin() -> Origin {
    Origin::plain(|wire| origin::serve(wire, |_, _| origin::ok("the answer")))
}

fn proxy(origin: &Origin, set: &[&str]) -> Ratel {
    let options = set.iter().flat_map(|option| ["--set", option]);
    reverse(&format!("http://localhost:{}", origin.port()))
        .args(options)
        .start()
}

fn ca_file(ratel: &Ratel) -> String {
    ratel
        .config_file("ratel-ca-cert.pem")
        .to_string_lossy()
        .into_owned()
}

fn check_s_client(ratel: &Ratel, cases: &[Case<'_>]) {
    let ca = ca_file(ratel);
    for (what, args, words, served) in cases {
        let mut all = vec!["-CAfile", &ca, "-verify_return_error"];
        if !args.contains(&"-noservername") {
            all.extend(["-servername", "localhost"]);
        }
        all.extend(*args);
        let Some(output) = openssl_cli::s_client(ratel.port(), &all) else {
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            text.contains("the answer"),
            *served,
            "{what}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        if *served {
            assert_says(&text, words);
        } else {
            let row = ratel.wait_output(words[0]);
            assert_says(&row, words);
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn openssl_of_today() {
    let origin = origin();
    let ratel = proxy(&origin, &[]);
    check_s_client(
        &ratel,
        &[
            (
                "TLS 1.3",
                &["-tls1_3"],
                &["TLSv1.3", "Verification: OK"],
                true,
            ),
            (
                "a ClientHello in many records",
                &["-max_send_frag", "512", "-alpn", &"protocol,".repeat(100)],
                &["TLSv1.3", "Verification: OK"],
                true,
            ),
            (
                "TLS 1.3, AES-256",
                &["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"],
                &["TLS_AES_256_GCM_SHA384"],
                true,
            ),
            (
                "TLS 1.3, ChaCha20",
                &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
                &["CHACHA20"],
                true,
            ),
            (
                "TLS 1.3, AES-CCM",
                &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
                &["TLS_AES_128_CCM_SHA256"],
                true,
            ),
            (
                "a HelloRetryRequest",
                &["-tls1_3", "-groups", "P-521:P-384"],
                &["TLSv1.3"],
                true,
            ),
            (
                "X448 alone",
                &["-tls1_3", "-groups", "X448"],
                &["X448"],
                true,
            ),
            (
                "DH alone",
                &["-tls1_3", "-groups", "ffdhe2048"],
                &["TLSv1.3"],
                true,
            ),
            (
                "RSA signatures alone",
                &["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"],
                &["Peer signature type: RSA-PSS"],
                true,
            ),
            ("TLS 1.2", &["-tls1_2"], &["TLSv1.2"], true),
            (
                "TLS 1.2, ECDSA with CBC",
                &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
                &["ECDHE-ECDSA-AES128-SHA"],
                true,
            ),
            (
                "TLS 1.2, RSA with CBC",
                &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"],
                &["ECDHE-RSA-AES256-SHA384"],
                true,
            ),
            (
                "key exchange with RSA",
                &["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
                &["AES128-GCM-SHA256"],
                true,
            ),
            (
                "key exchange with RSA, CBC",
                &["-tls1_2", "-cipher", "AES256-SHA"],
                &["AES256-SHA"],
                true,
            ),
            (
                "key exchange with DH",
                &["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"],
                &["Server Temp Key: DH"],
                true,
            ),
            (
                "Camellia",
                &["-tls1_2", "-cipher", "ECDHE-RSA-CAMELLIA128-SHA256"],
                &["CAMELLIA128"],
                true,
            ),
            (
                "ARIA",
                &["-tls1_2", "-cipher", "ECDHE-ARIA128-GCM-SHA256"],
                &["ARIA128"],
                true,
            ),
            (
                "small fragments",
                &["-maxfraglen", "512"],
                &["Verification: OK"],
                true,
            ),
            ("no name", &["-noservername"], &["Verification: OK"], true),
            (
                "a protocol nobody knows",
                &["-alpn", "telepathy"],
                &["No ALPN negotiated"],
                true,
            ),
            (
                "HTTP/1 by ALPN",
                &["-alpn", "http/1.1"],
                &["ALPN protocol: http/1.1"],
                true,
            ),
            (
                "a stapled response asked for",
                &["-status"],
                &["no response sent"],
                true,
            ),
            ("no tickets", &["-no_ticket", "-tls1_2"], &["TLSv1.2"], true),
            (
                "TLS 1.1",
                &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                &[
                    "no TLS version in common",
                    "TLS 1.1 at most",
                    "--set tls_version_client_min=TLS1_1",
                ],
                false,
            ),
            (
                "TLS 1.0",
                &["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
                &["TLS 1.0 at most", "--set tls_version_client_min=TLS1"],
                false,
            ),
            (
                "no encryption",
                &["-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"],
                &[
                    "no cipher suite in common",
                    "tls_version_client_min=UNBOUNDED",
                ],
                false,
            ),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn openssl_of_another_time() {
    let origin = origin();
    let ratel = proxy(&origin, &["tls_version_client_min=UNBOUNDED"]);
    check_s_client(
        &ratel,
        &[
            (
                "TLS 1.1",
                &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                &["TLSv1.1"],
                true,
            ),
            (
                "TLS 1.0",
                &["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
                &["TLSv1"],
                true,
            ),
            (
                "TLS 1.0 with RSA alone",
                &["-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"],
                &["AES128-SHA"],
                true,
            ),
            (
                "TLS 1.0 with DH",
                &["-tls1", "-cipher", "DHE-RSA-AES256-SHA:@SECLEVEL=0"],
                &["DHE-RSA-AES256-SHA"],
                true,
            ),
            (
                "TLS 1.0 with ECDSA",
                &["-tls1", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
                &["ECDHE-ECDSA-AES128-SHA"],
                true,
            ),
            (
                "no encryption",
                &["-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"],
                &["NULL-SHA256"],
                true,
            ),
            ("TLS 1.3 all the same", &["-tls1_3"], &["TLSv1.3"], true),
        ],
    );
    let ratel = proxy(&origin, &["tls_version_client_min=TLS1_3"]);
    check_s_client(
        &ratel,
        &[(
            "TLS 1.2",
            &["-tls1_2"],
            &["TLS 1.2 at most", "--set tls_version_client_min=TLS1_2"],
            false,
        )],
    );
    let ratel = proxy(&origin, &["tls_version_client_max=TLS1_2"]);
    check_s_client(
        &ratel,
        &[
            ("TLS 1.2 at most", &[], &["TLSv1.2"], true),
            (
                "TLS 1.3 alone",
                &["-tls1_3"],
                &["no TLS version in common", "tls_version_client_max"],
                false,
            ),
        ],
    );
    let ratel = proxy(
        &origin,
        &["ciphers_client=AES256-SHA", "tls_version_client_max=TLS1_2"],
    );
    check_s_client(
        &ratel,
        &[("the cipher of the option", &[], &["AES256-SHA"], true)],
    );
    let ratel = proxy(&origin, &["tls_ecdh_curve_client=secp384r1"]);
    check_s_client(
        &ratel,
        &[
            (
                "the curve of the option",
                &["-groups", "X25519:P-384"],
                &["ECDH, secp384r1"],
                true,
            ),
            (
                "another curve",
                &["-tls1_3", "-groups", "X25519"],
                &["no key exchange group in common"],
                false,
            ),
        ],
    );
}

/// Sessions go on where an earlier connection left them.
#[test]
fn sessions_are_resumed() {
    let origin = origin();
    let ratel = proxy(&origin, &[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let session = folder.path().join("session.pem");
    let session = session.to_str().expect("a path in UTF-8");
    for version in ["-tls1_3", "-tls1_2"] {
        let cases: [Case<'_>; 2] = [
            (
                "a first connection",
                &[version, "-sess_out", session],
                &["New, TLSv1."],
                true,
            ),
            (
                "a second one",
                &[version, "-sess_in", session],
                &["Reused, TLSv1."],
                true,
            ),
        ];
        check_s_client(&ratel, &cases);
    }
}

/// Any certificate is accepted, and none.
#[test]
fn certificates_of_clients_are_asked_for_and_shown() {
    let ca = Ca::named("somebody");
    let own = ca.issue(&["me.example"]);
    let (cert, key) = (own.cert_file(), own.key_file());
    let (cert, key) = (
        cert.to_str().expect("a path in UTF-8"),
        key.to_str().expect("a path in UTF-8"),
    );
    let origin = origin();
    let ratel = proxy(
        &origin,
        &["request_client_cert=true", "tls_version_client_min=TLS1"],
    );
    for version in ["-tls1_3", "-tls1_2", "-tls1"] {
        let old = [version, "-cipher", "ALL:@SECLEVEL=0"];
        let with = [&old[..], &["-cert", cert, "-key", key]].concat();
        let cases: [Case<'_>; 2] = [
            ("with one", &with, &["the answer"], true),
            ("without one", &old, &["the answer"], true),
        ];
        check_s_client(&ratel, &cases);
    }
}

#[test]
fn curl_with_openssl() {
    let origin = origin();
    let ratel = proxy(&origin, &[]);
    let url = format!("https://localhost:{}/", ratel.port());
    let ca = ca_file(&ratel);
    for args in [
        &["--tlsv1.3"][..],
        &["--tlsv1.2", "--tls-max", "1.2"],
        &["--tls-max", "1.2", "--ciphers", "AES128-SHA"],
        &["--curves", "X448", "--tlsv1.3"],
        &["--http1.1"],
        &["--http2"],
        &["--no-alpn"],
    ] {
        let Some(output) = curl([&["--cacert", &ca, &url], args].concat()) else {
            return;
        };
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "the answer",
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// GnuTLS, by its own command.
#[test]
fn gnutls() {
    let Some(program) = peer::find("gnutls-cli") else {
        return;
    };
    let origin = origin();
    let ratel = proxy(&origin, &["tls_version_client_min=TLS1"]);
    for priority in [
        "NORMAL",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP384R1",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA",
        "NORMAL:-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1:-CIPHER-ALL:+AES-128-CBC:+SHA1:%VERIFY_ALLOW_SIGN_WITH_SHA1:%COMPAT",
    ] {
        let mut client = Command::new(&program)
            .args([
                "--priority",
                priority,
                "--x509cafile",
                &ca_file(&ratel),
                "-p",
                &ratel.port().to_string(),
                "localhost",
            ])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("gnutls-cli can be started");
        let mut input = client.stdin.take().expect("it is piped");
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        std::io::Write::write_all(&mut input, request).expect("it reads");
        let output = peer::finish("gnutls-cli", client);
        drop(input);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.contains("the answer"),
            "{priority}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn python() {
    let origin = origin();
    let ratel = proxy(&origin, &["tls_version_client_min=TLS1"]);
    let script = r#"
import ssl, socket, sys
port, ca = int(sys.argv[1]), sys.argv[2]
V = ssl.TLSVersion
for low, high in [(V.TLSv1_3, V.TLSv1_3), (V.TLSv1_2, V.TLSv1_2), (V.TLSv1, V.TLSv1_1)]:
    context = ssl.create_default_context(cafile=ca)
    # The strictest check of chains that Python has, the default since 3.13.
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    if high < V.TLSv1_2: context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version, context.maximum_version = low, high
    with context.wrap_socket(socket.create_connection(('127.0.0.1', port)), server_hostname='localhost') as tls:
        tls.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
        answer = b''
        while part := tls.recv(4096): answer += part
    assert answer.endswith(b'the answer'), answer
print(port)
"#;
    let args = [ratel.port().to_string(), ca_file(&ratel)];
    // It prints a port when all has gone well.
    if let Some(service) = Service::start(script, args) {
        assert_eq!(service.port, ratel.port());
    }
}

/// Go's own TLS; skipped without Go.
#[test]
fn go() {
    let Some(go) = optional("go") else { return };
    let origin = origin();
    let ratel = proxy(&origin, &[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = folder.path().join("main.go");
    std::fs::write(
        &program,
        r#"package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	pem, _ := os.ReadFile(os.Args[2])
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	for _, v := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		config := &tls.Config{RootCAs: pool, MinVersion: v, MaxVersion: v}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
		response, err := client.Get("https://localhost:" + os.Args[1] + "/")
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		body, _ := io.ReadAll(response.Body)
		fmt.Printf("%x %s\n", v, body)
	}
}
"#,
    )
    .expect("a file can be written");
    let output = peer::output(
        Command::new(go)
            .current_dir(folder.path())
            .env("GOCACHE", folder.path().join("cache"))
            .env("GOFLAGS", "-mod=mod")
            .env("GO111MODULE", "off")
            .arg("run")
            .arg(&program)
            .args([ratel.port().to_string(), ca_file(&ratel)]),
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        text,
        "304 the answer\n303 the answer\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Java's own TLS; skipped without Java.
#[test]
fn java() {
    let Some(java) = optional("java") else { return };
    let Some(keytool) = optional("keytool") else {
        return;
    };
    let origin = origin();
    let ratel = proxy(&origin, &[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = folder.path().join("trust.p12");
    let made = peer::output(
        Command::new(keytool)
            .args([
                "-importcert",
                "-noprompt",
                "-alias",
                "ratel",
                "-storetype",
                "PKCS12",
                "-storepass",
                "changeit",
            ])
            .arg("-file")
            .arg(ca_file(&ratel))
            .arg("-keystore")
            .arg(&store),
    );
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let program = folder.path().join("Ask.java");
    std::fs::write(
        &program,
        r#"import java.net.URI;
import java.net.http.*;
import javax.net.ssl.*;

public class Ask {
    public static void main(String[] args) throws Exception {
        for (String version : new String[] {"TLSv1.3", "TLSv1.2"}) {
            SSLParameters parameters = new SSLParameters();
            parameters.setProtocols(new String[] {version});
            HttpClient client = HttpClient.newBuilder().sslParameters(parameters).build();
            HttpRequest request = HttpRequest.newBuilder(URI.create("https://localhost:" + args[0] + "/")).build();
            System.out.println(version + " " + client.send(request, HttpResponse.BodyHandlers.ofString()).body());
        }
    }
}
"#,
    )
    .expect("a file can be written");
    let output = peer::output(
        Command::new(java)
            .arg(format!("-Djavax.net.ssl.trustStore={}", store.display()))
            .arg("-Djavax.net.ssl.trustStorePassword=changeit")
            .arg(&program)
            .arg(ratel.port().to_string()),
    );
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        text,
        "TLSv1.3 the answer\nTLSv1.2 the answer\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A program that is too large to be installed for a test.
fn optional(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        peer::notice(&format!("`{name}` is not installed"));
    }
    found
}

/// Certificates of the user's own take the place of those that are made, for the names that they are for.
#[test]
fn clients_are_shown_the_certificates_that_options_name() {
    let ca = Ca::named("the company");
    let (one, any) = (
        ca.issue_for_key(&["localhost"], Key::Rsa(2048)),
        ca.issue_for_key(&["*.example"], Key::Ec(Nid::SECP384R1)),
    );
    let origin = origin();
    let given = |spec: String| {
        reverse(&format!("http://localhost:{}", origin.port())).args(["--certs".to_owned(), spec])
    };
    let trusted = ca.file();
    let chain = |ratel: &Ratel, name: &str, ca: &Path| {
        Wire::connect_tls(ratel.port(), name, Some(ca)).peer_chain()
    };
    let ratel = given(one.pem_file().display().to_string()).start();
    assert_eq!(
        chain(&ratel, "localhost", &trusted),
        [("localhost".into(), "the company".into())]
    );
    let ratel = given(format!("*.example={}", any.pem_file().display())).start();
    for name in ["a.example", "b.c.example"] {
        let shown = Wire::connect_tls(ratel.port(), name, None).peer_chain();
        assert_eq!(
            shown,
            [("*.example".into(), "the company".into())],
            "{name}"
        );
    }
    let own = ratel.config_file("ratel-ca-cert.pem");
    assert_eq!(chain(&ratel, "localhost", &own)[0].0, "localhost");
    for (path, words) in [
        (one.cert_file(), "has no private key"),
        (one.key_file(), "the file holds a private key alone"),
        ("/nowhere.pem".into(), "can't be read"),
    ] {
        let output = given(path.display().to_string()).run();
        assert!(!output.status.success());
        assert_says(
            &String::from_utf8_lossy(&output.stderr),
            &["option 'certs'", words],
        );
    }
}

/// What servers of another name vouch with is passed on where that is asked for.
#[test]
fn the_chain_of_the_server_follows_ours() {
    let ca = Ca::named("the company");
    let origin = Origin::tls(&ca.issue(&["localhost"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("x"))
    });
    let url = format!("https://localhost:{}", origin.port());
    let ratel = trusting(reverse(&url), &ca.file())
        .args(["--set", "add_upstream_certs_to_client_chain=true"])
        .start();
    let own = ratel.config_file("ratel-ca-cert.pem");
    let shown = Wire::connect_tls(ratel.port(), "localhost", Some(&own)).peer_chain();
    assert_eq!(shown.len(), 3);
    assert_eq!(shown[2], ("localhost".into(), "the company".into()));
    let output = reverse(&url)
        .args([
            "--set",
            "add_upstream_certs_to_client_chain=true",
            "--set",
            "upstream_cert=false",
        ])
        .run();
    assert_says(
        &String::from_utf8_lossy(&output.stderr),
        &["needs 'upstream_cert'"],
    );
}

/// Keeps in `file` what a client needs to send data before the handshake with a server of that certificate is done; false
/// without openssl.
fn keeps_early_session(identity: &Identity, file: &Path) -> bool {
    let mut acceptor = SslAcceptor::mozilla_modern_v5(SslMethod::tls_server()).expect("a context");
    acceptor
        .set_certificate_file(identity.cert_file(), SslFiletype::PEM)
        .expect("a certificate");
    acceptor
        .set_private_key_file(identity.key_file(), SslFiletype::PEM)
        .expect("its key");
    acceptor.set_max_early_data(16 * 1024).expect("a limit");
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().ok()?;
        let mut stream = acceptor.accept(stream).ok()?;
        let mut request = [0; 16];
        stream.read_exact(&mut request).ok()?;
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").ok()?;
        stream.shutdown().ok()
    });
    let file = file.to_str().expect("a path in UTF-8");
    openssl_cli::s_client(port, &["-sess_out", file]).is_some()
}

#[test]
fn data_sent_before_the_handshake_is_declined_and_the_connection_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (session, early) = (folder.path().join("session"), folder.path().join("early"));
    if !keeps_early_session(&Ca::new().issue(&["localhost"]), &session) {
        return;
    }
    std::fs::write(&early, "GET /early HTTP/1.0\r\n\r\n").expect("room");
    let [session, early] = [&session, &early].map(|path| path.to_str().expect("UTF-8"));
    let origin = origin();
    let ratel = proxy(&origin, &[]);
    let args = ["-sess_in", session, "-early_data", early];
    let words = ["Early data was rejected"];
    check_s_client(&ratel, &[("0-RTT", &args, &words, true)]);
    let asked = String::from_utf8_lossy(&origin.received(0)).into_owned();
    assert!(asked.starts_with("GET / HTTP/1.0\r\n"), "{asked}");
}

/// A client that speaks TLS in TLS in TLS: with a proxy, in its tunnel with another proxy, in whose tunnel with the
/// origin.
const LAYERS: &str = r#"
import socket, ssl, sys
outer, inner, origin, bundle = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

class Layer:
    def __init__(self, below):
        self.below, self.inp, self.out = below, ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=bundle)
        self.tls = context.wrap_bio(self.inp, self.out, server_hostname="localhost")
        self.drive(self.tls.do_handshake)
    def drive(self, act):
        while True:
            try:
                done = act()
            except ssl.SSLWantReadError:
                self.flush()
                data = self.below.recv(65536)
                if not data: raise SystemExit("the connection ended early")
                self.inp.write(data)
                continue
            self.flush()
            return done
    def flush(self):
        data = self.out.read()
        if data: self.below.sendall(data)
    def sendall(self, data): self.drive(lambda: self.tls.write(data))
    def recv(self, n): return self.drive(lambda: self.tls.read(n))

def tunnel(below, port):
    below.sendall(b"CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % (port, port))
    head = b""
    while not head.endswith(b"\r\n\r\n"): head += below.recv(1)
    assert b" 200 " in head, head
    return below

first = Layer(socket.create_connection(("127.0.0.1", outer)))
second = Layer(tunnel(first, inner))
third = Layer(tunnel(second, origin))
third.sendall(b"GET /deep HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
print(third.recv(65536).decode())
"#;

#[test]
fn tls_in_tls_in_tls() {
    let Some(python) = peer::find("python3") else {
        return;
    };
    let ca = Ca::new();
    let site = Origin::tls(&ca.issue(&["localhost"]), |wire| {
        origin::serve(wire, |_, _| origin::ok("the answer"));
    });
    let inner = trusting(dump(), &ca.file()).start();
    let inner_ca = inner.config_file("ratel-ca-cert.pem");
    let outer = trusting(dump(), &inner_ca).start();
    let own = |file: &Path| std::fs::read(file).expect("a certificate");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bundle = folder.path().join("bundle.pem");
    let outer_ca = outer.config_file("ratel-ca-cert.pem");
    // The inner one's tunnel is not the outer one's to look into: there the client meets the inner one's certificate.
    std::fs::write(&bundle, [own(&outer_ca), own(&inner_ca)].concat()).expect("room");
    let ports = [outer.port(), inner.port(), site.port()].map(|port| port.to_string());
    let mut client = Command::new(python);
    client.args(["-c", LAYERS]).args(ports).arg(&bundle);
    let output = peer::output(&mut client);
    assert_says(&stdout(&output), &["the answer"]);
    inner.wait_output("GET https://localhost");
    outer.wait_output("CONNECT localhost");
}
