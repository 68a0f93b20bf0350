//! `carrick plan -f FILE`: what the controllers would do now with the Rollouts of a file.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use machinery::{meta, yaml};
use runtime::StatusWrite;

use super::output::message;
use super::{Connection, print};

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
        let documents = yaml::parse_documents(&text)?;
        super::block_on(async {
            let connected = self.connection.connect("carrick").await?;
            let mut found = false;
            for mut rollout in documents
                .into_iter()
                .filter(|document| meta::kind(document) == "Rollout")
            {
                found = true;
                if meta::namespace(&rollout).is_empty() {
                    meta::set_namespace(&mut rollout, &connected.namespace);
                }
                let name = format!("{}/{}", meta::namespace(&rollout), meta::name(&rollout));
                let Some((plan, status)) =
                    ::rollouts::plan::plan(&connected.client, &rollout).await?
                else {
                    continue;
                };
                print(&format!("rollout {name}\n{plan}\n{}", status_text(&status)))?;
            }
            if !found {
                message("no Rollout in this file: nothing to do");
            }
            Ok(())
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
