//! What may be told to anybody of the certificate authority that clients trust.

use bytes::Bytes;

/// What the names of its files begin with.
pub const BASE: &str = "ratel";

/// What they begin with in a folder of mitmproxy's, or where mitmproxy's place is taken: scripts wait for these names.
pub const MITMPROXY_BASE: &str = "mitmproxy";

/// How each runtime is told to trust the certificate: its name, and a line with `CERT` for the file.
pub const TRUST_LINES: [(&str, &str); 12] = [
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

/// One of [`TRUST_LINES`] for a file, which is quoted already where that is needed.
#[must_use]
pub fn trust_line(line: &str, cert: &str) -> String {
    let mut line = line.replace("=CERT", &format!("={cert}"));
    line = line.replace(" CERT ", &format!(" {cert} "));
    line.replace(" CERT:", &format!(" {cert}:"))
}

/// A word for a shell that means `text`, in quotes where they are needed.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The certificate of the authority, in the forms in which clients take it. Its private key is in none of them.
#[derive(Clone, Debug)]
pub struct PublicCa {
    /// What its files' names begin with: `ratel`, or `mitmproxy` for a folder of mitmproxy's.
    pub base: &'static str,
    /// As PEM.
    pub pem: Bytes,
    /// As DER.
    pub der: Bytes,
    /// As PKCS#12 without a password.
    pub p12: Bytes,
    /// A list of revoked certificates, on which none is, as DER.
    pub crl: Bytes,
    /// The path at which leaves say that list is, on whatever host.
    pub crl_path: String,
    /// SHA-256 of the DER, by which people compare it.
    pub sha256: [u8; 32],
    /// The hash of its subject by which Android's store names its files (`openssl x509 -subject_hash_old`).
    pub subject_hash_old: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_the_file() {
        let file = shell_word("/home/o'u/ratel ca.pem");
        for (name, line) in TRUST_LINES {
            let line = trust_line(line, &file);
            assert!(!line.contains("CERT ") && !line.contains("=CERT"), "{line}");
            assert_eq!(
                line.contains(r"'/home/o'\''u/ratel ca.pem'"),
                name != "Java, 2",
                "{line}"
            );
        }
        assert_eq!(shell_word("/a/b.pem"), "/a/b.pem");
    }
}
