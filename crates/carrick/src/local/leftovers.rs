//! Folders of pods that a `carrick up` left behind which couldn't clean up after itself.

use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

const PREFIX: &str = "carrick-pods-";

/// The folder of the pods of the `carrick up` with that process id.
pub(super) fn folder(temporary: &Path, id: u32) -> PathBuf {
    temporary.join(format!("{PREFIX}{id}"))
}

/// Removes the folders whose process is gone, and what a former process with the id `own` left. What can't be removed stays.
pub(super) fn remove(temporary: &Path, own: u32) {
    let entries = std::fs::read_dir(temporary).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let Some(id) = id.and_then(|id| id.parse::<u32>().ok()) else {
            continue;
        };
        if id == own || is_gone(id) {
            let _ = std::fs::remove_dir_all(folder(temporary, id));
        }
    }
}

/// Whether no `carrick up` has that id; somebody else's process of which nothing can be told counts as one. A process that was
/// killed may stay known to the system until its parent asks what became of it, without arguments, and ids come again.
fn is_gone(id: u32) -> bool {
    if let Ok(arguments) = std::fs::read(format!("/proc/{id}/cmdline")) {
        return !arguments.split(|byte| *byte == 0).any(|one| one == b"up");
    }
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_processes_that_are_gone_are_removed() {
        let own = std::process::id();
        let temporary = std::env::temp_dir().join(format!("carrick-leftovers-{own}"));
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        let gone = ended.id();
        ended.wait().unwrap();
        // Nobody waits for this one while it is looked at.
        let mut killed = std::process::Command::new("sleep");
        let mut killed = killed.arg("1000").spawn().unwrap();
        killed.kill().unwrap();
        let arguments = |id: u32| std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        while !arguments(killed.id()).is_empty() {
            std::thread::yield_now();
        }
        let mut runs = std::process::Command::new("sh")
            .args(["-c", "read line", "carrick", "up"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let running = runs.id();
        // The system tells its arguments a moment after it has begun.
        while arguments(running).is_empty() {
            std::thread::yield_now();
        }
        for id in [gone, killed.id(), running, own] {
            let pod = folder(&temporary, id).join("uid");
            std::fs::create_dir_all(pod).unwrap();
        }
        std::fs::create_dir_all(temporary.join("carrick-pods-other")).unwrap();
        remove(&temporary, own);
        let mut left: Vec<_> = std::fs::read_dir(&temporary)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = [
            format!("carrick-pods-{running}"),
            "carrick-pods-other".to_owned(),
        ];
        expected.sort();
        assert_eq!(left, expected);
        killed.wait().unwrap();
        drop(runs.stdin.take());
        runs.wait().unwrap();
        std::fs::remove_dir_all(temporary).unwrap();
    }
}
