//! `set image`: another image in the pod template, of the Rollout or of the Deployment it refers to.

use anyhow::Result;
use clap::{Args, Subcommand};
use rollouts::api::ROLLOUT;
use rollouts::commands;
use runtime::error::Error;
use runtime::resource::DEPLOYMENT;
use serde_json::Value;

use super::objects::Objects;
use crate::cli::{fail, print};

/// How often a write is tried when others write at the same time.
const TRIES: usize = 5;

#[derive(Subcommand)]
pub enum Set {
    /// Update the image of a rollout
    Image(ImageArgs),
}

#[derive(Args)]
pub struct ImageArgs {
    /// The Rollout
    name: String,
    /// CONTAINER=IMAGE; `*` is every container
    image: String,
}

impl Set {
    pub async fn run(&self, objects: &Objects) -> Result<()> {
        match self {
            Self::Image(args) => args.run(objects).await,
        }
    }
}

impl ImageArgs {
    async fn run(&self, objects: &Objects) -> Result<()> {
        let Some((container, image)) = self
            .image
            .split_once('=')
            .filter(|(c, i)| !c.is_empty() && !i.is_empty())
        else {
            return fail(format!("expected CONTAINER=IMAGE, got `{}`", self.image));
        };
        let mut tries = 1;
        let kind = loop {
            match self.once(objects, container, image).await {
                Err(error) if tries < TRIES && is_conflict(&error) => tries += 1,
                other => break other?,
            }
        };
        print(&format!(
            "{kind} \"{}\" image updated\n",
            self.name_of(objects, kind).await?
        ))
    }

    async fn once(&self, objects: &Objects, container: &str, image: &str) -> Result<&'static str> {
        let rollout = objects.get(&ROLLOUT, &self.name).await?;
        let (resource, object, kind) = match reference(&rollout) {
            Some(name) => (
                &DEPLOYMENT,
                objects.get(&DEPLOYMENT, name).await?,
                "deployment",
            ),
            None => (&ROLLOUT, rollout, "rollout"),
        };
        let changed = commands::set_image(&object, container, image)?;
        if changed != object {
            objects.client.update(resource, &changed, None).await?;
        }
        Ok(kind)
    }

    async fn name_of(&self, objects: &Objects, kind: &str) -> Result<String> {
        if kind == "rollout" {
            return Ok(self.name.clone());
        }
        let rollout = objects.get(&ROLLOUT, &self.name).await?;
        Ok(reference(&rollout).unwrap_or(&self.name).to_owned())
    }
}

fn reference(rollout: &Value) -> Option<&str> {
    rollout
        .pointer("/spec/workloadRef/name")
        .and_then(Value::as_str)
}

fn is_conflict(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<Error>(), Some(Error::Api(status)) if status.code == 409)
}
