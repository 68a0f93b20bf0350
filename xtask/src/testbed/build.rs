//! Builds the testbed's two programs into a cache folder named by what went in.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// The Kubernetes that the testbed runs.
pub const KUBERNETES: &str = "v1.36.3";
/// The kwok that plays its nodes.
const KWOK: &str = "v0.8.0";
const SOURCES: [&str; 4] = ["main.go", "supervise.go", "go.mod", "go.sum"];

/// Where the built programs are.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The folder that holds both.
    pub folder: PathBuf,
}

impl Binaries {
    /// etcd, the Kubernetes programs and the supervisor in one.
    pub fn testbed(&self) -> PathBuf {
        self.folder.join("testbed")
    }
    /// The simulated nodes.
    pub fn kwok(&self) -> PathBuf {
        self.folder.join("kwok")
    }
}

/// The built programs; builds them if this version of them isn't in the cache.
///
/// # Errors
/// If Go is missing or the build fails.
pub fn binaries() -> Result<Binaries> {
    let sources = source_folder();
    let folder = cache_folder()?.join("testbed").join(fingerprint(&sources)?);
    let built = Binaries { folder };
    if built.testbed().exists() && built.kwok().exists() {
        return Ok(built);
    }
    if Command::new("go").arg("version").output().is_err() {
        bail!("no Go toolchain\nhint: install Go 1.26 or newer, e.g. from https://go.dev/dl");
    }
    eprintln!("building the testbed (Kubernetes {KUBERNETES}): several minutes the first time");
    std::fs::create_dir_all(&built.folder)?;
    build_kubernetes(&sources, &built.testbed())?;
    eprintln!("building kwok {KWOK}: about a minute");
    go(Command::new("go")
        .args(["install", &format!("sigs.k8s.io/kwok/cmd/kwok@{KWOK}")])
        .env("GOBIN", &built.folder))?;
    Ok(built)
}

fn build_kubernetes(sources: &Path, target: &Path) -> Result<()> {
    let package = "k8s.io/component-base/version";
    let minor = KUBERNETES.split('.').nth(1).unwrap_or_default();
    let flags = format!(
        "-s -w -X {package}.gitVersion={KUBERNETES} -X {package}.gitMajor=1 -X {package}.gitMinor={minor} \
         -X {package}.gitTreeState=clean -X {package}.gitCommit=unknown -X {package}.buildDate=1970-01-01T00:00:00Z"
    );
    // Under another name first, so that a killed build never looks like a finished one.
    let unfinished = target.with_extension("unfinished");
    go(Command::new("go")
        .current_dir(sources)
        .args(["build", "-trimpath", "-ldflags", &flags, "-o"])
        .arg(&unfinished)
        .arg(".")
        .env("CGO_ENABLED", "0"))?;
    Ok(std::fs::rename(unfinished, target)?)
}

fn go(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot run go")?;
    if !status.success() {
        bail!("`go` failed ({status}) while building the testbed");
    }
    Ok(())
}

/// The folder `testbed/` of this checkout.
pub fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testbed")
}

/// Where built things are kept between checkouts: `CARRICK_CACHE`, else the
/// user's cache folder.
///
/// # Errors
/// If neither that variable nor `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache_folder() -> Result<PathBuf> {
    let of = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    of("CARRICK_CACHE")
        .or_else(|| of("XDG_CACHE_HOME").map(|p| p.join("carrick")))
        .or_else(|| of("HOME").map(|p| p.join(".cache/carrick")))
        .context("no cache folder\nhint: set CARRICK_CACHE or HOME")
}

fn fingerprint(sources: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(KUBERNETES);
    hash.update(KWOK);
    for name in SOURCES {
        let text = std::fs::read(sources.join(name)).with_context(|| format!("testbed/{name}"))?;
        hash.update(text);
    }
    let digest = format!("{:x}", hash.finalize());
    Ok(format!(
        "{KUBERNETES}-{}",
        digest.get(..12).unwrap_or_default()
    ))
}
