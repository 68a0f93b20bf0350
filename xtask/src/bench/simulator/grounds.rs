//! The servers that are measured over sockets, each in processes of its own: `carrick up`, and a testbed's API server.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::super::process::{self, Stopwatch};
use crate::testbed::{Own, UpArgs};

/// A server that isn't ready by then won't be.
const START: Duration = Duration::from_mins(2);

/// A server in processes of its own.
pub enum Ground {
    /// `carrick up`.
    Ours(Ours),
    /// kube-apiserver and etcd.
    Theirs(Theirs),
}

/// `carrick up`, until it is dropped.
pub struct Ours {
    child: Child,
    kubeconfig: PathBuf,
    seconds: f64,
}

/// A bare testbed, until it is dropped.
pub struct Theirs {
    testbed: Own,
    seconds: f64,
}

impl Ground {
    /// Starts our server and waits until it is ready.
    pub fn ours(program: &Path) -> Result<Self> {
        let name = format!("carrick-bench-{}", std::process::id());
        let kubeconfig = std::env::temp_dir().join(name);
        let watch = Stopwatch::start();
        let child = Command::new(program)
            .args(["up", "--addr", "127.0.0.1:0", "--kubeconfig"])
            .arg(&kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut ours = Ours {
            child,
            kubeconfig,
            seconds: 0.0,
        };
        // It writes its kubeconfig last.
        while !ours.kubeconfig.exists() {
            if let Some(status) = ours.child.try_wait()? {
                bail!("`carrick up` has ended ({status})");
            }
            if watch.seconds() > START.as_secs_f64() {
                bail!("`carrick up` does not come up");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        ours.seconds = watch.seconds();
        Ok(Self::Ours(ours))
    }

    /// Starts a real API server and waits until it is ready.
    pub fn theirs() -> Result<Self> {
        let watch = Stopwatch::start();
        let testbed = Own::up(&UpArgs {
            name: format!("bench-{}", std::process::id()),
            nodes: 0,
            stages: None,
            bare: true,
        })?;
        Ok(Self::Theirs(Theirs {
            testbed,
            seconds: watch.seconds(),
        }))
    }

    /// Its name in the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ours(_) => "carrick up",
            Self::Theirs(_) => "kube-apiserver",
        }
    }

    /// Seconds from its start until it was ready.
    pub fn start(&self) -> f64 {
        match self {
            Self::Ours(ours) => ours.seconds,
            Self::Theirs(theirs) => theirs.seconds,
        }
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        match self {
            Self::Ours(ours) => ours.kubeconfig.clone(),
            Self::Theirs(theirs) => theirs.testbed.kubeconfig(),
        }
    }

    /// Its processes: the server first, then its store if that is another one.
    pub fn processes(&self) -> Result<Vec<u32>> {
        match self {
            Self::Ours(ours) => Ok(vec![ours.child.id()]),
            Self::Theirs(theirs) => {
                let folder = theirs.testbed.folder();
                let certs = format!("--cert-dir={}", folder.join("certs").display());
                let data = format!("--data-dir={}", folder.join("etcd").display());
                [certs, data]
                    .iter()
                    .map(|argument| process::with_argument(argument))
                    .collect()
            }
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // It has ended already, unless the run went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}
