//! Who is let in.

use std::path::Path;

use ratel_core::options::{Values, keys};
use sha1::{Digest, Sha1};
use subtle::{Choice, ConstantTimeEq};

use super::htpasswd::{HtpasswdError, Users};
use super::ldap::{Directory, LdapSpecError};
use crate::rule::elsewhere;

/// Who is let in.
pub(super) enum Validator {
    Anybody,
    One { user: [u8; 20], password: [u8; 20] },
    Users(std::sync::Arc<Users>),
    Directory(Directory),
}

/// A value of `proxyauth` that is none. It says nothing of passwords.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpecError {
    #[error(
        "Invalid proxyauth specification: a colon is missing (at character {at}); \
         write any, USER:PASSWORD, @PATH of an htpasswd file, or ldap[s]:SERVER..."
    )]
    Form { at: usize },
    #[error(
        "Invalid single-user auth specification: there is more than one colon (at character {at})"
    )]
    Single { at: usize },
    #[error("Could not open htpasswd file: {0}")]
    Htpasswd(#[from] HtpasswdError),
    #[error("Invalid LDAP specification: {0}")]
    Ldap(#[from] LdapSpecError),
}

impl std::fmt::Debug for Validator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Validator")
    }
}

impl Validator {
    pub(super) fn parse(spec: &str, options: &Values) -> Result<Self, SpecError> {
        if spec == "any" {
            return Ok(Self::Anybody);
        }
        if let Some(path) = spec.strip_prefix('@') {
            let path = options.expand(path);
            return Ok(Self::Users(Users::read(Path::new(&path))?.into()));
        }
        if spec.starts_with("ldap:") || spec.starts_with("ldaps:") {
            let insecure = options.bool(keys::SSL_INSECURE);
            return Ok(Self::Directory(Directory::parse(spec, insecure)?));
        }
        let (user, password) = spec.split_once(':').ok_or_else(|| SpecError::Form {
            at: spec.chars().count() + 1,
        })?;
        if let Some((before, _)) = password.split_once(':') {
            let at = user.chars().count() + before.chars().count() + 2;
            return Err(SpecError::Single { at });
        }
        Ok(Self::One {
            user: digest(user),
            password: digest(password),
        })
    }

    /// Whether that is somebody who is let in.
    pub(super) async fn accepts(&self, user: String, password: String) -> bool {
        match self {
            Self::Anybody => true,
            Self::One {
                user: known,
                password: right,
            } => bool::from(same(known, &user) & same(right, &password)),
            Self::Users(users) => {
                let users = users.clone();
                let accepted = elsewhere(move || users.accepts(&user, &password)).await;
                accepted.unwrap_or(false)
            }
            Self::Directory(directory) => match directory.accepts(&user, &password).await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("proxyauth: the directory server cannot be asked: {error}");
                    false
                }
            },
        }
    }
}

/// Texts are compared by these, which have one length.
pub(super) fn digest(text: &str) -> [u8; 20] {
    Sha1::digest(text.as_bytes()).into()
}

/// Takes the same time whether or not they are the same.
fn same(known: &[u8; 20], said: &str) -> Choice {
    known.ct_eq(&digest(said))
}
