//! The served form: the same server over TLS on loopback, on the wall clock, for real clients.

mod advertise;
mod clients;
mod connection;
mod durable;
mod forward;
mod gzip;
mod network;
mod receive;
mod room;
mod socket;
mod tls;
pub(crate) mod x509;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use machinery::entropy::Entropy;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::apiserver::{ApiServer, Options};
use crate::builtin::{self, Settings};
use crate::clock::WorldClock;
use crate::persist::{PersistError, State};
use crate::request::User;
use crate::world::{World, WorldHandle};
use connection::Shared;
use durable::Durable;
use receive::Unfinished;
use room::UnderWay;
use tls::Credentials;

pub use network::Network;

/// What to serve.
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Where to keep everything; `None` keeps nothing.
    pub state_dir: Option<PathBuf>,
    /// What the built-in controllers are to know; an empty `root_ca` is the server's own.
    pub settings: Settings,
    /// What clients may ask for.
    pub limits: Limits,
}

/// How much clients may ask for at the same time, and how long they may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests under way that only read; one more is answered with 429. `None` counts nothing. Watches are not counted.
    pub max_reading: Option<usize>,
    /// Requests under way that write. They are under way once their bodies are whole.
    pub max_writing: Option<usize>,
    /// Bytes of long answers that are kept for clients until they take them; where it would be more, the connections of those
    /// end that took nothing for longest. `None` counts nothing. Short answers are not counted, nor what the server keeps
    /// anyway.
    pub max_unread: Option<usize>,
    /// Bytes that are kept of requests until their bodies are whole; where it would be more, those that have been at it
    /// longest are answered with 429. `None` counts nothing.
    pub max_unfinished: Option<usize>,
    /// How long the body of a request may take.
    pub request_timeout: Duration,
    /// How long a client may take nothing of a reply that lies there for it, before the connection ends.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_reading: Some(400),
            max_writing: Some(200),
            max_unread: Some(256 << 20),
            max_unfinished: Some(64 << 20),
            request_timeout: Duration::from_mins(1),
            patience: Duration::from_mins(1),
        }
    }
}

/// Why a server cannot start. The texts name the remedy in a line `hint: …`.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is taken.
    #[error(
        "cannot listen on {addr}: {source}\nhint: stop what listens there, or choose another address with `--addr` (port 0 takes a free one)"
    )]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] PersistError),
    /// Certificates cannot be made.
    #[error("cannot make certificates: {0}")]
    Certificates(String),
}

/// A running server. Dropping it stops nothing; call [`Server::shutdown`].
pub struct Server {
    /// Where clients find it: where it listens, or an address of this machine where it listens on all of them.
    pub addr: SocketAddr,
    /// A whole kubeconfig for the administrator.
    pub kubeconfig: String,
    /// The world it serves.
    pub world: WorldHandle,
    durable: Durable,
    state: Option<Arc<State>>,
    failure: oneshot::Receiver<PersistError>,
    tasks: Vec<JoinHandle<()>>,
}

fn credentials(state: Option<&State>) -> Result<Credentials, ServeError> {
    let Some(state) = state else {
        return Credentials::generate();
    };
    if let (Some(ca_pem), Some(ca_key), Some(token)) = (
        state.text("ca.crt")?,
        state.text("ca.key")?,
        state.text("admin.token")?,
    ) {
        return Ok(Credentials {
            ca_pem,
            ca_key,
            token,
        });
    }
    let new = Credentials::generate()?;
    state.set_texts(&[
        ("ca.crt", &new.ca_pem),
        ("ca.key", &new.ca_key),
        ("admin.token", &new.token),
    ])?;
    Ok(new)
}

