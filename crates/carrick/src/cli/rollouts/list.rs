//! `list rollouts`, `list experiments`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use machinery::meta;
use rollouts::api::{EXPERIMENT, ROLLOUT};
use rollouts::info::{ExperimentRow, ListColumns, RolloutRow, experiment_table, rollout_table};
use runtime::error::Error;
use runtime::resource::ResourceRef;
use serde_json::Value;

use super::objects::Objects;
use crate::cli::{output::message, print};

/// How often changes of watched Rollouts are looked for.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub enum List {
    /// List rollouts
    #[command(visible_aliases = ["ro", "rollout"])]
    Rollouts(RolloutsArgs),
    /// List experiments
    #[command(visible_aliases = ["exp", "experiment"])]
    Experiments(ExperimentsArgs),
}

#[derive(Args)]
pub struct RolloutsArgs {
    /// Include all namespaces
    #[arg(short = 'A', long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    all_namespaces: bool,
    /// Only show rollout with specified name
    #[arg(long)]
    name: Option<String>,
    /// Print timestamps on updates
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    timestamps: bool,
    /// Watch for changes
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    watch: bool,
}

#[derive(Args)]
pub struct ExperimentsArgs {
    /// Include all namespaces
    #[arg(short = 'A', long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    all_namespaces: bool,
}

impl List {
    pub async fn run(&self, objects: &Objects) -> Result<()> {
        match self {
            Self::Rollouts(args) => args.run(objects).await,
            Self::Experiments(args) => args.run(objects).await,
        }
    }
}

impl RolloutsArgs {
    async fn run(&self, objects: &Objects) -> Result<()> {
        let mut shown = BTreeMap::new();
        let rollouts = self.rollouts(objects).await?;
        if rollouts.is_empty() {
            message("No resources found.");
        }
        if !rollouts.is_empty() || self.watch {
            let rows: Vec<_> = rollouts.iter().map(RolloutRow::new).collect();
            print(&rollout_table(&rows, self.columns(objects), true))?;
        }
        shown.extend(
            rollouts
                .iter()
                .map(|rollout| (key(rollout), RolloutRow::new(rollout))),
        );
        if !self.watch {
            return Ok(());
        }
        loop {
            tokio::time::sleep(LOOK).await;
            for rollout in self.rollouts(objects).await? {
                let row = RolloutRow::new(&rollout);
                if shown.get(&key(&rollout)) != Some(&row) {
                    print(&rollout_table(
                        std::slice::from_ref(&row),
                        self.columns(objects),
                        false,
                    ))?;
                    shown.insert(key(&rollout), row);
                }
            }
        }
    }

    fn columns(&self, objects: &Objects) -> ListColumns {
        ListColumns {
            namespace: self.all_namespaces,
            timestamp: self.timestamps.then(|| objects.now()),
        }
    }

    async fn rollouts(&self, objects: &Objects) -> Result<Vec<Value>> {
        let mut rollouts = list(objects, &ROLLOUT, self.all_namespaces).await?;
        if let Some(name) = &self.name {
            rollouts.retain(|rollout| meta::name(rollout) == name);
        }
        Ok(rollouts)
    }
}

impl ExperimentsArgs {
    async fn run(&self, objects: &Objects) -> Result<()> {
        let experiments = list(objects, &EXPERIMENT, self.all_namespaces).await?;
        if experiments.is_empty() {
            message("No resources found.");
            return Ok(());
        }
        let rows: Vec<_> = experiments
            .iter()
            .map(|object| ExperimentRow::new(object, objects.now()))
            .collect();
        print(&experiment_table(&rows, self.all_namespaces))
    }
}

async fn list(objects: &Objects, resource: &ResourceRef, all: bool) -> Result<Vec<Value>> {
    let namespace = if all { "" } else { &objects.namespace };
    match objects.client.list(resource, namespace, "").await {
        Err(Error::Api(status)) if status.code == 404 => anyhow::bail!(
            "the server could not find the requested resource ({} {})\nhint: `carrick crds | kubectl apply -f -` installs it",
            resource.plural,
            resource.group
        ),
        other => Ok(other?),
    }
}

fn key(object: &Value) -> (String, String) {
    (
        meta::namespace(object).to_owned(),
        meta::name(object).to_owned(),
    )
}
