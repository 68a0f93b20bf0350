//! `cargo xtask charts`: kube-prometheus-stack, unchanged, on a testbed with our program in place of its operator. The charts
//! are not ours and come from elsewhere: folders, as `helm pull --untar` lays them.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::clients::Programs;
use crate::testbed::{Own, UpArgs, cache_folder, free_ports, source_folder, write_line};

/// Which charts.
#[derive(Args)]
pub struct ChartsArgs {
    /// A chart's folder, may be repeated [default: all in charts/ of the cache folder]
    #[arg(long)]
    chart: Vec<PathBuf>,
    /// Our program [default: the one beside this]
    #[arg(long)]
    program: Option<PathBuf>,
}

/// Installs the charts, upgrades them and takes them away again.
///
/// # Errors
/// If something of it is not as a chart's users expect.
pub fn run(args: &ChartsArgs) -> Result<()> {
    let charts = if args.chart.is_empty() {
        stored(&cache_folder()?.join("charts"))?
    } else {
        args.chart.clone()
    };
    if charts.is_empty() {
        return write_line("skipped: no chart in charts/ of the cache folder");
    }
    let programs = Programs::new()?;
    if !programs.have_go() {
        return write_line("skipped: no Go toolchain for helm and the testbed");
    }
    let program = program(args)?;
    for (number, chart) in charts.iter().enumerate() {
        let name = format!("charts-{}-{number}", std::process::id());
        try_out(chart, &program, &programs, &name)
            .with_context(|| format!("{}", chart.display()))?;
    }
    Ok(())
}

/// The charts in a folder, by name.
fn stored(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder)?;
    let folders = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut folders = folders.collect::<std::io::Result<Vec<_>>>()?;
    folders.retain(|folder| folder.join("Chart.yaml").exists());
    folders.sort();
    Ok(folders)
}

fn try_out(chart: &Path, program: &Path, programs: &Programs, name: &str) -> Result<()> {
    let description = std::fs::read_to_string(chart.join("Chart.yaml"))?;
    let version = version(&description).context("no version in its Chart.yaml")?;
    let testbed = Own::up(&UpArgs {
        name: name.to_owned(),
        nodes: 3,
        stages: None,
        bare: false,
    })?;
    // It goes with the testbed's folder.
    let scratch = testbed.folder().join("chart");
    let own = scratch.join("kube-prometheus-stack");
    std::fs::create_dir_all(&scratch)?;
    copy(chart, &own)?;
    let missing = leave_out_missing(&own)?;
    for condition in &missing {
        write_line(&format!("left out, its chart is not there: {condition}"))?;
    }
    let off = missing.iter().map(|condition| format!("{condition}=false"));
    let values: Vec<String> = off.collect();
    let operator = scratch.join("operator");
    std::os::unix::fs::symlink(program, &operator)?;
    let [port] = free_ports()?;
    let scripts = source_folder().join("../tests/charts");
    let status = Command::new("bash")
        .arg(scripts.join(script(version)))
        .env("KUBECONFIG", testbed.kubeconfig())
        .env("HELM", programs.helm()?)
        .env("KUBECTL", programs.kubectl())
        .env("CARRICK", program)
        .env("OPERATOR", operator)
        .env("CHART", own)
        .env("VALUES", values.join(","))
        .env("SCRATCH", scratch)
        .env("PORT", port.to_string())
        .status()
        .context("cannot run bash")?;
    if !status.success() {
        bail!("the chart does not work ({status})");
    }
    write_line(&format!("kube-prometheus-stack {version}: ok"))
}

/// The chart's own version.
fn version(description: &str) -> Option<&str> {
    let mut lines = description.lines();
    lines.find_map(|line| line.strip_prefix("version:").map(str::trim))
}

/// What is done with a version: the old one has no status, no defaults and few rights.
fn script(version: &str) -> &'static str {
    match version.split_once('.') {
        Some(("14", _)) => "seed.sh",
        _ => "kube-prometheus-stack.sh",
    }
}

fn program(args: &ChartsArgs) -> Result<PathBuf> {
    let program = match &args.program {
        Some(program) => std::path::absolute(program)?,
        None => std::env::current_exe()?.with_file_name("carrick"),
    };
    if !program.exists() {
        bail!("no {}\nhint: cargo build -p carrick", program.display());
    }
    Ok(program)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if entry.is_dir() {
            copy(&entry, &to)?;
        } else {
            std::fs::copy(&entry, &to)?;
        }
    }
    Ok(())
}

/// Takes the dependencies that aren't there out of a chart: helm refuses it otherwise, even where values switch them off. Their
/// conditions.
fn leave_out_missing(chart: &Path) -> Result<Vec<String>> {
    let file = chart.join("Chart.yaml");
    let text = std::fs::read_to_string(&file)?;
    let there = |name: &str| chart.join("charts").join(name).is_dir();
    let (text, conditions) = without_missing(&text, there);
    std::fs::write(&file, text)?;
    let _ = std::fs::remove_file(chart.join("Chart.lock"));
    Ok(conditions)
}

/// `Chart.yaml` without the dependencies that aren't `there`, and their conditions; line by line, as charts are written.
fn without_missing(text: &str, there: impl Fn(&str) -> bool) -> (String, Vec<String>) {
    let (mut kept, mut conditions) = (String::new(), Vec::new());
    let (mut dependencies, mut missing) = (false, false);
    for line in text.lines() {
        let start = line.trim_start();
        if !line.starts_with([' ', '-']) {
            (dependencies, missing) = (line == "dependencies:", false);
        }
        if dependencies && let Some(name) = start.strip_prefix("- name:") {
            missing = !there(name.trim().trim_matches('"'));
        }
        if !missing {
            kept.push_str(line);
            kept.push('\n');
        } else if let Some(condition) = start.strip_prefix("condition:") {
            conditions.push(condition.trim().to_owned());
        }
    }
    (kept, conditions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_that_are_not_there_are_left_out() {
        let text = "name: stack\nmaintainers:\n  - name: crds\ndependencies:\n  - name: crds\n    version: \"0\"\n    \
                    condition: crds.enabled\n  - name: grafana\n    condition: grafana.enabled\nversion: 1\n";
        let (kept, conditions) = without_missing(text, |name| name == "crds");
        assert_eq!(
            kept,
            "name: stack\nmaintainers:\n  - name: crds\ndependencies:\n  - name: crds\n    version: \"0\"\n    \
             condition: crds.enabled\nversion: 1\n"
        );
        assert_eq!(conditions, ["grafana.enabled"]);
        assert_eq!(version(text), Some("1"));
    }
}
