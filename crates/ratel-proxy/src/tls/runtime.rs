//! What a client is written in, as far as it shows, so that it can be said how it is made to trust a certificate.

use std::path::Path;

use ratel_core::ca::{TRUST_LINES, shell_word, trust_line};
use ratel_proto::client_hello::{ClientHello, is_grease};

/// What a client is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    Curl,
    Git,
    Go,
    Python,
    Requests,
    Node,
    Java,
    Ruby,
    DotNet,
    /// A browser, which has its own certificates or those of the system.
    Browser,
    /// Something that uses OpenSSL.
    OpenSsl,
}

/// What each calls itself in `User-Agent`, in small letters. What is more precise comes first.
const AGENTS: [(&str, Runtime); 16] = [
    ("git/", Runtime::Git),
    ("curl/", Runtime::Curl),
    ("go-http-client", Runtime::Go),
    ("python-requests", Runtime::Requests),
    ("python", Runtime::Python),
    ("aiohttp", Runtime::Python),
    ("httpx", Runtime::Python),
    ("node", Runtime::Node),
    ("undici", Runtime::Node),
    ("axios", Runtime::Node),
    ("okhttp", Runtime::Java),
    ("java", Runtime::Java),
    ("ruby", Runtime::Ruby),
    (".net", Runtime::DotNet),
    ("mozilla/", Runtime::Browser),
    ("opera/", Runtime::Browser),
];

/// So much of `User-Agent` is looked at, in bytes.
const AGENT_READ: usize = 256;

mod extension {
    pub(super) const STATUS_REQUEST: u16 = 5;
    pub(super) const STATUS_REQUEST_V2: u16 = 17;
    pub(super) const CERTIFICATE_TIMESTAMPS: u16 = 18;
    pub(super) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(super) const RECORD_SIZE_LIMIT: u16 = 28;
    pub(super) const DELEGATED_CREDENTIALS: u16 = 34;
}

impl Runtime {
    /// By what it calls itself.
    pub(crate) fn of_agent(agent: &[u8]) -> Option<Self> {
        let agent = agent.get(..AGENT_READ).unwrap_or(agent);
        let agent = String::from_utf8_lossy(agent).to_ascii_lowercase();
        AGENTS
            .into_iter()
            .find(|(word, _)| agent.contains(word))
            .map(|(_, runtime)| runtime)
    }

    /// By what only its TLS library offers.
    pub(crate) fn of_hello(hello: &ClientHello) -> Option<Self> {
        let has = |kind| hello.has_extension(kind);
        if hello.cipher_suites.iter().any(|suite| is_grease(*suite)) {
            return Some(Self::Browser);
        }
        if has(extension::DELEGATED_CREDENTIALS) && has(extension::RECORD_SIZE_LIMIT) {
            return Some(Self::Browser);
        }
        if has(extension::STATUS_REQUEST_V2) {
            return Some(Self::Java);
        }
        if has(extension::ENCRYPT_THEN_MAC) {
            return Some(Self::OpenSsl);
        }
        (has(extension::CERTIFICATE_TIMESTAMPS) && has(extension::STATUS_REQUEST))
            .then_some(Self::Go)
    }

    /// What to do, on one line.
    pub(crate) fn advice(self, cert: &Path) -> String {
        let file = shell_word(&cert.to_string_lossy());
        let line = |runtime: &str| {
            let known = TRUST_LINES.iter().find(|(name, _)| *name == runtime);
            known.map_or_else(String::new, |(_, line)| trust_line(line, &file))
        };
        let say = |who: &str, line: String| format!("make {who} trust {file}: {line}");
        match self {
            Self::Curl => say("curl", line("curl")),
            Self::Git => say("Git", line("Git")),
            Self::Go => say("the Go program", line("Go")),
            Self::Python => say("the Python program", line("Python, ssl")),
            Self::Requests => say("the Python program", line("Python, requests")),
            Self::Node => say("the Node program", line("Node")),
            Self::Ruby => say("the Ruby program", line("Ruby")),
            Self::DotNet => say("the .NET program", line(".NET (Linux)")),
            Self::Java => say(
                "the Java program",
                format!("{}, then {}", line("Java, 1"), line("Java, 2")),
            ),
            Self::Browser => format!(
                "import {file} into the browser as an authority, or `ratel ca install` has this machine trust it"
            ),
            Self::OpenSsl => say(
                "the client (OpenSSL)",
                format!(
                    "SSL_CERT_FILE={file} before its command, NODE_EXTRA_CA_CERTS={file} for Node"
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents() {
        let rows = [
            ("curl/8.5.0", Some(Runtime::Curl)),
            ("git/2.43.0", Some(Runtime::Git)),
            ("Go-http-client/1.1", Some(Runtime::Go)),
            ("python-requests/2.31", Some(Runtime::Requests)),
            ("Python-urllib/3.12", Some(Runtime::Python)),
            ("node-fetch", Some(Runtime::Node)),
            ("Java-http-client/21", Some(Runtime::Java)),
            ("Mozilla/5.0 (X11; Linux x86_64)", Some(Runtime::Browser)),
            ("something", None),
            ("", None),
        ];
        for (agent, runtime) in rows {
            assert_eq!(Runtime::of_agent(agent.as_bytes()), runtime, "{agent}");
        }
    }

    #[test]
    fn advice_can_be_copied() {
        let advice = Runtime::Curl.advice(Path::new("/a b/ca.pem"));
        assert_eq!(
            advice,
            "make curl trust '/a b/ca.pem': curl --cacert '/a b/ca.pem' https://…"
        );
    }
}
