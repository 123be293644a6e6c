//! Users of a directory server (RFC 4511): we look the user up with an account of our own, and see whether the password
//! is theirs by becoming them.

use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::thread;
use std::time::Duration;

use ldap3::{LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, ldap_escape};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where users are looked up.
pub(super) struct Directory {
    url: String,
    /// Host and port of that.
    address: (String, u16),
    account: String,
    password: String,
    /// Below this users are.
    base: String,
    /// What holds the name of a user.
    attribute: String,
    /// Whatever certificate the server has will do.
    insecure: bool,
}

/// What names no directory. It says nothing of passwords.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LdapSpecError {
    #[error(
        "{what} (at character {at}); write ldap[s]:SERVER[:PORT]:ACCOUNT:PASSWORD:BASE[?search_filter_key=NAME]"
    )]
    Form { what: &'static str, at: usize },
    #[error("a port is a number below 65536 (at character {at})")]
    Port { at: usize },
    #[error("after the question mark, search_filter_key=NAME is known (at character {at})")]
    Parameter { at: usize },
}

impl Directory {
    pub(super) fn parse(spec: &str, insecure: bool) -> Result<Self, LdapSpecError> {
        let parts: Vec<&str> = spec.split(':').collect();
        // Where a part of it begins, in characters from 1.
        let at = |part: &str| {
            let before = part.as_ptr().addr() - spec.as_ptr().addr();
            spec.get(..before).unwrap_or(spec).chars().count() + 1
        };
        let (scheme, server, port, account, password, base) = match parts[..] {
            [scheme, server, account, password, base] => {
                (scheme, server, None, account, password, base)
            }
            [scheme, server, port, account, password, base] => {
                (scheme, server, Some(port), account, password, base)
            }
            [_, _, _, _, _, _, more, ..] => {
                let what = "there are more than six parts";
                return Err(LdapSpecError::Form { what, at: at(more) });
            }
            _ => {
                let what = "there are less than five parts";
                let at = spec.chars().count() + 1;
                return Err(LdapSpecError::Form { what, at });
            }
        };
        if server.is_empty() {
            let what = "the server is missing";
            let at = at(server);
            return Err(LdapSpecError::Form { what, at });
        }
        let number = port
            .map(|port| {
                port.parse()
                    .map_err(|_| LdapSpecError::Port { at: at(port) })
            })
            .transpose()?;
        let default = if scheme == "ldaps" { 636 } else { 389 };
        let address = (server.to_owned(), number.unwrap_or(default));
        let port = number.map_or_else(String::new, |number: u16| format!(":{number}"));
        let (base, attribute) = match base.split_once('?') {
            Some((base, parameter)) => match parameter.strip_prefix("search_filter_key=") {
                Some(name) if is_attribute(name) => (base, name),
                _ => return Err(LdapSpecError::Parameter { at: at(parameter) }),
            },
            None => (base, "cn"),
        };
        Ok(Self {
            url: format!("{scheme}://{server}{port}"),
            address,
            account: account.to_owned(),
            password: password.to_owned(),
            base: base.to_owned(),
            attribute: attribute.to_owned(),
            insecure,
        })
    }

    /// Warns, in time, of a server that cannot be reached. Nobody waits for that.
    pub(super) fn look(&self) {
        let address = self.address.clone();
        let look = move || {
            let connected = address.to_socket_addrs().and_then(|mut addresses| {
                let first = addresses.next().ok_or(io::ErrorKind::NotFound)?;
                TcpStream::connect_timeout(&first, PATIENCE)
            });
            if let Err(error) = connected {
                let (host, port) = address;
                tracing::warn!(
                    "proxyauth: the directory server {host}:{port} cannot be reached ({error}); clients are refused until it can"
                );
            }
        };
        // Without a thread there is no warning, and those who ask who they are get the reason.
        drop(thread::Builder::new().name("ratel-ldap".into()).spawn(look));
    }

    /// Whether that is the password of a user.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub(super) async fn accepts(&self, user: &str, password: &str) -> Result<bool, LdapError> {
        // A server takes a name without a password for somebody who wants to be nobody (RFC 4513 §5.1.2).
        if user.is_empty() || password.is_empty() {
            return Ok(false);
        }
        let asked = tokio::time::timeout(PATIENCE, self.ask(user, password));
        asked.await?
    }

    async fn ask(&self, user: &str, password: &str) -> Result<bool, LdapError> {
        let mut ldap = self.connect().await?;
        ldap.simple_bind(&self.account, &self.password)
            .await?
            .success()?;
        let filter = format!("({}={})", self.attribute, ldap_escape(user));
        let (found, _) = ldap
            .search(&self.base, Scope::Subtree, &filter, vec!["1.1"])
            .await?
            .success()?;
        let first = found
            .into_iter()
            .find(|entry| !entry.is_ref() && !entry.is_intermediate());
        let Some(first) = first else {
            ldap.unbind().await?;
            return Ok(false);
        };
        let name = SearchEntry::construct(first).dn;
        let bound = ldap.simple_bind(&name, password).await?.success();
        ldap.unbind().await?;
        Ok(bound.is_ok())
    }

    async fn connect(&self) -> Result<ldap3::Ldap, LdapError> {
        let settings = LdapConnSettings::new()
            .set_conn_timeout(PATIENCE)
            .set_no_tls_verify(self.insecure);
        let (driver, ldap) = LdapConnAsync::with_settings(settings, &self.url).await?;
        tokio::spawn(async move {
            if let Err(error) = driver.drive().await {
                tracing::debug!("the connection to the directory server ended: {error}");
            }
        });
        Ok(ldap)
    }
}

/// Whether it can be the name of an attribute (RFC 4512 §2.5).
fn is_attribute(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';' | '_');
    !name.is_empty() && name.chars().all(fits)
}

#[cfg(test)]
mod tests;
