//! promtool and amtool, one call a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use monitoring::config::version::Version;

use super::Program;
use crate::kubectl::cache_folder;

/// Why a tool isn't asked.
pub const MISSING: &str =
    "promtool or amtool isn't installed\nhint: scripts/setup monitoring readers";

/// Later Debians whose tools `scripts/setup readers` unpacks.
const UNPACKED: [&str; 2] = ["trixie", "sid"];

/// How many readers there are of a program's files, where all are.
pub const ALL: usize = UNPACKED.len() + 1;

/// A tool, for one program's files.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Whose files it reads.
    pub program: Program,
    /// Its version.
    pub version: Version,
    path: PathBuf,
    arguments: &'static [&'static str],
    name: String,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Tool {
    /// The tools that read a program's files: the installed one, and those of other versions that are unpacked.
    ///
    /// # Errors
    /// If one doesn't say its version.
    pub fn all(program: Program) -> io::Result<Vec<Self>> {
        let name = match program {
            Program::Prometheus | Program::Rules | Program::ThanosRules => "promtool",
            Program::Alertmanager => "amtool",
        };
        let folder = cache_folder().join("readers");
        let unpacked = UNPACKED.map(|suite| folder.join(suite).join("usr/bin").join(name));
        let mut found: Vec<Self> = Vec::new();
        for path in std::iter::once(PathBuf::from(name)).chain(unpacked) {
            let Some(tool) = Self::at(program, name, &path)? else {
                continue;
            };
            if found.iter().all(|one| one.version != tool.version) {
                found.push(tool);
            }
        }
        Ok(found)
    }

    fn at(program: Program, name: &str, path: &Path) -> io::Result<Option<Self>> {
        let said = match Command::new(path).arg("--version").output() {
            Ok(said) => [said.stdout, said.stderr].concat(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let said = String::from_utf8_lossy(&said).into_owned();
        let mut words = said.split_whitespace();
        let version = words
            .by_ref()
            .skip_while(|word| *word != "version")
            .nth(1)
            .unwrap_or_default();
        let version = version.split(['+', ',']).next().unwrap_or_default();
        Ok(Some(Self {
            program,
            version: Version::parse(version).map_err(io::Error::other)?,
            path: path.to_owned(),
            arguments: match program {
                // Without this it opens files at the paths of a pod.
                Program::Prometheus => &["check", "config", "--syntax-only"],
                Program::Alertmanager => &["check-config"],
                Program::Rules | Program::ThanosRules => &["check", "rules"],
            },
            name: format!("{name} {version}"),
        }))
    }

    /// What it says of a text; `None` if it takes it.
    ///
    /// # Errors
    /// If the text can't be written to a file, or the tool can't be started.
    pub fn refusal(&self, text: &str) -> io::Result<Option<String>> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("carrick-readers-{}-{number}.yaml", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, text)?;
        let done = Command::new(&self.path)
            .args(self.arguments)
            .arg(&file)
            .output();
        std::fs::remove_file(&file)?;
        let done = done?;
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Ok((!done.status.success()).then_some(said))
    }
}
