//! A `carrick up` as a process of its own, and folders that go away.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_carrick");

/// A folder that is deleted at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("carrick-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A platform that is up; killed at the end if it still runs.
pub struct Up {
    pub child: Child,
    /// What it said on standard error until it was up.
    pub said: String,
    errors: BufReader<std::process::ChildStderr>,
}

/// What a process said that is no more.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
}

impl Ended {
    /// Fails unless the program gave up with an error of these parts, a hint among them, and without a panic.
    #[track_caller]
    pub fn assert_error(&self, parts: &[&str]) {
        let Self { status, stderr } = self;
        assert_eq!(status.code(), Some(1), "{stderr}");
        for part in ["Error: ", "\nhint: "].iter().chain(parts) {
            assert!(stderr.contains(part), "no {part:?} in {stderr}");
        }
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Up {
    /// Starts it on a free port with its state in a folder, and waits until it is up, or gives up.
    pub fn start(state: &Path) -> Result<Self, Ended> {
        let mut command = Command::new(PROGRAM);
        command.args(["up", "--addr", "127.0.0.1:0", "--state"]);
        Self::of(command.arg(state))
    }

    /// Starts a command that is to become a platform.
    pub fn of(command: &mut Command) -> Result<Self, Ended> {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let mut up = Self {
            child,
            said: String::new(),
            errors,
        };
        let mut seen = String::new();
        loop {
            if up.errors.read_line(&mut seen).unwrap() == 0 {
                let (ended, _) = up.end();
                return Err(Ended {
                    stderr: seen,
                    ..ended
                });
            }
            if seen.ends_with("Ctrl-C stops it.\n") {
                up.said = seen;
                return Ok(up);
            }
        }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end, and returns how long that took.
    pub fn end(mut self) -> (Ended, Duration) {
        let begin = tokio::time::Instant::now();
        let status = self.child.wait().unwrap();
        let took = begin.elapsed();
        let mut stderr = String::new();
        self.errors.read_to_string(&mut stderr).unwrap();
        (Ended { status, stderr }, took)
    }
}
