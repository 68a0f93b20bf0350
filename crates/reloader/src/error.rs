//! What can go wrong.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the reloader, or one pass of it, failed.
#[derive(Debug, Error)]
pub enum Error {
    /// A file or folder can't be used.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried, such as `read config file`.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The address of metrics and health.
    #[error("listen on {address}: {source}")]
    Listen {
        /// As it was given.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// Changes of files can't be watched.
    #[error("create watcher: {0}")]
    Watcher(io::Error),
    /// Threads, signals.
    #[error("start: {0}")]
    Runtime(io::Error),
    /// The client of reload URLs.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Error {
    /// Names the action and the path of an error.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}
