//! A controller under measurement: a process, and what the kernel says of it.
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::Instant;

use super::process;

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_mins(1);

/// A running program.
pub struct Program {
    child: Child,
    /// When it was started.
    pub started: Instant,
}

impl Program {
    /// Starts a shell command line; what it prints goes to `log`.
    pub fn start(command: &str, kubeconfig: &Path, log: &Path) -> Result<Self> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)?;
        let started = Instant::now();
        let child = Command::new("sh")
            .args(["-c", &format!("exec {command}")])
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start `{command}`"))?;
        Ok(Self { child, started })
    }

    /// Fails if it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("the controller has ended ({status})"),
            None => Ok(()),
        }
    }

    /// CPU seconds used so far, by all threads.
    pub fn cpu(&self) -> Result<f64> {
        process::cpu(self.child.id())
    }

    /// A line of `/proc/PID/status` in MiB: `VmRSS` is what is resident now, `VmHWM` the most ever.
    pub fn memory(&self, field: &str) -> Result<f64> {
        process::memory(self.child.id(), field)
    }

    /// Asks it to end, and waits.
    pub async fn stop(mut self) -> Result<()> {
        Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        let deadline = Instant::now() + GRACE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.child.kill()?;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the run failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU seconds used so far by the API server of the testbed in `folder`.
pub fn cpu_of_api_server(folder: &Path) -> Result<f64> {
    let certs = format!("--cert-dir={}", folder.join("certs").display());
    process::cpu(process::with_argument(&certs)?)
}
