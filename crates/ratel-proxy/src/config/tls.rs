//! The options about TLS, and what is made of them: authorities, certificates and sessions are worth keeping when
//! something else changes.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ratel_core::options::{Values, keys};

use crate::tls::{
    CaStore, ClientTlsOptions, ClientTlsSettings, GivenCerts, KeyLogFile, PolicyOptions,
    ServerTlsOptions, ServerTlsSettings, TlsPolicy,
};

/// Environment variables that name the key log where the option does not, as mitmproxy looks at them.
const KEYLOG_VARIABLES: [&str; 2] = ["MITMPROXY_SSLKEYLOGFILE", "SSLKEYLOGFILE"];

/// How TLS is spoken on either side.
#[derive(Clone, Debug)]
pub(crate) struct TlsConfig {
    pub(crate) client: ClientTlsSettings,
    pub(crate) server: ServerTlsSettings,
    made_of: Written,
}

/// The options as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    client: TlsPolicy,
    server: TlsPolicy,
    ask_certificate: bool,
    insecure: bool,
    trusted_ca: Option<PathBuf>,
    trusted_confdir: Option<PathBuf>,
    client_certs: Option<PathBuf>,
    passphrase: Option<String>,
    keylog: Option<PathBuf>,
}

impl TlsConfig {
    pub(super) fn new(options: &Values, previous: Option<&Self>) -> Result<Self, String> {
        let written = Written::new(options)?;
        if let Some(same) = previous.filter(|previous| previous.made_of == written) {
            return Ok(same.clone());
        }
        let keylog = keylog(written.keylog.as_deref())?;
        let server = ServerTlsSettings::new(ServerTlsOptions {
            insecure: written.insecure,
            trusted_ca: written.trusted_ca.clone(),
            trusted_confdir: written.trusted_confdir.clone(),
            policy: written.server.clone(),
            client_certs: written.client_certs.clone(),
            passphrase: written.passphrase.clone(),
            keylog: keylog.clone(),
        });
        Ok(Self {
            client: ClientTlsSettings::new(ClientTlsOptions {
                policy: written.client.clone(),
                ask_certificate: written.ask_certificate,
                keylog,
            }),
            server: server.map_err(|error| error.to_string())?,
            made_of: written,
        })
    }
}

impl Written {
    fn new(options: &Values) -> Result<Self, String> {
        let client = PolicyOptions {
            min: options.str(keys::TLS_VERSION_CLIENT_MIN),
            max: options.str(keys::TLS_VERSION_CLIENT_MAX),
            ciphers: options.opt_str(keys::CIPHERS_CLIENT),
            curve: options.opt_str(keys::TLS_ECDH_CURVE_CLIENT),
        };
        let server = PolicyOptions {
            min: options.str(keys::TLS_VERSION_SERVER_MIN),
            max: options.str(keys::TLS_VERSION_SERVER_MAX),
            ciphers: options.opt_str(keys::CIPHERS_SERVER),
            curve: options.opt_str(keys::TLS_ECDH_CURVE_SERVER),
        };
        Ok(Self {
            client: TlsPolicy::new("client", client)?,
            server: TlsPolicy::new("server", server)?,
            ask_certificate: options.bool(keys::REQUEST_CLIENT_CERT),
            insecure: options.bool(keys::SSL_INSECURE),
            trusted_ca: options.opt_path(keys::SSL_VERIFY_UPSTREAM_TRUSTED_CA),
            trusted_confdir: options.opt_path(keys::SSL_VERIFY_UPSTREAM_TRUSTED_CONFDIR),
            client_certs: options.opt_path(keys::CLIENT_CERTS),
            passphrase: options.opt_str(keys::CERT_PASSPHRASE).map(str::to_owned),
            keylog: options.opt_path(keys::SSLKEYLOGFILE),
        })
    }
}

/// The certificates that clients are shown instead of ones that are made.
pub(crate) fn given_certs(options: &Values, ca: &CaStore) -> Result<GivenCerts, String> {
    let specs: Vec<_> = options
        .list(keys::CERTS)
        .iter()
        .map(|spec| match spec.split_once('=') {
            Some((domain, path)) => (Some(domain.to_owned()), options.expand(path)),
            None => (None, options.expand(spec)),
        })
        .collect();
    let given = GivenCerts::open(&specs, options.opt_str(keys::CERT_PASSPHRASE), ca);
    given.map_err(|error| error.to_string())
}

/// The file that an option names must be there to be written to. One from the environment was meant for many programs,
/// so that one which can't be written to is only worth a warning.
fn keylog(option: Option<&Path>) -> Result<Option<Arc<KeyLogFile>>, String> {
    if let Some(path) = option {
        let file = KeyLogFile::open(path);
        let file = file
            .map_err(|error| format!("cannot write TLS secrets to {}: {error}", path.display()))?;
        return Ok(Some(Arc::new(file)));
    }
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let Some(path) = KEYLOG_VARIABLES
        .into_iter()
        .find_map(set)
        .map(PathBuf::from)
    else {
        return Ok(None);
    };
    match KeyLogFile::open(&path) {
        Ok(file) => Ok(Some(Arc::new(file))),
        Err(error) => {
            tracing::warn!(
                "cannot write TLS secrets to {} (SSLKEYLOGFILE): {error}",
                path.display()
            );
            Ok(None)
        }
    }
}
