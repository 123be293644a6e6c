//! Being told to end: by signals, or because nobody reads the output any more.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Reasons that may wait: one of each kind.
const QUEUE: usize = 4;

/// How long the program may take to print what is left when it is told to end a second time.
#[cfg(unix)]
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The system or the user said so.
    Signal,
    /// They said so again, by the signal of this number.
    Again(i32),
    /// The output cannot be written.
    Output,
    /// The file has been read, and nothing else is to be done.
    Loaded,
    /// Everything has been closed, so many connections before they were done.
    Closed(usize),
}

/// Tells the main thread to end. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Stop(SyncSender<Why>);

/// Waits for reasons to end.
#[derive(Debug)]
pub(crate) struct Stopped(Receiver<Why>);

pub(crate) fn channel() -> (Stop, Stopped) {
    let (sender, receiver) = sync_channel(QUEUE);
    (Stop(sender), Stopped(receiver))
}

impl Stop {
    /// Does not wait.
    pub(crate) fn stop(&self, why: Why) {
        // Disconnected: it is ending. Full: there are reasons enough.
        let _ = self.0.try_send(why);
    }
}

impl Stopped {
    /// Blocks until there is a reason to end.
    pub(crate) fn wait(&self) -> Why {
        self.0.recv().unwrap_or(Why::Signal)
    }

    /// The next reason, if there is one within this time.
    pub(crate) fn wait_for(&self, limit: Duration) -> Option<Why> {
        self.0.recv_timeout(limit).ok()
    }
}

/// Calls `suspend` whenever somebody else sends SIGTSTP: a terminal has to be given back before the process stops. Where another
/// program has it, which `elsewhere` says, the process stops along with that one.
///
/// # Errors
/// When the system refuses a handler or a thread.
#[cfg(unix)]
pub(crate) fn on_suspend(
    elsewhere: impl Fn() -> bool + Send + 'static,
    suspend: impl Fn() + Send + 'static,
) -> io::Result<()> {
    use signal_hook::consts::SIGTSTP;
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGTSTP])?;
    // Lives as long as the process.
    std::thread::Builder::new()
        .name("ratel-suspend".into())
        .spawn(move || {
            for signal in signals.forever() {
                match elsewhere() {
                    // There is nothing better to do where the system refuses.
                    true => drop(signal_hook::low_level::emulate_default_handler(signal)),
                    false => suspend(),
                }
            }
        })?;
    Ok(())
}

/// There is no such signal.
#[cfg(not(unix))]
pub(crate) fn on_suspend(
    _: impl Fn() -> bool + Send + 'static,
    _: impl Fn() + Send + 'static,
) -> io::Result<()> {
    Ok(())
}

/// Calls `stop` with [`Why::Signal`] on the first SIGINT, SIGTERM or SIGHUP and with [`Why::Again`] on the second, which
/// says whether the program ends by itself then. If not, soon after it, or on the third, the process ends with 128 and
/// the number as exit code. SIGQUIT counts as SIGINT does.
///
/// The signals of keys, SIGINT and SIGQUIT, go to all programs in the foreground. `elsewhere` says whether they were
/// meant for another one that has the terminal: then they are nothing here.
///
/// # Errors
/// When the system refuses handlers or a thread.
#[cfg(unix)]
pub(crate) fn on_signals(
    elsewhere: impl Fn() -> bool + Send + 'static,
    stop: impl Fn(Why) -> bool + Send + 'static,
) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT])?;
    // Lives as long as the process: it has to be there for the second signal.
    std::thread::Builder::new()
        .name("ratel-signals".into())
        .spawn(move || {
            let ours = |signal: &i32| !(matches!(*signal, SIGINT | SIGQUIT) && elsewhere());
            for (count, signal) in signals.forever().filter(ours).enumerate() {
                let end = move || std::process::exit(128 + signal);
                if count == 0 {
                    stop(Why::Signal);
                    continue;
                }
                if count > 1 || !stop(Why::Again(signal)) {
                    end();
                }
                // An output that stands still must not hold up the end.
                let guard = std::thread::Builder::new().spawn(move || {
                    std::thread::sleep(LAST_WORDS);
                    end();
                });
                if guard.is_err() {
                    end();
                }
            }
        })?;
    Ok(())
}

/// Without Unix signals the system's own way to end a process is all there is.
#[cfg(not(unix))]
pub(crate) fn on_signals(
    _: impl Fn() -> bool + Send + 'static,
    _: impl Fn(Why) -> bool + Send + 'static,
) -> io::Result<()> {
    Ok(())
}
