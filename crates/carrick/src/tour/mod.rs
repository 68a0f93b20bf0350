//! `carrick up --tour`: a blue-green and a canary release, step by step, with the manifests in `examples/`.
//!
//! `script` says what happens and why; this file does it through the API, as a user would, and shows what came of it.
//! Each step can also be done by hand: its command is printed, and a step whose outcome is there already just goes on.
//! What an earlier tour left in a kept state is taken away first.

mod script;

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use machinery::{meta, yaml};
use rollouts::api::ROLLOUT;
use rollouts::commands::{self, Promotion};
use rollouts::info::{RolloutInfo, rollout_text};
use runtime::client::Client;
use runtime::resource::SERVICE;
use runtime::{DeleteOptions, Propagation};
use serde_json::Value;

use crate::cli::{Objects, create_or_merge, message, painter, print};
use script::{Action, Step, Until};

const NAMESPACE: &str = "default";
/// How long a step may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often the world is looked at while a step is under way.
const LOOK: Duration = Duration::from_millis(100);

/// How a tour ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All steps were shown.
    Finished,
    /// Somebody left; the platform goes on.
    Left,
}

/// Who walks people through it.
pub struct Guide {
    /// How the platform is talked to.
    pub client: Client,
    /// What people need to talk to it themselves.
    pub kubeconfig: PathBuf,
    /// Whether to wait for somebody after each step.
    pub waits: bool,
}

impl Guide {
    /// Walks through all steps.
    ///
    /// # Errors
    /// If a step doesn't come to the end that it should.
    pub async fn walk(&self) -> Result<Outcome> {
        let objects = Objects {
            client: self.client.clone(),
            namespace: NAMESPACE.to_owned(),
        };
        let steps = script::steps();
        take_away(&objects, &steps).await?;
        for (number, step) in steps.iter().enumerate() {
            print(&format!(
                "\n━━ {}/{}  {}\n\n$ {}\n\n",
                number + 1,
                steps.len(),
                step.title,
                step.command
            ))?;
            act(&objects, step)
                .await
                .with_context(|| format!("step `{}`", step.title))?;
            let info = self.wait(&objects, step).await?;
            print(&format!(
                "{}\n→ {}\n",
                rollout_text(&info, objects.now(), painter(false)),
                step.why
            ))?;
            if self.waits && number + 1 < steps.len() && !self.goes_on().await? {
                message(&format!(
                    "the platform stays up; the next step by hand:\n  {}",
                    next(&steps, number)
                ));
                return Ok(Outcome::Left);
            }
        }
        print("\nThat was the tour.\n")?;
        Ok(Outcome::Finished)
    }

    async fn wait(&self, objects: &Objects, step: &Step) -> Result<RolloutInfo> {
        let reached = async {
            loop {
                let info = objects.rollout_info(step.rollout).await?;
                if is_reached(&step.until, &info) {
                    return anyhow::Ok(info);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(info) => info,
            Err(_) => bail!(
                "step `{}` didn't come to its end in {} s",
                step.title,
                PATIENCE.as_secs()
            ),
        }
    }

    /// Enter goes on; `q` or the end of the input leaves the tour.
    async fn goes_on(&self) -> Result<bool> {
        message(&format!(
            "\nEnter: next step · q, Enter: leave the tour · by hand: export KUBECONFIG={}",
            self.kubeconfig.display()
        ));
        let (answer, answered) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || {
                let mut line = String::new();
                let read = std::io::stdin().lock().read_line(&mut line);
                let _ = answer.send(matches!(read, Ok(1..)) && line.trim() != "q");
            })?;
        Ok(answered.await.unwrap_or(false))
    }
}

/// Deletes the Rollouts of an earlier tour, and waits until they and their pods are gone.
async fn take_away(objects: &Objects, steps: &[Step]) -> Result<()> {
    let names: BTreeSet<&str> = steps.iter().map(|step| step.rollout).collect();
    for name in names {
        let key = objects.key(name);
        if objects.client.get(&ROLLOUT, &key).await?.is_none() {
            continue;
        }
        message(&format!("taking away {name} of an earlier tour"));
        let options = DeleteOptions {
            propagation: Some(Propagation::Foreground),
            ..DeleteOptions::default()
        };
        objects.client.delete(&ROLLOUT, &key, &options).await?;
        let gone = async {
            while objects.client.get(&ROLLOUT, &key).await?.is_some() {
                tokio::time::sleep(LOOK).await;
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(PATIENCE, gone).await {
            Ok(gone) => gone?,
            Err(_) => bail!(
                "{name} of an earlier tour is still there\nhint: kubectl delete rollout {name}"
            ),
        }
    }
    Ok(())
}

fn next(steps: &[Step], number: usize) -> &str {
    steps.get(number + 1).map_or("", |step| step.command)
}

async fn act(objects: &Objects, step: &Step) -> Result<()> {
    match &step.action {
        Action::Apply(manifest) => {
            for object in yaml::parse_documents(manifest)? {
                apply(objects, object).await?;
            }
            Ok(())
        }
        Action::SetImage(container, image) => {
            let rollout = objects.get(&ROLLOUT, step.rollout).await?;
            let changed = commands::set_image(&rollout, container, image)?;
            if changed != rollout {
                objects.client.update(&ROLLOUT, &changed, None).await?;
            }
            Ok(())
        }
        Action::Promote => {
            let rollout = objects.get(&ROLLOUT, step.rollout).await?;
            objects
                .patch(
                    step.rollout,
                    &commands::promote(&rollout, Promotion::default())?,
                )
                .await
        }
        Action::Abort => objects.patch(step.rollout, &commands::abort()).await,
        Action::Wait => Ok(()),
    }
}

/// What `kubectl apply` would do, for the kinds that the examples use.
async fn apply(objects: &Objects, mut object: Value) -> Result<()> {
    let resource = match meta::kind(&object) {
        "Rollout" => &ROLLOUT,
        "Service" => &SERVICE,
        other => bail!("the tour has no use for a {other}"),
    };
    meta::set_namespace(&mut object, NAMESPACE);
    create_or_merge(&objects.client, resource, &object).await
}

fn is_reached(until: &Until, info: &RolloutInfo) -> bool {
    let step = info
        .canary
        .as_ref()
        .and_then(|canary| canary.step)
        .map(|(index, _)| index);
    match until {
        Until::Phase(phase) => info.phase.as_str() == *phase,
        Until::PausedAt(index) => info.phase.as_str() == "Paused" && step == Some(*index),
        Until::BadPods => info
            .replica_sets
            .iter()
            .any(|set| set.pods.iter().any(|pod| pod.row.status.contains("Image"))),
        Until::OldIsGone => {
            let with_pods = |set: &&rollouts::info::ReplicaSetInfo| !set.pods.is_empty();
            info.phase.as_str() == "Healthy"
                && info.replica_sets.iter().filter(with_pods).count() == 1
        }
    }
}
