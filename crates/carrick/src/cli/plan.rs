//! `carrick plan -f FILE`: what the controllers would do now with the Rollouts of a file.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use machinery::{meta, yaml};
use runtime::StatusWrite;
use serde_json::Value;

use ::rollouts::validation::lint;

use super::manifests;
use super::output::message;
use super::{Connection, fail, print};

/// Which Rollouts.
#[derive(Args)]
pub struct PlanArgs {
    #[command(flatten)]
    connection: Connection,
    /// Rollouts, as they would be applied; `-` reads standard input; may be given more than once
    #[arg(short, long, value_name = "FILE", required = true)]
    filename: Vec<PathBuf>,
}

/// The documents of a file, or of standard input for `-`.
fn read(file: &Path) -> Result<Vec<Value>> {
    let text = manifests::text_of(file)?;
    yaml::parse_documents(&text).with_context(|| file.display().to_string())
}

impl PlanArgs {
    /// Prints one plan per Rollout; writes nothing.
    pub fn run(self) -> Result<()> {
        let mut documents = Vec::new();
        let mut files = Vec::new();
        let mut unreadable = Vec::new();
        for file in &self.filename {
            match read(file) {
                Ok(found) => {
                    files.resize(files.len() + found.len(), file.display().to_string());
                    documents.extend(found);
                }
                Err(error) => unreadable.push(format!("{error:#}")),
            }
        }
        if !unreadable.is_empty() {
            return fail(unreadable.join("\n"));
        }
        if documents.is_empty() {
            return manifests::nothing("plan");
        }
        super::block_on(async {
            let connected = self.connection.connect("carrick").await?;
            for document in &mut documents {
                if meta::namespace(document).is_empty() {
                    meta::set_namespace(document, &connected.namespace);
                }
            }
            let mut rollouts = documents
                .iter()
                .zip(&files)
                .filter(|(document, _)| meta::kind(document) == "Rollout")
                .peekable();
            if rollouts.peek().is_none() {
                message("no Rollout in this file: nothing to do");
            }
            let mut refused = Vec::new();
            for (rollout, file) in rollouts {
                let name = format!("{}/{}", meta::namespace(rollout), meta::name(rollout));
                let because = |why: &dyn Display| format!("{file}: Rollout {name}: {why}");
                if let Err(problems) = lint::read(rollout) {
                    refused.extend(problems.iter().map(|problem| because(problem)));
                    continue;
                }
                let planned =
                    ::rollouts::plan::plan(&connected.client, rollout, &documents).await?;
                let Some(next) = planned else {
                    continue;
                };
                let status = status_text(&next.status);
                print(&format!("rollout {name}\n{}\n{status}", next.plan))?;
                refused.extend(next.refusal.map(|text| because(&text)));
            }
            if refused.is_empty() {
                Ok(())
            } else {
                fail(refused.join("\n"))
            }
        })
    }
}

/// The change of the status that would follow, as YAML.
fn status_text(status: &StatusWrite) -> String {
    match status {
        StatusWrite::Unchanged => "status unchanged\n".to_owned(),
        StatusWrite::MergePatch { old, new, .. } => {
            let change = machinery::patch::merge::diff(old, new);
            let is_empty = change.as_object().is_some_and(serde_json::Map::is_empty);
            if is_empty {
                "status unchanged\n".to_owned()
            } else {
                indented(&change)
            }
        }
        StatusWrite::Update { object, .. } => indented(object.get("status").unwrap_or(object)),
    }
}

fn indented(change: &serde_json::Value) -> String {
    let text = yaml::to_string(change);
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}\n")).collect();
    format!("status\n{}", lines.concat())
}
