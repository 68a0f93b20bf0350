//! The servers the clients are tried on: ours, in this process, and a testbed.
use std::path::PathBuf;

use anyhow::Result;
use simulator::serve::{Limits, ServeOptions, Server};

use super::Where;
use crate::testbed::{self, Testbed, UpArgs};

/// A server that is up.
pub enum Ground {
    /// Ours.
    Simulated(Box<Simulated>),
    /// A real one.
    Real {
        /// Its processes.
        testbed: Box<Testbed>,
        /// Its name.
        name: String,
    },
}

/// Our server, on threads of its own.
pub struct Simulated {
    runtime: tokio::runtime::Runtime,
    server: Server,
    kubeconfig: PathBuf,
}

impl Ground {
    /// Starts a server.
    pub fn start(place: Where) -> Result<Self> {
        match place {
            Where::Simulated => {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()?;
                let server = runtime.block_on(Server::start(ServeOptions {
                    addr: ([127, 0, 0, 1], 0).into(),
                    state_dir: None,
                    settings: simulator::builtin::Settings::default(),
                    limits: Limits::default(),
                }))?;
                let name = format!("carrick-clients-{}", std::process::id());
                let kubeconfig = std::env::temp_dir().join(name);
                std::fs::write(&kubeconfig, &server.kubeconfig)?;
                Ok(Self::Simulated(Box::new(Simulated {
                    runtime,
                    server,
                    kubeconfig,
                })))
            }
            Where::Real => {
                let name = format!("clients-{}", std::process::id());
                let testbed = testbed::up(&UpArgs {
                    name: name.clone(),
                    nodes: 3,
                    stages: None,
                    bare: false,
                })?;
                Ok(Self::Real {
                    testbed: Box::new(testbed),
                    name,
                })
            }
        }
    }

    /// What it is called in the report.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Simulated(_) => "simulated",
            Self::Real { .. } => "real",
        }
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        match self {
            Self::Simulated(simulated) => simulated.kubeconfig.clone(),
            Self::Real { testbed, .. } => testbed.kubeconfig(),
        }
    }

    /// Stops it; nothing of it is left.
    pub fn stop(self) -> Result<()> {
        match self {
            Self::Simulated(simulated) => {
                let Simulated {
                    runtime,
                    server,
                    kubeconfig,
                } = *simulated;
                let _ = std::fs::remove_file(kubeconfig);
                Ok(runtime.block_on(server.shutdown())?)
            }
            Self::Real { testbed, name } => {
                drop(testbed);
                testbed::down(&name)
            }
        }
    }
}
