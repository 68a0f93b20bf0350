//! `carrick plan -f FILE`: what the controllers would do now with the Rollouts of a file.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use machinery::{meta, yaml};
use runtime::StatusWrite;

use ::rollouts::validation::lint;

use super::output::message;
use super::{Connection, fail, print};

/// Which Rollouts.
#[derive(Args)]
pub struct PlanArgs {
    #[command(flatten)]
    connection: Connection,
    /// Rollouts, as they would be applied; `-` reads standard input
    #[arg(short, long, value_name = "FILE")]
    filename: PathBuf,
}

impl PlanArgs {
    /// Prints one plan per Rollout; writes nothing.
    pub fn run(self) -> Result<()> {
        let text = if self.filename.as_os_str() == "-" {
            std::io::read_to_string(std::io::stdin())?
        } else {
            std::fs::read_to_string(&self.filename)
                .with_context(|| self.filename.display().to_string())?
        };
        let mut documents =
            yaml::parse_documents(&text).with_context(|| self.filename.display().to_string())?;
        super::block_on(async {
            let connected = self.connection.connect("carrick").await?;
            for document in &mut documents {
                if meta::namespace(document).is_empty() {
                    meta::set_namespace(document, &connected.namespace);
                }
            }
            let mut rollouts = documents
                .iter()
                .filter(|document| meta::kind(document) == "Rollout")
                .peekable();
            if rollouts.peek().is_none() {
                message("no Rollout in this file: nothing to do");
            }
            let mut refused = Vec::new();
            for rollout in rollouts {
                let name = format!("{}/{}", meta::namespace(rollout), meta::name(rollout));
                if let Err(problems) = lint::read(rollout) {
                    let problems = problems.iter();
                    refused.extend(problems.map(|problem| format!("Rollout {name}: {problem}")));
                    continue;
                }
                let planned =
                    ::rollouts::plan::plan(&connected.client, rollout, &documents).await?;
                let Some(next) = planned else {
                    continue;
                };
                let status = status_text(&next.status);
                print(&format!("rollout {name}\n{}\n{status}", next.plan))?;
                let refusal = next.refusal.into_iter();
                refused.extend(refusal.map(|text| format!("Rollout {name}: {text}")));
            }
            if refused.is_empty() {
                Ok(())
            } else {
                let file = self.filename.display();
                let refused = refused.iter().map(|text| format!("{file}: {text}"));
                fail(refused.collect::<Vec<_>>().join("\n"))
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
