//! How each runtime is told to trust the certificate: one line to copy for each.

use std::path::Path;

use crate::env::Shell;

/// A heading, and the line with `CERT` for the file.
const LINES: [(&str, &str); 12] = [
    ("curl", "curl --cacert CERT https://…"),
    ("Git", "git -c http.sslCAInfo=CERT clone https://…"),
    ("Node", "NODE_EXTRA_CA_CERTS=CERT node …"),
    ("Python, requests", "REQUESTS_CA_BUNDLE=CERT python3 …"),
    ("Python, ssl", "SSL_CERT_FILE=CERT python3 …"),
    ("Go", "SSL_CERT_FILE=CERT go run …"),
    ("Ruby", "SSL_CERT_FILE=CERT ruby …"),
    (".NET (Linux)", "SSL_CERT_FILE=CERT dotnet run"),
    ("Deno", "DENO_CERT=CERT deno run …"),
    (
        "Java, 1",
        "keytool -importcert -noprompt -alias ratel -file CERT -keystore ratel.p12 -storetype PKCS12 -storepass changeit",
    ),
    (
        "Java, 2",
        "java -Djavax.net.ssl.trustStore=ratel.p12 -Djavax.net.ssl.trustStorePassword=changeit …",
    ),
    (
        "Docker",
        "docker run -v CERT:/etc/ratel.pem:ro -e SSL_CERT_FILE=/etc/ratel.pem -e NODE_EXTRA_CA_CERTS=/etc/ratel.pem -e REQUESTS_CA_BUNDLE=/etc/ratel.pem …",
    ),
];

/// The lines, for a certificate in `cert`.
pub(super) fn text(cert: &Path) -> String {
    let cert = Shell::Sh.word(&cert.to_string_lossy());
    let mut text = String::new();
    for (what, line) in LINES {
        let mut line = line.replace("=CERT", &format!("={cert}"));
        line = line.replace(" CERT ", &format!(" {cert} "));
        line = line.replace(" CERT:", &format!(" {cert}:"));
        text += &format!("{what:17} {line}\n");
    }
    text += "\nThese programs then trust Ratel's certificate alone (Node and Deno: also it). With\n\
             `eval \"$(ratel env)\"` they trust the system's as well.\n";
    text
}
