//! `cargo xtask generate`: the rights of the controllers from what they call, the manifests in `deploy/` from them and our types,
//! and the defaults that our definitions have; `--check` tells whether it is up to date.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use machinery::yaml::documents_to_string;
use rollouts::access;
use rollouts::install::Install;
use scenarios::products::Product;

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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut stale = Vec::new();
    for (name, text) in files()? {
        let path = root.join(name);
        if args.check {
            if std::fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
                stale.push(path);
            }
        } else {
            let folder = path.parent().context("a file has a folder")?;
            std::fs::create_dir_all(folder)?;
            std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
    }
    report(&stale)
}

fn report(stale: &[PathBuf]) -> Result<()> {
    match stale {
        [] => Ok(()),
        [first, ..] => bail!(
            "{} generated files are not up to date, {} first\nhint: make generate",
            stale.len(),
            first.display()
        ),
    }
}

/// Paths from the root of the checkout, and what is to be there.
fn files() -> Result<[(&'static str, String); 5]> {
    let recording = scenarios::rights::text(&scenarios::rights::recorded(Product::Rollouts)?);
    let monitoring = scenarios::rights::text(&scenarios::rights::recorded(Product::Monitoring)?);
    // Not those compiled in: they may be the ones that are written anew.
    let rights = access::of(&recording);
    let manifests = |namespaced| {
        let install = Install {
            namespace: "argo-rollouts".to_owned(),
            image: IMAGE.to_owned(),
            namespaced,
        };
        documents_to_string(&install.objects_with(&rights))
    };
    Ok([
        ("deploy/rollouts/install.yaml", manifests(false)),
        ("deploy/rollouts/namespace-install.yaml", manifests(true)),
        ("crates/rollouts/data/rights.txt", recording),
        ("crates/monitoring/data/rights.txt", monitoring),
        (
            "crates/monitoring/data/defaults.json",
            monitoring::api::defaults::text(),
        ),
    ])
}
