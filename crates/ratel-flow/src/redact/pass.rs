//! The two passes over a flow: the first one finds what rules with names call a secret, the second one replaces it, there
//! and wherever else it stands.
//!
//! Both go the same way through the flow, so that no place is searched by one and missed by the other.

use std::sync::Arc;

use super::Redactor;
use super::json;
use super::scan::{self, Ends, Span};
use super::secrets::{Needles, Secrets};

/// What is done on the way through a flow.
#[derive(Debug)]
pub(super) enum Pass {
    /// Secrets are gathered.
    Find(Redactor, Secrets),
    /// They are replaced.
    Replace(Replacer),
}

/// Knows the secrets of a flow. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Replacer {
    redactor: Redactor,
    needles: Arc<Needles>,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// How parameters of URLs end.
    pub(super) ends: Ends,
    /// Its length must not change.
    pub(super) same_length: bool,
}

impl Kind {
    /// Text of any sort.
    pub(super) const TEXT: Self = Self {
        ends: Ends::Free,
        same_length: false,
    };
    /// A URL, or its path.
    pub(super) const URL: Self = Self {
        ends: Ends::Url,
        same_length: false,
    };
    /// A URL-encoded form.
    pub(super) const FORM: Self = Self {
        ends: Ends::Form,
        same_length: false,
    };
    /// Data.
    pub(super) const BINARY: Self = Self {
        ends: Ends::Free,
        same_length: true,
    };
}

impl Pass {
    /// The pass that begins.
    pub(super) fn find(redactor: &Redactor) -> Self {
        Self::Find(redactor.clone(), Secrets::default())
    }

    /// The one that follows.
    pub(super) fn then(self) -> Self {
        match self {
            Self::Find(redactor, secrets) => Self::Replace(Replacer {
                redactor,
                needles: Arc::new(secrets.needles()),
            }),
            replace @ Self::Replace(_) => replace,
        }
    }

    pub(super) fn redactor(&self) -> &Redactor {
        match self {
            Self::Find(redactor, _) | Self::Replace(Replacer { redactor, .. }) => redactor,
        }
    }

    /// Whether changes are made.
    pub(super) fn replaces(&self) -> bool {
        matches!(self, Self::Replace(_))
    }

    /// A secret that stands nowhere as such, but is known from something else.
    pub(super) fn learn(&mut self, secret: &[u8]) {
        if let Self::Find(redactor, secrets) = self {
            secrets.add(secret, redactor.rules());
        }
    }

    /// A text with the secrets that whoever knows its place has found in it; gives back what it is to become, if that is
    /// something else.
    pub(super) fn text(&mut self, text: &[u8], known: Vec<Span>, kind: Kind) -> Option<Vec<u8>> {
        let rules = self.redactor().rules();
        let mut spans = known;
        json::values(text, &rules.json, &mut spans);
        if kind.ends == Ends::Form {
            scan::parameters(text, &rules.form, kind.ends, &mut spans);
        }
        scan::parameters(text, &rules.query, kind.ends.of_urls(), &mut spans);
        if rules.userinfo {
            scan::userinfo(text, &mut spans);
        }
        match self {
            Self::Find(redactor, secrets) => {
                for span in spans {
                    secrets.add(&span.secret, redactor.rules());
                }
                None
            }
            Self::Replace(replacer) => {
                let Replacer { redactor, needles } = replacer;
                scan::patterns(text, &redactor.rules().patterns, &mut spans);
                needles.spans(text, &mut spans);
                scan::replaced(text, spans, redactor.key(), kind.same_length)
            }
        }
    }

    /// What may be a secret in a text that is made of several. Of a stream, everything is.
    pub(super) fn across(&self, text: &[u8], is_stream: bool) -> Vec<Span> {
        let rules = self.redactor().rules();
        let mut spans = Vec::new();
        json::values(text, &rules.json, &mut spans);
        if is_stream {
            scan::parameters(text, &rules.query, Ends::Free, &mut spans);
            if rules.userinfo {
                scan::userinfo(text, &mut spans);
            }
        }
        if let Self::Replace(Replacer { redactor, needles }) = self {
            if is_stream {
                scan::patterns(text, &redactor.rules().patterns, &mut spans);
            }
            needles.spans(text, &mut spans);
        }
        spans
    }

    /// The same for text that is known to be text.
    pub(super) fn string(&mut self, text: &str, kind: Kind) -> Option<String> {
        let changed = self.text(text.as_bytes(), Vec::new(), kind)?;
        Some(String::from_utf8_lossy(&changed).into_owned())
    }

    /// Replaces shared text where it has secrets.
    pub(super) fn shared(&mut self, text: &mut Arc<str>) {
        if let Some(changed) = self.string(text, Kind::TEXT) {
            *text = changed.into();
        }
    }
}
