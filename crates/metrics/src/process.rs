//! What the process itself uses, under the names of Prometheus' client libraries. Read when scraped; Linux only.

use crate::{Exposition, Registry};

/// Ticks a second of the times in `/proc`, which is 100 on every Linux.
const TICKS: f64 = 100.0;

/// Adds `process_resident_memory_bytes` and `process_cpu_seconds_total`.
pub fn register(registry: &Registry) {
    registry.collector(collect);
}

/// Writes both as they are now.
pub fn collect(out: &mut Exposition) {
    if let Some(bytes) = resident_bytes() {
        out.gauge(
            "process_resident_memory_bytes",
            "Resident memory size in bytes",
            &[],
            bytes,
        );
    }
    if let Some(seconds) = cpu_seconds() {
        let help = "Total user and system CPU time spent in seconds";
        out.sample("process_cpu_seconds_total", help, "counter", &[], seconds);
    }
}

/// Memory of this process that is in use, in bytes; `None` where it can't be read.
pub fn resident_bytes() -> Option<f64> {
    resident_in(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// CPU time of this process, in seconds; `None` where it can't be read.
pub fn cpu_seconds() -> Option<f64> {
    cpu_in(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

fn resident_in(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// User and system time are the fields 14 and 15; the name in field 2 may hold spaces, but ends at the last `)`.
fn cpu_in(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut ticks = || times.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_the_texts_of_the_kernel() {
        assert_eq!(
            resident_in("VmPeak:\t  1 kB\nVmRSS:\t   12 kB\n"),
            Some(12288.0)
        );
        let stat = "7 (a b) c) S 1 7 7 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0 5 0 0";
        assert_eq!(cpu_in(stat), Some(3.0));
    }
}
