//! Writes `testbed/go.mod`: one `require`, and a `replace` for each module that
//! Kubernetes keeps in its staging folder, read from its own go.mod.
use std::fmt::Write;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::build::source_folder;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Download {
    go_mod: String,
}

/// Writes go.mod for `version` (as `v1.36.3`) and lets Go add the rest.
pub fn write(version: &str) -> Result<()> {
    let Some(rest) = version.strip_prefix("v1.") else {
        bail!("`{version}` is no version of Kubernetes\nhint: write it as v1.36.3");
    };
    let module = format!("k8s.io/kubernetes@{version}");
    let found = output(Command::new("go").args(["mod", "download", "-json", &module]))?;
    let download: Download = serde_json::from_str(&found)?;
    let text = std::fs::read_to_string(&download.go_mod)?;
    std::fs::write(
        source_folder().join("go.mod"),
        go_mod(version, &format!("v0.{rest}"), &text)?,
    )?;
    output(
        Command::new("go")
            .args(["mod", "tidy"])
            .current_dir(source_folder()),
    )
    .map(drop)
}

fn go_mod(version: &str, staging: &str, upstream: &str) -> Result<String> {
    let mut text = format!(
        "module carrick.dev/testbed\n\ngo 1.26.0\n\ngodebug default=go1.26\n\nrequire k8s.io/kubernetes {version}\n\nreplace (\n"
    );
    for module in staged(upstream) {
        writeln!(text, "\t{module} => {module} {staging}")?;
    }
    text.push_str(")\n");
    Ok(text)
}

/// The modules that a go.mod replaces by a folder under `./staging`.
fn staged(go_mod: &str) -> impl Iterator<Item = &str> {
    go_mod.lines().filter_map(|line| {
        let (module, target) = line
            .trim()
            .trim_start_matches("replace ")
            .split_once(" => ")?;
        target.starts_with("./staging/").then_some(module.trim())
    })
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().context("cannot run go")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modules_replaced_by_the_staging_folder_are_listed() {
        let upstream =
            "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\texample.com/a => ../a\n)\n";
        assert_eq!(staged(upstream).collect::<Vec<_>>(), ["k8s.io/api"]);
        assert!(
            go_mod("v1.36.3", "v0.36.3", upstream)
                .unwrap()
                .contains("\tk8s.io/api => k8s.io/api v0.36.3\n")
        );
    }
}
