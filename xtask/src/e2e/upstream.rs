//! Upstream's source in the cache folder, and the test program made of it.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::testbed;

/// Where upstream's source is.
pub const REPOSITORY: &str = "https://github.com/argoproj/argo-rollouts";
/// The commit whose behaviour we follow.
pub const COMMIT: &str = "9f8d111d8f8e3e88b6d7f8bbdf62fd3cd863ef9d";

/// A checkout of upstream's.
pub struct Upstream {
    folder: PathBuf,
}

impl Upstream {
    /// The checkout of `commit`; fetched from `repository` unless it is in the cache.
    ///
    /// # Errors
    /// If git is missing or has no such commit.
    pub fn fetch(repository: &str, commit: &str) -> Result<Self> {
        let short = commit.get(..12).unwrap_or(commit);
        let folder = testbed::cache_folder()?.join("e2e").join(short);
        let upstream = Self { folder };
        let source = upstream.source();
        if !source.join("go.mod").exists() {
            std::fs::create_dir_all(&source)?;
            eprintln!("fetching upstream's source at {short}");
            git(&source, &["init", "--quiet"])?;
            git(
                &source,
                &["fetch", "--quiet", "--depth", "1", repository, commit],
            )?;
            git(&source, &["checkout", "--quiet", "FETCH_HEAD"])?;
        }
        Ok(upstream)
    }

    /// The test program; built unless it is there.
    ///
    /// # Errors
    /// If Go is missing or the build fails.
    pub fn build(&self) -> Result<PathBuf> {
        let program = self.folder.join("e2e.test");
        if program.exists() {
            return Ok(program);
        }
        eprintln!("building upstream's suite: several minutes, once");
        let unfinished = program.with_extension("unfinished");
        let status = Command::new("go")
            .current_dir(self.source())
            .args(["test", "-c", "-tags", "e2e", "-ldflags", "-s -w", "-o"])
            .arg(&unfinished)
            .arg("./test/e2e")
            .status()
            .context(
                "cannot run go\nhint: install Go 1.26 or newer, e.g. from https://go.dev/dl",
            )?;
        if !status.success() {
            bail!("upstream's suite doesn't build ({status})");
        }
        std::fs::rename(unfinished, &program)?;
        Ok(program)
    }

    /// Where the suite expects to be run.
    pub fn suite_folder(&self) -> PathBuf {
        self.source().join("test/e2e")
    }

    /// The text of every file of the suite.
    pub fn tests(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.suite_folder()) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|e| e.ok().map(|e| e.path()))
            .filter(|p| p.extension().is_some_and(|e| e == "go"))
            .collect();
        files.sort();
        files
            .iter()
            .filter_map(|p| std::fs::read_to_string(p).ok())
            .collect()
    }

    /// An empty folder for logs.
    pub fn logs(&self) -> Result<PathBuf> {
        let logs = self.folder.join("logs");
        if logs.exists() {
            std::fs::remove_dir_all(&logs)?;
        }
        std::fs::create_dir_all(&logs)?;
        Ok(logs)
    }

    fn source(&self) -> PathBuf {
        self.folder.join("source")
    }
}

fn git(folder: &Path, args: &[&str]) -> Result<()> {
    let status = Command::new("git")
        .current_dir(folder)
        .args(args)
        .status()
        .context("cannot run git")?;
    if !status.success() {
        bail!(
            "`git {}` failed\nhint: without GitHub, give --source FOLDER of a clone",
            args.join(" ")
        );
    }
    Ok(())
}
