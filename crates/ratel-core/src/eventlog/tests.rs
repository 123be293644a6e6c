use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt;

use super::*;

fn traced(level: Level, run: impl FnOnce(&EventLog)) -> Vec<(Level, String, Option<String>)> {
    let log = EventLog::new(level);
    let registry = tracing_subscriber::registry().with(log.layer());
    tracing::subscriber::with_default(registry, || run(&log));
    let entries = log.entries().into_iter();
    entries
        .map(|e| {
            (
                e.level,
                e.message.to_string(),
                e.client.map(|c| c.to_string()),
            )
        })
        .collect()
}

#[test]
fn tracing_events_become_entries_with_hint_and_client() {
    let entries = traced(Level::Info, |_| {
        let peer = "127.0.0.1:4";
        let span = tracing::info_span!("client", peer);
        span.in_scope(|| {
            let io = std::io::Error::other("refused");
            tracing::error!(
                error = &io as &dyn std::error::Error,
                hint = "is it up?",
                "cannot connect"
            );
            tracing::debug!("not taken");
            tracing::info!(open = 3, "draining");
        });
        tracing::warn!(client = "[::1]:5", "odd");
        tracing::info!(alert = true, "look at http://mitm.it/");
        tracing::info!(only = 1);
    });
    let expected = [
        (
            Level::Error,
            "cannot connect: refused; is it up?",
            Some("127.0.0.1:4"),
        ),
        (Level::Info, "draining open=3", Some("127.0.0.1:4")),
        (Level::Warn, "odd", Some("[::1]:5")),
        (Level::Alert, "look at http://mitm.it/", None),
        (Level::Info, "only=1", None),
    ];
    let expected = expected.map(|(l, m, c)| (l, m.to_owned(), c.map(str::to_owned)));
    assert_eq!(entries, expected);
}

#[test]
fn the_level_can_be_changed_while_running() {
    let entries = traced(Level::Error, |log| {
        for level in [Level::Error, Level::Debug, Level::Alert] {
            log.set_level(level);
            tracing::debug!("debug at {}", level.name());
            tracing::info!("info at {}", level.name());
            tracing::info!(alert = true, "alert at {}", level.name());
        }
    });
    let messages: Vec<_> = entries.iter().map(|(_, m, _)| m.as_str()).collect();
    assert_eq!(
        messages,
        [
            "debug at debug",
            "info at debug",
            "alert at debug",
            "alert at alert"
        ]
    );
}

#[test]
fn single_steps_are_taken_on_request_where_the_level_is_debug() {
    let entries = traced(Level::Debug, |log| {
        tracing::trace!("a step before");
        log.set_steps(true);
        tracing::trace!("a step");
        tracing::trace!(target: "library", "a step of a library");
        log.set_level(Level::Info);
        tracing::trace!("a step at info");
        log.set_level(Level::Debug);
        log.set_steps(false);
        tracing::trace!("a step after");
    });
    assert_eq!(entries, [(Level::Debug, "a step".to_owned(), None)]);
}

#[test]
fn the_log_is_bounded_and_its_subscribers_too() {
    let log = EventLog::new(Level::Info);
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = woken.clone();
    let slow = log.subscribe_with(Box::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    for n in 0..ENTRIES_KEPT + 5 {
        log.push(Level::Info, &n.to_string(), None);
    }
    assert_eq!(log.len(), ENTRIES_KEPT);
    assert_eq!(&*log.entries()[0].message, "5");
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    assert_eq!(slow.next_timeout(Duration::ZERO), Some(LogUpdate::Resync));
    assert_eq!(slow.try_next(), None);
    log.push(Level::Warn, "last", None);
    assert!(matches!(slow.try_next(), Some(LogUpdate::Added(entry)) if &*entry.message == "last"));
    assert_eq!(woken.load(Ordering::Relaxed), 2);
}

#[test]
fn names_and_levels_are_one_to_one() {
    for level in Level::ALL {
        assert_eq!(Level::from_name(level.name()), Some(level));
    }
    assert_eq!(Level::from_name("loud"), None);
}
