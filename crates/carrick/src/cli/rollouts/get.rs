//! `get rollout`, `get experiment`: the picture, once or again and again.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use rollouts::api::EXPERIMENT;
use rollouts::info::{ExperimentInfo, experiment_text, rollout_text};

use super::objects::Objects;
use crate::cli::{painter, print};

/// How often a watched picture is drawn anew: its ages move on.
const REDRAW: Duration = Duration::from_secs(1);
/// Goes to the top left corner of an empty screen.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[0;0H";

#[derive(Subcommand)]
pub enum Get {
    /// Get details about a rollout
    #[command(visible_aliases = ["ro", "rollouts"])]
    Rollout(RolloutArgs),
    /// Get details about an Experiment
    #[command(visible_aliases = ["exp", "experiments"])]
    Experiment(ExperimentArgs),
}

#[derive(Args)]
pub struct RolloutArgs {
    /// The Rollout
    name: String,
    #[command(flatten)]
    look: Look,
    /// Timeout after specified seconds
    #[arg(long, default_value_t = 0)]
    timeout_seconds: u64,
}

#[derive(Args)]
pub struct ExperimentArgs {
    /// The Experiment
    name: String,
    #[command(flatten)]
    look: Look,
}

#[derive(Args)]
struct Look {
    /// Watch live updates
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    watch: bool,
    /// Do not colorize output
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    no_color: bool,
}

impl Get {
    pub async fn run(&self, objects: &Objects) -> Result<()> {
        match self {
            Self::Rollout(args) => {
                let draw = async || args.draw(objects).await;
                match (args.look.watch, args.timeout_seconds) {
                    (false, _) => print(&draw().await?),
                    (true, 0) => watch(draw).await,
                    (true, seconds) => {
                        tokio::time::timeout(Duration::from_secs(seconds), watch(draw))
                            .await
                            .unwrap_or(Ok(()))
                    }
                }
            }
            Self::Experiment(args) => {
                let draw = async || args.draw(objects).await;
                if args.look.watch {
                    watch(draw).await
                } else {
                    print(&draw().await?)
                }
            }
        }
    }
}

/// Draws until the object is gone or somebody interrupts. Where there is no screen to clear, pictures follow each other.
async fn watch(draw: impl AsyncFn() -> Result<String>) -> Result<()> {
    let begin = if std::io::stdout().is_terminal() {
        CLEAR
    } else {
        "\n"
    };
    let mut shown = String::new();
    loop {
        let picture = draw().await?;
        if picture != shown {
            print(&format!("{begin}{picture}"))?;
            shown = picture;
        }
        tokio::time::sleep(REDRAW).await;
    }
}

impl RolloutArgs {
    async fn draw(&self, objects: &Objects) -> Result<String> {
        let info = objects.rollout_info(&self.name).await?;
        Ok(rollout_text(
            &info,
            objects.now(),
            painter(self.look.no_color),
        ))
    }
}

impl ExperimentArgs {
    async fn draw(&self, objects: &Objects) -> Result<String> {
        let Some(experiment) = objects
            .client
            .get(&EXPERIMENT, &objects.key(&self.name))
            .await?
        else {
            bail!("experiment.argoproj.io \"{}\" not found", self.name);
        };
        let info = ExperimentInfo::new(&experiment, &objects.surroundings(None).await?);
        Ok(experiment_text(
            &info,
            objects.now(),
            painter(self.look.no_color),
        ))
    }
}
