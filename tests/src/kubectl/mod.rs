//! A person's session with kubectl, on both grounds, compared line by line.
//!
//! `tests/kubectl/session.txt` is the session. What it prints on a real Kubernetes is recorded in
//! `tests/goldens/kubectl/CLIENT.txt`; the simulator must print the same, but for what `docs/simulator-differences.md`
//! lists. `cargo xtask test-real kubectl` holds the recording against a real Kubernetes again; with
//! `CARRICK_RECORD=1` it writes it anew.

mod compare;
mod grounds;
mod mask;
mod session;
mod transcript;

use std::path::{Path, PathBuf};
use std::process::Command;

pub use grounds::{real, simulated};

/// A kubectl.
#[derive(Clone, Debug)]
pub struct Kubectl {
    /// Name of its recording: `newest` or `debian`.
    pub name: &'static str,
    /// The folder with the program.
    folder: PathBuf,
}

impl Kubectl {
    /// The newest one, and Debian's; what is not installed is said on standard output.
    pub fn all() -> Vec<Self> {
        let cache = cache_folder();
        let known = [
            ("newest", cache.join("kubectl/bin")),
            ("debian", cache.join("kubectl-debian/usr/bin")),
        ];
        let mut found = Vec::new();
        for (name, folder) in known {
            if folder.join("kubectl").exists() {
                found.push(Self { name, folder });
            } else {
                println!(
                    "skipped: no {name} kubectl in {}; run scripts/setup kubectl",
                    folder.display()
                );
            }
        }
        found
    }

    /// What it says about its version.
    fn version(&self) -> String {
        let output = Command::new(self.folder.join("kubectl"))
            .args(["version", "--client", "-o", "json"])
            .output()
            .expect("kubectl runs");
        let version: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("its version is JSON");
        version["clientVersion"]["gitVersion"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// Where `scripts/setup` installs what isn't ours.
pub(crate) fn cache_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("CARRICK_CACHE") {
        return folder.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    cache.unwrap_or_else(home).join("carrick")
}

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ has a parent")
}
