//! `carrick up --tour`: a blue-green and a canary release, and monitoring, step by step, with the manifests in `examples/`.
//!
//! `script` says what happens and why; this file does it through the API, as a user would, and shows what came of it.
//! Each step can also be done by hand: its command is printed, and a step whose outcome is there already just goes on.
//! What an earlier tour left in a kept state is taken away first.

mod monitoring;
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
use runtime::resource::{DEPLOYMENT, ROLE, ROLE_BINDING, ResourceRef, SERVICE, SERVICE_ACCOUNT};
use runtime::{DeleteOptions, Propagation};
use serde_json::Value;

use crate::cli::{Objects, create_or_merge, message, painter, print};
use script::{Action, Scene, Step, Until};

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
    /// Whether Prometheus and Alertmanager are installed.
    pub monitors: bool,
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
        let steps = script::steps(self.monitors);
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
            let picture = wait(&objects, step).await?;
            print(&format!("{picture}\n→ {}\n", step.why))?;
            if self.waits && number + 1 < steps.len() && !self.goes_on().await? {
                message(&format!(
                    "the platform stays up; the next step by hand:\n  {}",
                    next(&steps, number)
                ));
                return Ok(Outcome::Left);
            }
        }
        if !self.monitors {
            message(
                "\nthe chapter on monitoring was left out: Prometheus and Alertmanager aren't installed\nhint: scripts/setup monitoring",
            );
        }
        print("\nThat was the tour.\n")?;
        Ok(Outcome::Finished)
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

/// Waits until a step has come to its end, and returns what it comes to.
async fn wait(objects: &Objects, step: &Step) -> Result<String> {
    let reached = async {
        loop {
            let picture = match &step.scene {
                Scene::Rollout(name, until) => {
                    let info = objects.rollout_info(name).await?;
                    is_reached(until, &info)
                        .then(|| rollout_text(&info, objects.now(), painter(false)))
                }
                Scene::Monitoring(look) => monitoring::picture(objects, *look).await?,
            };
            if let Some(picture) = picture {
                return anyhow::Ok(picture);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(PATIENCE, reached).await {
        Ok(picture) => picture,
        Err(_) => bail!(
            "step `{}` didn't come to its end in {} s",
            step.title,
            PATIENCE.as_secs()
        ),
    }
}

/// Deletes the Rollouts of an earlier tour, and waits until they and their pods are gone.
async fn take_away(objects: &Objects, steps: &[Step]) -> Result<()> {
    let names: BTreeSet<&str> = steps.iter().filter_map(Step::rollout).collect();
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
    for manifest in script::MONITORING {
        for object in yaml::parse_documents(manifest)? {
            let key = objects.key(meta::name(&object));
            let resource = resource_of(&object)?;
            if objects.client.get(&resource, &key).await?.is_some() {
                let options = DeleteOptions::default();
                objects.client.delete(&resource, &key, &options).await?;
            }
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
        Action::SetImage(name, container, image) => {
            let rollout = objects.get(&ROLLOUT, name).await?;
            let changed = commands::set_image(&rollout, container, image)?;
            if changed != rollout {
                objects.client.update(&ROLLOUT, &changed, None).await?;
            }
            Ok(())
        }
        Action::Promote(name) => {
            let rollout = objects.get(&ROLLOUT, name).await?;
            let patches = commands::promote(&rollout, Promotion::default())?;
            objects.patch(name, &patches).await
        }
        Action::Abort(name) => objects.patch(name, &commands::abort()).await,
        Action::Wait => Ok(()),
    }
}

/// What `kubectl apply` would do, for the kinds that the examples use.
async fn apply(objects: &Objects, mut object: Value) -> Result<()> {
    let resource = resource_of(&object)?;
    meta::set_namespace(&mut object, NAMESPACE);
    create_or_merge(&objects.client, &resource, &object).await
}

fn resource_of(object: &Value) -> Result<ResourceRef> {
    Ok(match meta::kind(object) {
        "Rollout" => ROLLOUT,
        "Service" => SERVICE,
        "Deployment" => DEPLOYMENT,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "Role" => ROLE,
        "RoleBinding" => ROLE_BINDING,
        "Prometheus" => monitoring::PROMETHEUS,
        "Alertmanager" => monitoring::ALERTMANAGER,
        "AlertmanagerConfig" => monitoring::ALERTMANAGER_CONFIG,
        "ServiceMonitor" => monitoring::SERVICE_MONITOR,
        "PrometheusRule" => monitoring::PROMETHEUS_RULE,
        other => bail!("the tour has no use for a {other}"),
    })
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
