//! `cargo xtask generate`: the rights of the controllers from what they call, the manifests in `deploy/` from them and our types,
//! and the defaults that our definitions have; `--check` tells whether what is made of the recorded rights and of our types is up
//! to date. That the rights are, `make test` shows, which plays the scenarios anyway.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use machinery::yaml::documents_to_string;
use rollouts::access;
use rollouts::install::Install;
use scenarios::products::Product;
use scenarios::rights;

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
    if args.check {
        return check(&root);
    }
    let record = |product| anyhow::Ok(rights::text(&rights::recorded(product)?));
    let (rollouts, monitoring) = (record(Product::Rollouts)?, record(Product::Monitoring)?);
    // Not of those compiled in: they may be the ones that are written anew.
    let made = made(&rollouts);
    let recorded = [
        ("crates/rollouts/data/rights.txt", rollouts),
        ("crates/monitoring/data/rights.txt", monitoring),
    ];
    for (name, text) in recorded.into_iter().chain(made) {
        let path = root.join(name);
        let folder = path.parent().context("a file has a folder")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Fails if a file isn't what would be made.
fn check(root: &Path) -> Result<()> {
    let is_stale = |name: &str, text: &str| {
        let found = std::fs::read_to_string(root.join(name));
        found.ok().as_deref() != Some(text)
    };
    let files = made(access::CALLED);
    let stale = files.iter().filter(|(name, text)| is_stale(name, text));
    let stale: Vec<&str> = stale.map(|(name, _)| *name).collect();
    match stale.as_slice() {
        [] => Ok(()),
        [first, ..] => bail!(
            "{} generated files are not up to date, {first} first\nhint: make generate",
            stale.len(),
        ),
    }
}

/// Paths from the root of the checkout, and what is made of recorded rights and of our types to be there.
fn made(recording: &str) -> [(&'static str, String); 3] {
    let rights = access::of(recording);
    let manifests = |namespaced| {
        let install = Install {
            namespace: "argo-rollouts".to_owned(),
            image: IMAGE.to_owned(),
            namespaced,
        };
        documents_to_string(&install.objects_with(&rights))
    };
    [
        ("deploy/rollouts/install.yaml", manifests(false)),
        ("deploy/rollouts/namespace-install.yaml", manifests(true)),
        (
            "crates/monitoring/data/defaults.json",
            monitoring::api::defaults::text(),
        ),
    ]
}