impl Server {
    /// Starts a server. Call inside a multi-thread tokio runtime: writing the state blocks a worker for milliseconds.
    #[allow(
        clippy::unused_async,
        reason = "what it begins needs a runtime, and callers wait for it"
    )]
    pub async fn start(options: ServeOptions) -> Result<Self, ServeError> {
        let cannot_listen = |source| ServeError::Listen {
            addr: options.addr,
            source,
        };
        let listener = listen(options.addr).map_err(cannot_listen)?;
        let addr = advertise::address(listener.local_addr().map_err(cannot_listen)?);
        let state = match &options.state_dir {
            Some(path) => Some(Arc::new(State::open(path)?)),
            None => None,
        };
        let credentials = credentials(state.as_deref())?;
        let clients = credentials.clients()?;
        let config = credentials.server_config(addr, clients.clone())?;
        let mut api = ApiServer::new(Options {
            advertise: Some(addr),
            token_key: credentials.token_key()?,
            static_tokens: BTreeMap::from([(credentials.token.clone(), User::admin("admin"))]),
            containers: options.settings.containers.clone(),
            process_figures: true,
            ..Options::default()
        });
        if let Some(state) = &state {
            state.load(&mut api)?;
            api.store_mut().keep_log();
        }
        let mut settings = options.settings;
        if settings.root_ca.is_empty() {
            settings.root_ca.clone_from(&credentials.ca_pem);
            settings.root_ca_key.clone_from(&credentials.ca_key);
        }
        let entropy = Entropy::from_bytes(tls::random::<32>()?);
        let clock = WorldClock::Wall;
        let world = WorldHandle::new(
            World::with_server(api, entropy, builtin::with(settings), clock.now()),
            clock,
        );
        world.set_network(Arc::new(network::Network));
        let durable = Durable::new(world.clone(), state.clone());
        let shared = Arc::new(Shared {
            world: world.clone(),
            durable: durable.clone(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            clients,
            limits: options.limits,
            under_way: Arc::new(UnderWay::default()),
            unfinished: Arc::new(Unfinished::default()),
            turns: Arc::new(Semaphore::new(connection::WRITTEN_AT_ONCE)),
        });
        let (fail, failure) = oneshot::channel();
        let keeping = durable.clone().run();
        let tasks = vec![
            tokio::spawn(world.clone().pump()),
            tokio::spawn(async move {
                let _ = fail.send(keeping.await);
            }),
            tokio::spawn(accept(listener, shared)),
        ];
        Ok(Self {
            addr,
            kubeconfig: credentials.kubeconfig(addr),
            world,
            durable,
            state,
            failure,
            tasks,
        })
    }

    /// Waits until everything that is in the store then is kept; for ever if it can't be, see [`Server::failed`].
    pub fn settled(&self) -> impl Future<Output = ()> + use<> {
        let durable = self.durable.clone();
        async move { durable.settled().await }
    }

    /// Waits until changes can't be kept any more; nothing is answered then, and the server should be shut down.
    pub async fn failed(&mut self) -> PersistError {
        match (&mut self.failure).await {
            Ok(error) => error,
            Err(_) => std::future::pending().await,
        }
    }

    /// Stops accepting, ends all connections and writes what is left.
    pub async fn shutdown(self) -> Result<(), PersistError> {
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
        self.state
            .as_ref()
            .map_or(Ok(()), |state| self.durable.flush(state))
    }
}

/// What the kernel may keep of what a client doesn't read, in bytes. By itself it takes 4 MiB for each: a thousand watches
/// that nobody reads would cost as many GiB, and the time to encrypt and copy them while others wait.
const SEND_BUFFER: u32 = 256 * 1024;

/// A listener whose connections have send buffers of that size.
fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    /// As many as of tokio's own listeners may wait to be accepted.
    const BACKLOG: u32 = 1024;
    let socket = if addr.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Accepts connections for ever; they end with this task.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    let mut refused = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                refused = false;
                connections.spawn(connection::serve(shared.clone(), stream));
            }
            Err(error) => {
                if !std::mem::replace(&mut refused, true) {
                    tracing::warn!(
                        %error,
                        "no connection can be accepted\nhint: if it is open files, `ulimit -n` allows more"
                    );
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn little_is_kept_of_what_clients_do_not_read() {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let addr = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
        let accepted = accepted.unwrap().0;
        let size = TcpSocket::from_std_stream(accepted.into_std().unwrap()).send_buffer_size();
        // Linux counts what it takes itself as well.
        assert!(size.unwrap() <= 2 * SEND_BUFFER);
        drop(client);
    }
}
