//! The log that users see: a bounded list of what happened, in sentences.
//!
//! Code anywhere speaks through `tracing`; [`EventLog::layer`] turns its events into entries. Front ends read the
//! list and subscribe to it. An event's `client` field (or that of the span it happens in, or a `client` span's
//! `peer`) says whose connection it is about, its `hint` field what to do about it, and `alert = true` marks what
//! a user must not miss though nothing went wrong.

mod bridge;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use ratel_flow::Timestamp;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::clock;
use crate::store::lock;
use crate::store::subscribe::{Hub, Notice, Subscription};

/// More entries than this are not kept; the oldest go.
pub const ENTRIES_KEPT: usize = 10_000;

/// How much an entry matters; smaller matters more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something does not work.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Nothing is wrong, and the user must know.
    Alert,
    /// What is going on.
    Info,
    /// What is going on inside.
    Debug,
}

impl Level {
    const ALL: [Self; 5] = [
        Self::Error,
        Self::Warn,
        Self::Alert,
        Self::Info,
        Self::Debug,
    ];

    /// `error`, `warn`, `alert`, `info` or `debug`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Alert => "alert",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How much it matters.
    pub level: Level,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What happened, and what to do about it: text that may hold bytes of a peer and is to be escaped.
    pub message: Arc<str>,
    /// The address of the client it is about.
    pub client: Option<Arc<str>>,
}

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogUpdate {
    /// An entry was added.
    Added(Entry),
    /// The subscriber was too slow: read the log again.
    Resync,
}

impl Notice for LogUpdate {
    fn resync() -> Self {
        Self::Resync
    }

    fn is_resync(&self) -> bool {
        matches!(self, Self::Resync)
    }
}

/// The log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    entries: Mutex<VecDeque<Entry>>,
    updates: Hub<LogUpdate>,
    level: AtomicU8,
    steps: AtomicBool,
}

impl EventLog {
    /// An empty log that takes entries of `level` and those that matter more.
    #[must_use]
    pub fn new(level: Level) -> Self {
        Self(Arc::new(Inner {
            entries: Mutex::default(),
            updates: Hub::default(),
            level: AtomicU8::new(level as u8),
            steps: AtomicBool::new(false),
        }))
    }

    /// The least that is taken.
    #[must_use]
    pub fn level(&self) -> Level {
        let level = usize::from(self.0.level.load(Ordering::Relaxed));
        Level::ALL.get(level).copied().unwrap_or(Level::Debug)
    }

    /// Changes the least that is taken, for entries and for [`layer`](Self::layer).
    pub fn set_level(&self, level: Level) {
        self.0.level.store(level as u8, Ordering::Relaxed);
        // Call sites remember whether anybody listens.
        tracing::callsite::rebuild_interest_cache();
    }

    /// Whether single steps inside the proxy are taken, as entries of the level debug.
    #[must_use]
    pub fn takes_steps(&self) -> bool {
        self.0.steps.load(Ordering::Relaxed) && self.level() == Level::Debug
    }

    /// Changes whether single steps inside the proxy are taken where the level is debug (option `proxy_debug`).
    pub fn set_steps(&self, wanted: bool) {
        self.0.steps.store(wanted, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Adds an entry with the present time, if its level is taken.
    pub fn push(&self, level: Level, message: &str, client: Option<&str>) {
        if level > self.level() {
            return;
        }
        let entry = Entry {
            level,
            timestamp: clock::now(),
            message: message.into(),
            client: client.map(Into::into),
        };
        let mut entries = lock(&self.0.entries);
        if entries.len() >= ENTRIES_KEPT {
            entries.pop_front();
        }
        let update = (!self.0.updates.is_empty()).then(|| LogUpdate::Added(entry.clone()));
        entries.push_back(entry);
        drop(entries);
        self.0.updates.publish(update.as_slice());
    }

    /// All entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.0.entries).iter().cloned().collect()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.0.entries).len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all entries and tells subscribers to read again.
    pub fn clear(&self) {
        lock(&self.0.entries).clear();
        self.0.updates.publish(&[LogUpdate::Resync]);
    }

    /// Subscribes to entries from here on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription<LogUpdate> {
        self.0.updates.subscribe(None)
    }

    /// As [`subscribe`](Self::subscribe), with a callback for when there is something to take after there was
    /// nothing. It runs on whatever thread logs, and must neither block nor log.
    #[must_use]
    pub fn subscribe_with(&self, wake: Box<dyn Fn() + Send + Sync>) -> Subscription<LogUpdate> {
        self.0.updates.subscribe(Some(wake))
    }

    /// The layer that turns `tracing` events into entries; add it to a registry.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + 'static
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        bridge::Bridge::new(self.clone()).with_filter(bridge::Gate::new(self.clone()))
    }
}

#[cfg(test)]
mod tests;
