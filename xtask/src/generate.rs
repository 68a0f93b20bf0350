//! `cargo xtask generate`: everything in `deploy/` from our types; `--check` tells whether it is up to date.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use machinery::yaml::documents_to_string;
use rollouts::install::Install;

/// The image that the manifests name; whoever installs them sets another.
const IMAGE: &str = concat!("carrick:v", env!("CARGO_PKG_VERSION"));

/// Whether to write or to compare.
#[derive(Args)]
pub struct GenerateArgs {
    /// Write nothing; fail if a file isn't what would be written
    #[arg(long)]
    check: bool,
}

/// Writes or checks all generated files.
pub fn run(args: &GenerateArgs) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/rollouts");
    let mut stale = Vec::new();
    for (name, text) in files() {
        let path = folder.join(name);
        if args.check {
            if std::fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
                stale.push(path);
            }
        } else {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
    }
    report(&stale)
}

fn report(stale: &[PathBuf]) -> Result<()> {
    match stale {
        [] => Ok(()),
        [first, ..] => bail!(
            "{} of deploy/ are not up to date, {} first\nhint: make generate",
            stale.len(),
            first.display()
        ),
    }
}

fn files() -> [(&'static str, String); 2] {
    let install = |namespaced| Install {
        namespace: "argo-rollouts".to_owned(),
        image: IMAGE.to_owned(),
        namespaced,
    };
    [
        (
            "install.yaml",
            documents_to_string(&install(false).objects()),
        ),
        (
            "namespace-install.yaml",
            documents_to_string(&install(true).objects()),
        ),
    ]
}
