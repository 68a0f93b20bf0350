//! The clients' programs, built or installed once per version into the cache folder.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::testbed::{cache_folder, source_folder};

/// The helm that is tried.
const HELM: &str = "v3.22.0";
/// The release of Python's `kubernetes` that is tried.
const PYTHON: &str = "37.0.2";
/// What the program with the informers is made of.
const SOURCES: [&str; 6] = [
    "go.mod",
    "go.sum",
    "informers/main.go",
    "informers/objects.go",
    "informers/watching.go",
    "informers/custom.go",
];

/// Where the programs are.
pub struct Programs {
    folder: PathBuf,
    kubectl: PathBuf,
    go: bool,
}

impl Programs {
    /// Nothing is built yet.
    pub fn new() -> Result<Self> {
        let cache = cache_folder()?;
        let folder = cache.join("clients");
        std::fs::create_dir_all(&folder)?;
        let go = Command::new("go").arg("version").output().is_ok();
        Ok(Self {
            folder,
            kubectl: cache.join("kubectl/bin/kubectl"),
            go,
        })
    }

    /// Whether there is a Go toolchain.
    pub fn have_go(&self) -> bool {
        self.go
    }

    /// The newest kubectl, as `scripts/setup kubectl` installs it.
    pub fn kubectl(&self) -> PathBuf {
        self.kubectl.clone()
    }

    /// helm; built from its module the first time.
    pub fn helm(&self) -> Result<PathBuf> {
        let program = self.folder.join(format!("helm-{HELM}/helm"));
        if program.exists() {
            return Ok(program);
        }
        eprintln!("building helm {HELM}: several minutes the first time");
        let target = program.parent().context("no folder")?;
        go(Command::new("go")
            .args(["install", "-trimpath", "-ldflags=-s -w"])
            .arg(format!("helm.sh/helm/v3/cmd/helm@{HELM}"))
            .env("GOBIN", target))?;
        Ok(program)
    }

    /// The program with the informers; built from this checkout.
    pub fn informers(&self) -> Result<PathBuf> {
        let sources = source_folder();
        let mut hash = Sha256::new();
        for name in SOURCES {
            let text =
                std::fs::read(sources.join(name)).with_context(|| format!("testbed/{name}"))?;
            hash.update(text);
        }
        let digest = format!("{:x}", hash.finalize());
        let version = digest.get(..12).unwrap_or_default();
        let program = self.folder.join(format!("informers-{version}"));
        if !program.exists() {
            eprintln!("building testbed/informers");
            // Under another name first, so that a killed build never looks like a finished one.
            let unfinished = program.with_extension("unfinished");
            go(Command::new("go")
                .current_dir(&sources)
                .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
                .arg(&unfinished)
                .arg("./informers")
                .env("CGO_ENABLED", "0"))?;
            std::fs::rename(unfinished, &program)?;
        }
        Ok(program)
    }

    /// A Python that has the client, in an environment of its own.
    pub fn python(&self) -> Result<PathBuf> {
        let folder = self.folder.join(format!("python-{PYTHON}"));
        let program = folder.join("bin/python");
        if folder.join("complete").exists() {
            return Ok(program);
        }
        eprintln!("installing Python's kubernetes {PYTHON}");
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        succeed(
            Command::new(&program)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                ])
                .arg(format!("kubernetes=={PYTHON}")),
        )?;
        std::fs::write(folder.join("complete"), "")?;
        Ok(program)
    }
}

fn go(command: &mut Command) -> Result<()> {
    // One package after the other: the compiler takes much memory.
    succeed(command.env("GOFLAGS", "-p=1 -buildvcs=false"))
}

fn succeed(command: &mut Command) -> Result<()> {
    let program = Path::new(command.get_program()).display().to_string();
    let status = command
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    if !status.success() {
        bail!("`{program}` failed ({status})");
    }
    Ok(())
}
