//! `cargo xtask charts`: kube-prometheus-stack, unchanged, on a testbed with our program in place of its operator. The chart is
//! not ours and comes from elsewhere: a folder, as `helm pull --untar` lays it.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::clients::Programs;
use crate::testbed::{Own, UpArgs, cache_folder, free_ports, source_folder, write_line};

/// Which chart.
#[derive(Args)]
pub struct ChartsArgs {
    /// The chart's folder [default: charts/kube-prometheus-stack in the cache folder]
    #[arg(long)]
    chart: Option<PathBuf>,
    /// Our program [default: the one beside this]
    #[arg(long)]
    program: Option<PathBuf>,
}

/// Installs the chart, upgrades it and takes it away again.
///
/// # Errors
/// If something of it is not as the chart's users expect.
pub fn run(args: &ChartsArgs) -> Result<()> {
    let cache = cache_folder()?;
    let chart = match &args.chart {
        Some(chart) => chart.clone(),
        None => cache.join("charts/kube-prometheus-stack"),
    };
    if !chart.join("Chart.yaml").exists() {
        return write_line(&format!("skipped: no chart in {}", chart.display()));
    }
    let programs = Programs::new()?;
    if !programs.have_go() {
        return write_line("skipped: no Go toolchain for helm and the testbed");
    }
    let helm = programs.helm()?;
    let testbed = Own::up(&UpArgs {
        name: format!("charts-{}", std::process::id()),
        nodes: 3,
        stages: None,
        bare: false,
    })?;
    // It goes with the testbed's folder.
    let scratch = testbed.folder().join("chart");
    let own = scratch.join("kube-prometheus-stack");
    std::fs::create_dir_all(&scratch)?;
    copy(&chart, &own)?;
    let missing = leave_out_missing(&own)?;
    for condition in &missing {
        write_line(&format!("left out, its chart is not there: {condition}"))?;
    }
    let off = missing.iter().map(|condition| format!("{condition}=false"));
    let values: Vec<String> = off.collect();
    let operator = scratch.join("operator");
    std::os::unix::fs::symlink(program(args)?, &operator)?;
    let [port] = free_ports()?;
    let status = Command::new("bash")
        .arg(source_folder().join("../tests/charts/kube-prometheus-stack.sh"))
        .env("KUBECONFIG", testbed.kubeconfig())
        .env("HELM", helm)
        .env("KUBECTL", programs.kubectl())
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
    write_line("kube-prometheus-stack: ok")
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
    }
}
