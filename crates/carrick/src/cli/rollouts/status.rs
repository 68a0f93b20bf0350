//! `status`: the phase, until it is a last one.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use machinery::duration::GoDuration;

use super::objects::Objects;
use crate::cli::print;

/// How often the phase is looked at.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Args)]
pub struct StatusArgs {
    /// The Rollout
    name: String,
    /// Watch the status of the rollout until it's done
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    watch: bool,
    /// The length of time to watch before giving up; zero means wait forever
    #[arg(short, long, default_value = "0s")]
    timeout: String,
}

impl StatusArgs {
    pub async fn run(&self, objects: &Objects) -> Result<()> {
        let (phase, message) = self.look(objects).await?;
        if !self.watch {
            let text = if is_last(&phase) {
                phase.clone()
            } else {
                line(&phase, &message)
            };
            print(&format!("{text}\n"))?;
            return verdict(&phase, &message);
        }
        let timeout = GoDuration::parse(&self.timeout)
            .ok()
            .and_then(GoDuration::to_std);
        let Some(timeout) = timeout else {
            bail!(
                "invalid argument {:?} for \"-t, --timeout\"\nhint: write 30s or 5m",
                self.timeout
            );
        };
        let watching = self.until_last(objects);
        let last = if timeout.is_zero() {
            Some(watching.await?)
        } else {
            tokio::time::timeout(timeout, watching)
                .await
                .ok()
                .transpose()?
        };
        match last {
            Some((phase, message)) => verdict(&phase, &message),
            None => bail!("Rollout status watch exceeded timeout"),
        }
    }

    async fn look(&self, objects: &Objects) -> Result<(String, String)> {
        let info = objects.rollout_info(&self.name).await?;
        Ok((info.phase.as_str().to_owned(), info.message))
    }

    /// Prints every change until there will be none.
    async fn until_last(&self, objects: &Objects) -> Result<(String, String)> {
        let mut shown = String::new();
        loop {
            let (phase, message) = self.look(objects).await?;
            let text = line(&phase, &message);
            if text != shown {
                print(&format!("{text}\n"))?;
                shown = text;
            }
            if is_last(&phase) {
                return Ok((phase, message));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn is_last(phase: &str) -> bool {
    phase == "Healthy" || phase == "Degraded"
}

fn line(phase: &str, message: &str) -> String {
    if message.is_empty() {
        phase.to_owned()
    } else {
        format!("{phase} - {message}")
    }
}

fn verdict(phase: &str, message: &str) -> Result<()> {
    if phase == "Degraded" {
        bail!("The rollout is in a degraded state with message: {message}");
    }
    Ok(())
}
