//! Redaction: flows without the secrets in them, for whoever is to see them.
//!
//! A [`Redactor`] turns a [`Record`] into another one, so that whatever is made of it (a file, an archive, a command,
//! packets) holds no secret. What is a secret is said by *rules* ([`RULES`] lists the kinds): fields of headers, cookies,
//! parameters of URLs, fields of forms and keys in JSON by name, and patterns. What a rule with a name finds is also
//! replaced wherever else it occurs in the same flow: plain, percent-encoded, escaped as in JSON, or in base64.
//!
//! A secret becomes a *placeholder*, `REDACTED-` and sixteen hexadecimal digits that are made from the secret with a key
//! (HMAC-SHA-256). So the same secret has the same placeholder wherever it stands, and others have others: one still
//! sees that two requests carried the same token. There is no name in it, since a secret may be found under several;
//! its place says what it was. It has no byte that a header, a URL, JSON, a form or a shell would want quoted. The key is
//! random for each run, so that nobody can try out passwords against a placeholder; the rule `salt:TEXT` sets it, for
//! placeholders that are the same from run to run, and tries are possible to those who know the text.
//!
//! Messages of one side are looked at together where they meet (`seams.rs`), so that a secret in pieces is found.
//!
//! In data that is no text (protobuf, images, what a connection carried) a secret gives way to hexadecimal digits of the
//! same length, so that lengths within the data stay true. A body that was changed is left without its
//! content-encoding, and `Content-Length` says its length. A body that cannot be looked into, since it is longer than
//! [`BODY_MAX`] or its content-encoding cannot be undone, is left out, and the flow's comment says so.

mod body;
mod grpc;
mod head;
mod json;
mod message;
mod pass;
mod placeholder;
mod record;
mod rule;
mod scan;
mod seams;
mod secrets;

use std::sync::Arc;

use crate::Record;
use placeholder::Key;
use rule::Rules;

pub use rule::{RULES, RuleError, RuleHelp, is_credential};

/// Longer bodies are left out rather than looked through, in bytes, as sent or decoded.
pub const BODY_MAX: usize = 64 * 1024 * 1024;

/// Takes secrets out of flows. Cheap to clone.
///
/// ```
/// use ratel_flow::redact::Redactor;
///
/// let redactor = Redactor::from_rules(["default", "header:X-Internal-*", "json:email"])?;
/// assert!(Redactor::from_rules(["heder:X"]).is_err());
/// # drop(redactor);
/// # Ok::<(), ratel_flow::redact::RuleError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Redactor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rules: Rules,
    /// Random, and the same for all that come from one.
    own_key: Key,
    /// What placeholders are made with.
    key: Key,
}

impl Redactor {
    /// Reads rules. An empty list redacts nothing.
    ///
    /// # Errors
    /// What is wrong with a rule, and where.
    pub fn from_rules<R: AsRef<str>>(
        rules: impl IntoIterator<Item = R>,
    ) -> Result<Self, RuleError> {
        Self::new(rules, Key::random())
    }

    /// One with other rules. A secret has the same placeholder with both, unless one of them has a salt.
    ///
    /// # Errors
    /// As [`from_rules`](Self::from_rules).
    pub fn with_rules<R: AsRef<str>>(
        &self,
        rules: impl IntoIterator<Item = R>,
    ) -> Result<Self, RuleError> {
        Self::new(rules, self.0.own_key.clone())
    }

    fn new<R: AsRef<str>>(
        rules: impl IntoIterator<Item = R>,
        own_key: Key,
    ) -> Result<Self, RuleError> {
        let mut read = Rules::default();
        for rule in rules {
            read.add(rule.as_ref())?;
        }
        let key = match &read.salt {
            Some(salt) => Key::of_salt(salt),
            None => own_key.clone(),
        };
        Ok(Self(Arc::new(Inner {
            rules: read,
            own_key,
            key,
        })))
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.rules.is_empty()
    }

    /// The flow without its secrets.
    #[must_use]
    pub fn redact(&self, record: &Record) -> Record {
        if self.is_empty() {
            return record.clone();
        }
        record::redact(self, record)
    }

    fn rules(&self) -> &Rules {
        &self.0.rules
    }

    fn key(&self) -> &Key {
        &self.0.key
    }
}

#[cfg(test)]
mod tests;
