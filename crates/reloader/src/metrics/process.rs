//! What the process itself uses, under the names of Prometheus' client libraries. Read when scraped; Linux only.

use ::metrics::{Exposition, process};

/// Adds those that can be read.
pub(super) fn collect(out: &mut Exposition) {
    if let Some(seconds) = process::cpu_seconds() {
        let help = "Total user and system CPU time spent in seconds.";
        out.sample("process_cpu_seconds_total", help, "counter", &[], seconds);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // The one that reads isn't counted.
        let count = u32::try_from(open.count().saturating_sub(1)).map_or(f64::MAX, f64::from);
        let help = "Number of open file descriptors.";
        out.gauge("process_open_fds", help, &[], count);
    }
    if let Some(bytes) = process::resident_bytes() {
        let help = "Resident memory size in bytes.";
        out.gauge("process_resident_memory_bytes", help, &[], bytes);
    }
}
