//! Finding a program by its name.

use std::io;
use std::path::Path;

/// The kernel keeps so many bytes of a name.
const KEPT: usize = 15;

/// A running program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pid: i32,
    /// The kernel's name, cut.
    name: String,
    /// The file of its first argument, without folders.
    argument: String,
    /// It ended, and nobody has asked for its exit code yet.
    ended: bool,
}

/// Those that `/proc` shows, in the order of their numbers. Some may end meanwhile.
pub(super) fn list(proc: &Path) -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in std::fs::read_dir(proc)? {
        let entry = entry?;
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Ok(stat) = std::fs::read(entry.path().join("stat")) else {
            continue;
        };
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        processes.extend(process(pid, &stat, &arguments));
    }
    processes.sort_by_key(|process| process.pid);
    Ok(processes)
}

/// The name is in parentheses and may hold any, so it ends at the last; the state is the letter behind it.
fn process(pid: i32, stat: &[u8], arguments: &[u8]) -> Option<Process> {
    let stat = String::from_utf8_lossy(stat);
    let (_, rest) = stat.split_once('(')?;
    let (name, state) = rest.rsplit_once(')')?;
    let argument = arguments
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    let argument = String::from_utf8_lossy(argument);
    Some(Process {
        pid,
        name: name.to_owned(),
        argument: argument.rsplit('/').next().unwrap_or_default().to_owned(),
        ended: state.trim_start().starts_with(['Z', 'X']),
    })
}

/// The first of that name that runs and isn't `own`. Of a name longer than the kernel keeps, the first argument decides.
pub(super) fn find(processes: &[Process], name: &str, own: i32) -> Option<i32> {
    let cut = name.as_bytes().get(..KEPT).filter(|_| name.len() > KEPT);
    let named = |process: &&Process| {
        process.name == name
            || cut.is_some_and(|cut| process.name.as_bytes() == cut) && process.argument == name
    };
    let running = processes
        .iter()
        .filter(|process| process.pid != own && !process.ended);
    let mut found = running.filter(named);
    found.next().map(|process| process.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pid: i32, stat: &str, arguments: &str) -> Process {
        process(pid, stat.as_bytes(), arguments.as_bytes()).unwrap()
    }

    #[test]
    fn the_first_that_runs_is_found_by_its_whole_name() {
        let processes = [
            read(1, "1 (pause) S 0", "/pause\0"),
            read(5, "5 (prometheus) Z 1", ""),
            read(6, "6 (prometheus2) S 1", "/bin/prometheus2\0"),
            read(7, "7 (prometheus) S 1", "/bin/prometheus\0--x\0"),
            read(9, "9 (prometheus) S 1", "/bin/prometheus\0"),
            read(11, "11 (a) b) R 1", ""),
        ];
        assert_eq!(find(&processes, "prometheus", 0), Some(7));
        assert_eq!(find(&processes, "prometheus", 7), Some(9));
        assert_eq!(find(&processes, "a) b", 0), Some(11));
        assert_eq!(find(&processes, "thanos", 0), None);
        assert_eq!(find(&processes, "", 0), None);
    }

    #[test]
    fn long_names_are_told_by_the_first_argument() {
        let processes = [
            read(
                2,
                "2 (prometheus-conf) S 1",
                "/bin/prometheus-config-reloader\0",
            ),
            read(
                3,
                "3 (prometheus-conf) S 1",
                "/opt/prometheus-conformance\0",
            ),
        ];
        assert_eq!(find(&processes, "prometheus-conformance", 0), Some(3));
        assert_eq!(find(&processes, "prometheus-config", 0), None);
    }

    #[test]
    fn this_test_is_listed() {
        let own = std::process::id().cast_signed();
        let processes = list(Path::new("/proc")).unwrap();
        assert!(processes.iter().any(|process| process.pid == own));
        assert!(processes.is_sorted_by_key(|process| process.pid));
    }
}
