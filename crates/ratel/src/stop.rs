//! Being told to end: by signals, or because nobody reads the output any more.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Why the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The system or the user said so.
    Signal,
    /// The output cannot be written.
    Output,
}

/// Tells the main thread to end. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Stop(SyncSender<Why>);

/// Waits for the first reason to end.
#[derive(Debug)]
pub(crate) struct Stopped(Receiver<Why>);

pub(crate) fn channel() -> (Stop, Stopped) {
    let (sender, receiver) = sync_channel(1);
    (Stop(sender), Stopped(receiver))
}

impl Stop {
    /// Only the first reason counts.
    pub(crate) fn stop(&self, why: Why) {
        // Full or disconnected: somebody else was first.
        let _ = self.0.try_send(why);
    }
}

impl Stopped {
    /// Blocks until there is a reason to end.
    pub(crate) fn wait(&self) -> Why {
        self.0.recv().unwrap_or(Why::Signal)
    }
}

/// Calls `stop` on the first SIGINT, SIGTERM or SIGHUP. The next one ends the process at once, with 128 and its number
/// as exit code.
///
/// # Errors
/// When the system refuses handlers or a thread.
#[cfg(unix)]
pub(crate) fn on_signals(stop: impl Fn() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    // Lives as long as the process: it has to be there for the second signal.
    std::thread::Builder::new()
        .name("ratel-signals".into())
        .spawn(move || {
            let mut first = true;
            for signal in signals.forever() {
                if !first {
                    std::process::exit(128 + signal);
                }
                first = false;
                stop();
            }
        })?;
    Ok(())
}

/// Without Unix signals the system's own way to end a process is all there is.
#[cfg(not(unix))]
pub(crate) fn on_signals(_: impl Fn() + Send + 'static) -> io::Result<()> {
    Ok(())
}
