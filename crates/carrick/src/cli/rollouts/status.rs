//! `status`: the phase, until it is a last one.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use machinery::duration::GoDuration;
use rollouts::info::RolloutInfo;

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
        if !self.watch {
            let info = objects.rollout_info(&self.name).await?;
            let text = if info.is_settled() {
                info.phase.as_str().to_owned()
            } else {
                info.status_line()
            };
            print(&format!("{text}\n"))?;
            return verdict(&info);
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
            Some(info) => verdict(&info),
            None => bail!("Rollout status watch exceeded timeout"),
        }
    }

    /// Prints every change until there will be none.
    async fn until_last(&self, objects: &Objects) -> Result<RolloutInfo> {
        let mut shown = String::new();
        loop {
            let info = objects.rollout_info(&self.name).await?;
            let text = info.status_line();
            if text != shown {
                print(&format!("{text}\n"))?;
                shown = text;
            }
            if info.is_settled() {
                return Ok(info);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn verdict(info: &RolloutInfo) -> Result<()> {
    if info.phase.as_str() == "Degraded" {
        let message = &info.message;
        bail!("The rollout is in a degraded state with message: {message}");
    }
    Ok(())
}
