//! What the kernel says of a process, and real time.
use anyhow::{Context as _, Result, bail};

/// Real time, also where a runtime's own time is virtual.
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is measured is the time that virtual time takes"
    )]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// A line of `/proc/PID/status` in MiB: `VmRSS` is what is resident now, `VmHWM` the most ever.
pub fn memory(pid: u32, field: &str) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes: f64 = line
        .and_then(|rest| rest.trim_start_matches(':').split_whitespace().next())
        .with_context(|| format!("no {field}"))?
        .parse()?;
    Ok(kibibytes / 1024.0)
}

/// The kernel's unit of CPU time (`getconf CLK_TCK`), the same on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// CPU seconds that a process has used.
pub fn cpu(pid: u32) -> Result<f64> {
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

/// The process that was started with an argument.
pub fn with_argument(argument: &str) -> Result<u32> {
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Processes end while this looks at them.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if line
            .split(|byte| *byte == 0)
            .any(|own| own == argument.as_bytes())
        {
            return Ok(pid);
        }
    }
    bail!("no process with {argument}")
}
