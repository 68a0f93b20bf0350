//! Containers that really run: what a node needs of whoever runs them. In `carrick up` a few known images are local processes;
//! in tests, on virtual time, never.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// One line that a container printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// The line, without its end.
    pub text: String,
}

/// What is kept of a container's output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogText {
    /// Number of the first line: how many before it are no longer kept.
    pub first: usize,
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// What a volume holds, by path within it.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A volume of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Volume {
    /// An empty folder that lives as long as the pod.
    Empty,
    /// Files from `ConfigMaps`, Secrets and the API server.
    Files(Files),
    /// The folder of a claim, by `namespace/name`; it outlives the pod.
    Claim(String),
}

/// A volume in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Name of the volume.
    pub volume: String,
    /// Where the container expects it.
    pub path: String,
    /// A file or folder in the volume; empty for all of it.
    pub sub_path: String,
}

/// A container to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// uid of its pod.
    pub pod: String,
    /// Its name.
    pub container: String,
    /// Its image.
    pub image: String,
    /// Replaces the image's program and its arguments.
    pub command: Vec<String>,
    /// Arguments for the program.
    pub args: Vec<String>,
    /// Environment, in order, a later one wins.
    pub env: Vec<(String, String)>,
    /// Its ports, in order.
    pub ports: Vec<u16>,
    /// Volumes it sees.
    pub mounts: Vec<Mount>,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Exit code; 128 plus the signal that killed it.
    pub code: i64,
    /// When.
    pub at: Timestamp,
}

/// What a probe looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// An HTTP GET; 200 to 399 is good.
    Get {
        /// A name or an address.
        host: String,
        /// Port; 0 if the container has none of the name that was asked for.
        port: u16,
        /// Whether to speak TLS; certificates are not verified.
        tls: bool,
        /// Path and query.
        path: String,
        /// Headers besides those of every request.
        headers: Vec<(String, String)>,
    },
    /// A TCP connection.
    Connect {
        /// A name or an address.
        host: String,
        /// Port; 0 if the container has none of the name that was asked for.
        port: u16,
    },
    /// Commands in a container are not run: always good.
    Nothing,
}

/// One look of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// At what.
    pub action: Action,
    /// How long it may take.
    pub timeout: Duration,
}

/// Runs the containers of pods. Pods are known by their uid. Errors are for people, in a waiting container's status.
pub trait Containers: Send + Sync {
    /// Whether it runs pods of these images; containers whose image it doesn't know are simulated beside the others. The
    /// answer never changes.
    fn runs(&self, images: &[&str]) -> bool;

    /// Whether it can run an image.
    fn knows(&self, image: &str) -> bool;

    /// Makes room for a pod: its volumes. Returns its address.
    fn open(&self, pod: &Value, volumes: &BTreeMap<String, Volume>) -> Result<IpAddr, String>;

    /// Writes volumes of a pod anew; those that are not named stay.
    fn refresh(&self, pod: &str, volumes: &BTreeMap<String, Volume>) -> Result<(), String>;

    /// Begins a look of the probe of that name; whoever asked comes back for what was seen.
    fn check(&self, pod: &str, container: &str, probe: &str, check: Check);

    /// What the last look of a probe has shown, once; an error says what was wrong. `None` while it goes on.
    fn checked(&self, pod: &str, container: &str, probe: &str) -> Option<Result<(), String>>;

    /// Asks one container to end (SIGTERM), and makes it end after that time (SIGKILL).
    fn stop(&self, pod: &str, container: &str, grace: Duration);

    /// Starts a container of a pod; one of its name that ended is replaced, and its output becomes the previous one.
    fn start(&self, run: Run) -> Result<(), String>;

    /// How a container ended; `None` while it runs, and where there is none.
    fn exit(&self, pod: &str, container: &str) -> Option<Exit>;

    /// Asks a pod's containers to end (SIGTERM).
    fn terminate(&self, pod: &str);

    /// Ends whatever of a pod still runs (SIGKILL), and gives up its room and its address.
    fn close(&self, pod: &str);

    /// What a container printed, or the one of its name before.
    fn log(&self, pod: &str, container: &str, previous: bool) -> Option<LogText>;
}

/// A shared [`Containers`].
#[derive(Clone)]
pub struct ContainerRuntime(pub Arc<dyn Containers>);

impl std::fmt::Debug for ContainerRuntime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ContainerRuntime")
    }
}

impl PartialEq for ContainerRuntime {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ContainerRuntime {}
