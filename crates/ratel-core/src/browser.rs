//! Browsers that are started for the user: what front ends ask for. The program that has the proxy does it.

use std::fmt;
use std::io;

/// Starts browsers whose traffic goes through the proxy.
pub trait Browsers: fmt::Debug + Send + Sync {
    /// Starts the browser of that name with a profile of its own, which is gone when the browser or the program ends;
    /// says what was started.
    ///
    /// # Errors
    /// When there is none, or it cannot be started.
    fn start(&self, name: &str) -> Result<String, BrowserError>;
}

/// Why no browser was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrowserError {
    /// Nobody knows how to start that one.
    #[error("'{0}' is no browser that can be started; there are chrome, chromium and firefox")]
    Unknown(String),
    /// It is not there.
    #[error("{name} is not installed; looked for {looked_for}")]
    NotInstalled {
        /// What was asked for.
        name: String,
        /// The programs that would have done.
        looked_for: String,
    },
    /// There is no address that it could be pointed at.
    #[error("no server is started that a browser could use")]
    NoProxy,
    /// Its profile cannot be made.
    #[error("cannot make a profile for the browser: {0}")]
    Profile(#[source] io::Error),
    /// The program is there and does not start.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// What happened.
        source: io::Error,
    },
}
