//! Certificates, keys, and what is accepted on either side.

use super::checks;
use crate::options::def::options;

const GROUP: &str = "TLS options";
const VERSIONS: &[&str] = &["UNBOUNDED", "SSL3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3"];

options! { "TLS";
    SSL_INSECURE: bool("ssl_insecure", false).flag().short('k').group(GROUP)
        .help("Accept any certificate from servers. Servers that only know unsafe renegotiation are accepted as well.");
    SSL_VERIFY_UPSTREAM_TRUSTED_CA: opt_str("ssl_verify_upstream_trusted_ca").metavar("PATH")
        .help("A PEM file with the certification authorities that servers are trusted by. It takes the place of the system's.");
    SSL_VERIFY_UPSTREAM_TRUSTED_CONFDIR: opt_str("ssl_verify_upstream_trusted_confdir").metavar("PATH")
        .help("A folder with the certification authorities that servers are trusted by, prepared with `openssl rehash`.");
    UPSTREAM_CERT: bool("upstream_cert", true)
        .help("Look at the server's certificate to choose the names in the one shown to the client. Otherwise the name the client \
            asks for is all there is.");
    ADD_UPSTREAM_CERTS_TO_CLIENT_CHAIN: bool("add_upstream_certs_to_client_chain", false)
        .help("Append the server's certificates to the chain shown to the client. It needs `upstream_cert`.");
    CERTS: list("certs", &[]).flag().metavar("SPEC").group(GROUP)
        .help("Show clients a certificate of your own. `DOMAIN=PATH` uses the PEM file for hosts that match the domain, which may \
            start with `*.`; a bare `PATH` uses it for all.");
    CERT_PASSPHRASE: opt_str("cert_passphrase").flag().metavar("PASS").secret().group(GROUP)
        .help("The passphrase of an encrypted private key. Other users of the machine can see command lines, so a configuration \
            file is the better place for it.");
    KEY_SIZE: int("key_size", 2048).metavar("BITS").check(checks::rsa_bits).at_start()
        .help("How many bits the RSA key of a freshly made certification authority has. An existing one keeps its key.");
    CLIENT_CERTS: opt_str("client_certs").metavar("PATH")
        .help("The certificate to show to servers that ask for one. A PEM file, or a folder with one `HOST.pem` for each server.");
    REQUEST_CLIENT_CERT: bool("request_client_cert", false)
        .help("Ask clients for a certificate. Any certificate is accepted, and so is none.");
    CIPHERS_CLIENT: opt_str("ciphers_client").metavar("CIPHERS")
        .help("The ciphers offered to clients up to TLS 1.2, as an OpenSSL cipher list.");
    CIPHERS_SERVER: opt_str("ciphers_server").metavar("CIPHERS")
        .help("The ciphers offered to servers up to TLS 1.2, as an OpenSSL cipher list.");
    TLS_ECDH_CURVE_CLIENT: opt_str("tls_ecdh_curve_client").metavar("CURVE")
        .help("The only curve to use with clients.");
    TLS_ECDH_CURVE_SERVER: opt_str("tls_ecdh_curve_server").metavar("CURVE")
        .help("The only curve to use with servers.");
    TLS_VERSION_CLIENT_MIN: str("tls_version_client_min", "TLS1_2").choices(VERSIONS)
        .help("The lowest TLS version accepted from clients.");
    TLS_VERSION_CLIENT_MAX: str("tls_version_client_max", "UNBOUNDED").choices(VERSIONS)
        .help("The highest TLS version accepted from clients.");
    TLS_VERSION_SERVER_MIN: str("tls_version_server_min", "TLS1_2").choices(VERSIONS)
        .help("The lowest TLS version used with servers.");
    TLS_VERSION_SERVER_MAX: str("tls_version_server_max", "UNBOUNDED").choices(VERSIONS)
        .help("The highest TLS version used with servers.");
    SSLKEYLOGFILE: opt_str("sslkeylogfile").metavar("PATH").own()
        .help("Append the secrets of all TLS connections to this file, so that Wireshark can decrypt a capture of them. Without it \
            the environment variables MITMPROXY_SSLKEYLOGFILE and SSLKEYLOGFILE name the file.");
}
