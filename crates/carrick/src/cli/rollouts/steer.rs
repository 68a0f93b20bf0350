//! `promote`, `abort`, `retry`, `pause`, `restart`: small patches, and a line that says so.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use machinery::duration::GoDuration;
use rollouts::api::{EXPERIMENT, ROLLOUT};
use rollouts::commands::{self, Patches, Promotion};
use runtime::Patch;
use serde_json::json;

use super::objects::Objects;
use crate::cli::print;

#[derive(Args)]
pub struct PromoteArgs {
    /// The Rollout
    name: String,
    /// Perform a full promotion, skipping analysis, pauses, and steps
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    full: bool,
    /// DEPRECATED: use --full
    #[arg(short = 'c', long, hide = true, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    skip_current_step: bool,
    /// DEPRECATED: use --full
    #[arg(short = 'a', long, hide = true, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    skip_all_steps: bool,
}

impl PromoteArgs {
    pub async fn run(&self, objects: &Objects) -> Result<()> {
        let rollout = objects.get(&ROLLOUT, &self.name).await?;
        let how = Promotion {
            full: self.full,
            skip_current_step: self.skip_current_step,
            skip_all_steps: self.skip_all_steps,
        };
        objects
            .patch(&self.name, &commands::promote(&rollout, how)?)
            .await?;
        let fully = if self.full { "fully " } else { "" };
        print(&format!("rollout '{}' {fully}promoted\n", self.name))
    }
}

#[derive(Args)]
pub struct Names {
    /// The Rollouts
    #[arg(required = true)]
    names: Vec<String>,
}

pub async fn abort(names: &Names, objects: &Objects) -> Result<()> {
    each(names, objects, &commands::abort(), "aborted").await
}

pub async fn pause(names: &Names, objects: &Objects) -> Result<()> {
    each(names, objects, &commands::pause(), "paused").await
}

async fn each(names: &Names, objects: &Objects, patches: &Patches, done: &str) -> Result<()> {
    for name in &names.names {
        objects.patch(name, patches).await?;
        print(&format!("rollout '{name}' {done}\n"))?;
    }
    Ok(())
}

#[derive(Subcommand)]
pub enum Retry {
    /// Retry an aborted rollout
    #[command(visible_aliases = ["ro", "rollouts"])]
    Rollout(Names),
    /// Retry an experiment
    #[command(visible_aliases = ["exp", "experiments"])]
    Experiment(Names),
}

impl Retry {
    pub async fn run(&self, objects: &Objects) -> Result<()> {
        match self {
            Self::Rollout(names) => each(names, objects, &commands::retry(), "retried").await,
            Self::Experiment(names) => {
                for name in &names.names {
                    let patch = Patch::Merge(json!({"status": null}));
                    objects
                        .client
                        .patch(&EXPERIMENT, &objects.key(name), None, &patch)
                        .await?;
                    print(&format!("experiment '{name}' retried\n"))?;
                }
                Ok(())
            }
        }
    }
}

#[derive(Args)]
pub struct RestartArgs {
    /// The Rollout
    name: String,
    /// Amount of time before a restart, e.g. 30s, 5m, 1h
    #[arg(short = 'i', long = "in", default_value = "0s")]
    delay: String,
}

impl RestartArgs {
    pub async fn run(&self, objects: &Objects) -> Result<()> {
        let Some(delay) = GoDuration::parse(&self.delay)
            .ok()
            .and_then(GoDuration::to_std)
        else {
            bail!(
                "invalid duration {:?}\nhint: write 30s, 5m or 1h",
                self.delay
            );
        };
        let at = objects.now().checked_add(delay)?;
        objects.patch(&self.name, &commands::restart(at)).await?;
        let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
        print(&format!(
            "rollout '{}' restarts in {}\n",
            self.name,
            machinery::human::duration(seconds)
        ))
    }
}
