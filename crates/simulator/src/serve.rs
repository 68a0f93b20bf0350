//! The served form: the same server over TLS on loopback, on the wall clock, for real clients.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::builtin::Builtin;
use crate::world::WorldHandle;

/// What to serve.
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Where to keep everything; `None` keeps nothing.
    pub state_dir: Option<PathBuf>,
    /// Built-in controllers to run.
    pub controllers: Vec<Box<dyn Builtin>>,
}

/// Why a server cannot start. The texts name the remedy in a line `hint: …`.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is taken.
    #[error(
        "cannot listen on {addr}: {source}\nhint: choose another address with `--addr`, or port 0 for a free one"
    )]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] crate::persist::PersistError),
    /// Certificates cannot be made.
    #[error("cannot make certificates: {0}")]
    Certificates(String),
}

/// A running server. Dropping it stops nothing; call `shutdown`.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    /// A whole kubeconfig for the administrator.
    pub kubeconfig: String,
    /// The world it serves.
    pub world: WorldHandle,
}

impl Server {
    /// Starts a server. Call inside a multi-thread tokio runtime.
    pub async fn start(options: ServeOptions) -> Result<Self, ServeError> {
        std::future::ready(()).await;
        let _ = (options.addr, options.state_dir, options.controllers.len());
        todo!()
    }

    /// Stops accepting, ends all connections and closes the state.
    pub async fn shutdown(self) {
        std::future::ready(()).await;
    }
}
