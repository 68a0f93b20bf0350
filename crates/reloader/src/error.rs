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
    /// A configuration in parts of which one is missing.
    #[error(
        "{}, a part that {} names, isn't there yet: the kubelet brings the Secrets of a configuration one after the other, and \
         the last configuration stays until all are there",
        part.display(),
        list.display()
    )]
    Part {
        /// The file that names its parts.
        list: PathBuf,
        /// The part.
        part: PathBuf,
    },
    /// The list of parts holds something else.
    #[error("{}: {line:?} is no SHA-256 digest", list.display())]
    List {
        /// The file.
        list: PathBuf,
        /// What it holds.
        line: String,
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
