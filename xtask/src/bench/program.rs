//! A controller under measurement: a process, and what the kernel says of it.
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::Instant;

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_mins(1);
/// The kernel's unit of CPU time (`getconf CLK_TCK`), the same on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

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
        cpu_of(self.child.id())
    }

    /// A line of `/proc/PID/status` in MiB: `VmRSS` is what is resident now, `VmHWM` the most ever.
    pub fn memory(&self, field: &str) -> Result<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path)?;
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let kibibytes: f64 = line
            .and_then(|rest| rest.trim_start_matches(':').split_whitespace().next())
            .with_context(|| format!("no {field}"))?
            .parse()?;
        Ok(kibibytes / 1024.0)
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

/// CPU seconds that a process has used.
fn cpu_of(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field, the name, may hold spaces; utime and stime are the 14th and the 15th.
    let (_, rest) = text.rsplit_once(')').context("an odd /proc/PID/stat")?;
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks = ticks
        .map(str::parse::<f64>)
        .sum::<Result<f64, _>>()
        .context("an odd /proc/PID/stat")?;
    Ok(ticks / TICKS_A_SECOND)
}

/// CPU seconds used so far by the API server of the testbed in `folder`.
pub fn cpu_of_api_server(folder: &Path) -> Result<f64> {
    let certs = format!("--cert-dir={}", folder.join("certs").display());
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Processes end while this looks at them.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if line
            .split(|byte| *byte == 0)
            .any(|arg| arg == certs.as_bytes())
        {
            return cpu_of(pid);
        }
    }
    bail!("the testbed's API server isn't running")
}
