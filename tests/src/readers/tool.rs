//! promtool and amtool, one call a file.

use std::fmt;
use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use monitoring::config::version::Version;

use super::Program;

/// Why a tool isn't asked.
pub const MISSING: &str = "promtool or amtool isn't installed\nhint: scripts/setup monitoring";

/// A tool, for one program's files.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Whose files it reads.
    pub program: Program,
    /// Its version.
    pub version: Version,
    words: &'static [&'static str],
    name: String,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Tool {
    /// The tool that reads a program's files; `None` where it isn't installed.
    ///
    /// # Errors
    /// If it doesn't say its version.
    pub fn find(program: Program) -> io::Result<Option<Self>> {
        let words: &[&str] = match program {
            // Without this it opens files at the paths of a pod.
            Program::Prometheus => &["promtool", "check", "config", "--syntax-only"],
            Program::Alertmanager => &["amtool", "check-config"],
            Program::Rules | Program::ThanosRules => &["promtool", "check", "rules"],
        };
        let name = words.first().copied().unwrap_or_default();
        let said = match Command::new(name).arg("--version").output() {
            Ok(said) => [said.stdout, said.stderr].concat(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let said = String::from_utf8_lossy(&said).into_owned();
        let mut words_said = said.split_whitespace();
        let version = words_said
            .by_ref()
            .skip_while(|word| *word != "version")
            .nth(1);
        let version = version.unwrap_or_default().split(['+', ',']).next();
        let version = version.unwrap_or_default();
        let parsed = Version::parse(version).map_err(io::Error::other)?;
        Ok(Some(Self {
            program,
            version: parsed,
            words,
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
        let (program, rest) = self.words.split_first().unwrap_or((&"false", &[]));
        let done = Command::new(program).args(rest).arg(&file).output();
        std::fs::remove_file(&file)?;
        let done = done?;
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        Ok((!done.status.success()).then_some(said))
    }
}
