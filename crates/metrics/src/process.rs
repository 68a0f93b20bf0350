//! What the process itself uses, under the names of Prometheus' client libraries. Read when scraped; Linux only.

use std::sync::LazyLock;

use crate::{Exposition, Registry};

/// Ticks a second of the times in `/proc`, which is 100 on every Linux.
const TICKS: f64 = 100.0;

/// Adds them all: CPU time, memory, file descriptors, and since when the process runs.
pub fn register(registry: &Registry) {
    registry.collector(collect);
}

/// Writes all as they are now; none that can't be read.
pub fn collect(out: &mut Exposition) {
    static STARTED: LazyLock<Option<f64>> = LazyLock::new(started);
    figures(out);
    if let Some(seconds) = *STARTED {
        let help = "Start time of the process since unix epoch in seconds.";
        out.gauge("process_start_time_seconds", help, &[], seconds);
    }
}

/// The same without since when, for who tells that of something else than the process.
pub fn figures(out: &mut Exposition) {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).ok();
    let (stat, limits) = (read("stat"), read("limits"));
    if let Some(seconds) = stat.as_deref().and_then(cpu_in) {
        let help = "Total user and system CPU time spent in seconds.";
        out.sample("process_cpu_seconds_total", help, "counter", &[], seconds);
    }
    let gauges = [
        (
            "process_open_fds",
            "Number of open file descriptors.",
            open_files(),
        ),
        (
            "process_max_fds",
            "Maximum number of open file descriptors.",
            limits
                .as_deref()
                .and_then(|all| limit(all, "Max open files")),
        ),
        (
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            stat.as_deref().and_then(|stat| number(stat, VIRTUAL)),
        ),
        (
            "process_virtual_memory_max_bytes",
            "Maximum amount of virtual memory available in bytes.",
            limits
                .as_deref()
                .and_then(|all| limit(all, "Max address space")),
        ),
        (
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            resident_bytes(),
        ),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            out.gauge(name, help, &[], value);
        }
    }
}

/// Memory of this process that is in use, in bytes; `None` where it can't be read.
pub fn resident_bytes() -> Option<f64> {
    resident_in(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// When this process began, in seconds since 1970: the kernel tells it since it began itself.
fn started() -> Option<f64> {
    let kernel = booted_in(&std::fs::read_to_string("/proc/stat").ok()?)?;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    Some(kernel + number(&stat, START)? / TICKS)
}

/// How many files are open; the one that reads them isn't counted.
fn open_files() -> Option<f64> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(u32::try_from(open.saturating_sub(1)).map_or(f64::MAX, f64::from))
}

fn resident_in(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn booted_in(stat: &str) -> Option<f64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

/// The soft limit; none is the largest number that Go's client has.
fn limit(limits: &str, name: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(UNLIMITED),
        soft => soft.parse().ok(),
    }
}

/// 2^64, as a number with 53 bits has 2^64 - 1.
const UNLIMITED: f64 = 18_446_744_073_709_551_615.0;

/// Places of `/proc/self/stat` behind the name, from 0: user time, which system time follows; when it began, in ticks since the
/// kernel did; bytes of virtual memory.
const USER: usize = 11;
const START: usize = 19;
const VIRTUAL: usize = 20;

/// The number in a place. The name in field 2 may hold spaces, but ends at the last `)`.
fn number(stat: &str, place: usize) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(place)?.parse().ok()
}

fn cpu_in(stat: &str) -> Option<f64> {
    Some((number(stat, USER)? + number(stat, USER + 1)?) / TICKS)
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
        let stat = "7 (a b) c) S 1 7 7 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0 500 4096 3";
        assert_eq!(cpu_in(stat), Some(3.0));
        assert_eq!(number(stat, START), Some(500.0));
        assert_eq!(number(stat, VIRTUAL), Some(4096.0));
        assert_eq!(booted_in("cpu 1 2\nbtime 1700000000\n"), Some(1.7e9));
        let limits = "Max open files            1024                 4096                 files     \n\
                      Max address space         unlimited            unlimited            bytes     \n";
        assert_eq!(limit(limits, "Max open files"), Some(1024.0));
        assert_eq!(limit(limits, "Max address space"), Some(UNLIMITED));
        assert_eq!(limit(limits, "Max processes"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn all_of_gos_client_is_there() {
        let registry = Registry::default();
        register(&registry);
        let text = registry.encode();
        let families: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .collect();
        let expected = [
            "process_cpu_seconds_total counter",
            "process_max_fds gauge",
            "process_open_fds gauge",
            "process_resident_memory_bytes gauge",
            "process_start_time_seconds gauge",
            "process_virtual_memory_bytes gauge",
            "process_virtual_memory_max_bytes gauge",
        ];
        assert_eq!(families, expected);
        let began = started().unwrap();
        // Files there are as old as the process at most.
        let now = std::fs::metadata("/proc/self/stat").unwrap().modified();
        let now = now.unwrap().duration_since(std::time::UNIX_EPOCH);
        let now = now.unwrap();
        let age = now.as_secs_f64() - began;
        assert!((-2.0..86_400.0).contains(&age), "{age} seconds");
    }
}
