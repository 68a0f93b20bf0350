//! Keeping the store across restarts: an embedded database, written before a client is told.

use std::path::PathBuf;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// Another process has it.
    #[error(
        "state directory {path} is in use by {owner}\nhint: stop that process, or choose another directory with `--state`"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who has it, such as `process 4711`.
        owner: String,
    },
    /// It cannot be read or written.
    #[error("cannot use state directory {path}: {message}")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// The cause.
        message: String,
    },
}
