//! The controllers under test: started, crashed and restarted, in this process or as one of their own.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runtime::select::{Either, race};
use tokio::task::JoinHandle;

use crate::faults::{Faults, Line};
use crate::products::{Options, Product};
use crate::proxy::Proxy;

/// A run of all controllers over one client; it ends when they do, with what they say about it.
pub type Running = Pin<Box<dyn Future<Output = String> + Send>>;

/// Starts the controllers over a client, for the n-th time.
pub type Start = Box<dyn Fn(kube::Client, u64) -> Running + Send + Sync>;

/// Controllers as tasks of this process. Each life has a seed, and so an identity, of its own.
pub fn in_process(products: Vec<Options>) -> Start {
    Box::new(move |client, life| {
        let runs = products.clone().into_iter();
        let runs: Vec<Running> = runs
            .map(|product| Box::pin(product.run(client.clone(), life)) as Running)
            .collect();
        // One product's end is the end of all.
        Box::pin(async move { futures::future::select_all(runs).await.0 })
    })
}

/// Controllers of a product as a process, `PROGRAM run` for one namespace, killed with SIGKILL when a life ends.
pub fn process(program: PathBuf, product: Product, namespace: String) -> Start {
    Box::new(move |client, life| {
        let (program, namespace) = (program.clone(), namespace.clone());
        Box::pin(async move {
            match child(&program, product, &namespace, life, client).await {
                Ok(status) => format!("{} ended: {status}", program.display()),
                Err(error) => format!("{}: {error:#}", program.display()),
            }
        })
    })
}

async fn child(
    program: &Path,
    product: Product,
    namespace: &str,
    life: u64,
    client: kube::Client,
) -> anyhow::Result<ExitStatus> {
    let proxy = Proxy::listen(client).await?;
    let folder = std::env::temp_dir();
    let kubeconfig = folder.join(format!("{namespace}-{life}.kubeconfig"));
    std::fs::write(&kubeconfig, proxy.kubeconfig(namespace).to_string())?;
    let mut command = tokio::process::Command::new(program);
    match product {
        Product::Rollouts => command
            .args(["run", "--namespaced", "--listen", "127.0.0.1"])
            .args(["--metricsPort", "0", "--healthzPort", "0"])
            .args(["--loglevel", "warn"]),
        Product::Monitoring => command
            .args(["run", "--only", "monitoring", "--namespaces", namespace])
            .args(["--leader-election-namespace", namespace])
            .args(["--web.listen-address", "127.0.0.1:0"])
            .args(["--log-level", "warn"]),
    };
    let mut child = command
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let ended = race(child.wait(), proxy.serve()).await;
    std::fs::remove_file(&kubeconfig)?;
    match ended {
        Either::Left(status) => Ok(status?),
        Either::Right(error) => Err(error.into()),
    }
}

/// A set of controllers that lives as long as this value, with as many restarts as its faults ask for.
pub struct Controllers {
    /// What stands between them and the server.
    pub faults: Arc<Faults>,
    ended: Arc<Mutex<Vec<String>>>,
    lives: JoinHandle<()>,
}

impl Controllers {
    /// Starts controllers that reach the server through `transport`.
    pub fn start(transport: kube::Client, faults: Arc<Faults>, start: Start) -> Self {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let lives = tokio::spawn(live(transport, faults.clone(), start, ended.clone()));
        Self {
            faults,
            ended,
            lives,
        }
    }

    /// What runs said that ended without being asked to.
    pub fn ended(&self) -> Vec<String> {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.lives.abort();
    }
}

/// One life after another, until dropped. A life's tasks hang on its future, so dropping that drops them all.
async fn live(
    transport: kube::Client,
    faults: Arc<Faults>,
    start: Start,
    ended: Arc<Mutex<Vec<String>>>,
) {
    loop {
        faults.may_live().await;
        let life = faults.next_life();
        let line = Line::new(transport.clone(), faults.clone(), life);
        let run = start(kube::Client::new(line, "default"), life);
        match race(faults.crashed(), run).await {
            Either::Left(()) => {}
            Either::Right(said) => {
                ended
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(said);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
