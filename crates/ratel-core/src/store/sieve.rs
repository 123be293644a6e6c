//! What filters can be spared: bodies in which a pattern is not.
//!
//! Whoever knows much about bodies without reading them (the search index) is asked first. It never says no where
//! reading would say yes.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use ratel_flow::Side;
use ratel_flow::filter::Filter;
use ratel_flow::pattern::Pattern;

use super::lock;
use super::stamp::Stamp;

/// Knows of many flows where patterns are not.
pub(crate) trait Sieves: Send + Sync {
    /// What is known about the patterns that a filter looks for in bodies; none if nothing is.
    fn sieve(&self, filter: &Filter) -> Option<Arc<dyn Sieve>>;
}

/// What is known about the patterns of one filter.
pub(crate) trait Sieve: Send + Sync {
    /// Whether the pattern may be in a body or message of the flow that has this stamp, of that side if one is given.
    fn may_hold(&self, stamp: &Stamp, side: Option<Side>, pattern: &Pattern) -> bool;
}

/// Whom to ask, if there is anybody.
#[derive(Default)]
pub(super) struct Known(Mutex<Option<Weak<dyn Sieves>>>);

impl Known {
    pub(super) fn set(&self, sieves: Weak<dyn Sieves>) {
        *lock(&self.0) = Some(sieves);
    }

    pub(super) fn sieve(&self, filter: &Filter) -> Option<Arc<dyn Sieve>> {
        let sieves = lock(&self.0).as_ref()?.upgrade()?;
        sieves.sieve(filter)
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Known")
            .field(&lock(&self.0).is_some())
            .finish()
    }
}
