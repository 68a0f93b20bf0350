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

/// Whether no process has that id; somebody else's process counts as one.
fn is_gone(id: u32) -> bool {
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
        let parent = std::os::unix::process::parent_id();
        for id in [gone, parent, own] {
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
            format!("carrick-pods-{parent}"),
            "carrick-pods-other".to_owned(),
        ];
        expected.sort();
        assert_eq!(left, expected);
        std::fs::remove_dir_all(temporary).unwrap();
    }
}
