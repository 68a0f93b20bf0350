//! Verbs and questions about Rollouts: what `kubectl argo rollouts` would do and show.

use anyhow::{Context as _, Result, bail, ensure};
use rollouts::api::labels;
use rollouts::commands::{self, Patches, Promotion, Undo};
use rollouts::info::{Painter, RolloutInfo, Surroundings, rollout_text};
use runtime::Patch;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::objects::{DEPLOYMENT, POD, REPLICA_SET, ROLLOUT, SERVICE, number, text};

/// One ReplicaSet of a Rollout, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its revision.
    pub revision: i64,
    /// Pods asked for.
    pub replicas: i64,
    /// Image of the first container.
    pub image: String,
}

impl Revision {
    /// A revision with an image and a number of pods.
    pub fn new(revision: i64, image: &str, replicas: i64) -> Self {
        Self {
            revision,
            replicas,
            image: image.to_owned(),
        }
    }
}

/// Whether the controller has seen the spec as it is.
pub fn is_observed(rollout: &Value) -> bool {
    text(rollout, "/status/observedGeneration") == machinery::meta::generation(rollout).to_string()
}

/// Phase and message: `Paused CanaryPauseStep`.
pub fn phase(rollout: &Value) -> String {
    format!(
        "{} {}",
        text(rollout, "/status/phase"),
        text(rollout, "/status/message")
    )
    .trim_end()
    .to_owned()
}

impl Cluster {
    /// A Rollout.
    pub async fn rollout(&self, name: &str) -> Result<Value> {
        self.get(&ROLLOUT, name).await
    }

    /// Waits until a Rollout is in a phase with a message (`Healthy`, `Paused CanaryPauseStep`), with its spec observed.
    pub async fn until_phase(&self, name: &str, wanted: &str) -> Result<Value> {
        let what = format!("{name} {wanted}");
        self.until(&what, &ROLLOUT, name, |rollout| {
            is_observed(rollout) && phase(rollout) == wanted
        })
        .await
    }

    /// Waits until a Rollout rests at a step in a phase.
    pub async fn until_step(&self, name: &str, wanted: &str, step: i64) -> Result<Value> {
        let what = format!("{name} {wanted} at step {step}");
        let condition = |rollout: &Value| {
            is_observed(rollout)
                && phase(rollout) == wanted
                && number(rollout, "/status/currentStepIndex") == step
        };
        self.until(&what, &ROLLOUT, name, condition).await
    }

    /// Sends the patches of a command.
    pub async fn command(&self, name: &str, patches: Patches) -> Result<()> {
        if let Some(status) = patches.status {
            self.patch(&ROLLOUT, name, Some("status"), Patch::Merge(status))
                .await?;
        }
        if let Some(spec) = patches.spec {
            self.merge(&ROLLOUT, name, spec).await?;
        }
        Ok(())
    }

    /// `promote`, or `promote --full`.
    pub async fn promote(&self, name: &str, full: bool) -> Result<()> {
        let how = Promotion {
            full,
            ..Promotion::default()
        };
        let patches = commands::promote(&self.rollout(name).await?, how)?;
        self.command(name, patches).await
    }

    /// `abort`.
    pub async fn abort(&self, name: &str) -> Result<()> {
        self.command(name, commands::abort()).await
    }

    /// `retry rollout`.
    pub async fn retry(&self, name: &str) -> Result<()> {
        self.command(name, commands::retry()).await
    }

    /// `undo --to-revision`.
    pub async fn undo(&self, name: &str, revision: i64) -> Result<()> {
        let sets = self.list(&REPLICA_SET).await?;
        match commands::undo(&self.rollout(name).await?, &sets, revision)? {
            Undo::Patch(patch) => self
                .patch(&ROLLOUT, name, None, Patch::Json(patch))
                .await
                .map(drop),
            Undo::Skipped => bail!("revision {revision} is the present one"),
        }
    }

    /// What `get rollout` draws, without colours.
    async fn picture(&self, name: &str) -> Result<String> {
        let rollout = self.rollout(name).await?;
        let workload = match text(&rollout, "/spec/workloadRef/name") {
            "" => None,
            workload => self.find(&DEPLOYMENT, workload).await?,
        };
        let around = Surroundings {
            replica_sets: self.list(&REPLICA_SET).await?,
            pods: self.list(&POD).await?,
            workload,
            ..Surroundings::default()
        };
        let info = RolloutInfo::new(&rollout, &around)?;
        Ok(rollout_text(&info, self.now(), Painter::PLAIN))
    }

    /// Waits until `get rollout` shows each of these: words of one line, `*` for whatever lies between them.
    pub async fn until_shown(&self, name: &str, lines: &[&str]) -> Result<()> {
        let mut seen = String::new();
        let shown = self
            .eventually("the picture", async || {
                seen = self.picture(name).await?;
                Ok(lines.iter().all(|line| shows(&seen, line)).then_some(()))
            })
            .await;
        shown.with_context(|| {
            let missing = lines.iter().filter(|line| !shows(&seen, line));
            format!("not shown: {:?}\n{seen}", missing.collect::<Vec<_>>())
        })
    }

    /// The ReplicaSets of a Rollout as objects, by revision.
    pub async fn replica_sets(&self, name: &str) -> Result<Vec<Value>> {
        let mut sets = self.list(&REPLICA_SET).await?;
        sets.retain(|set| {
            machinery::meta::controller_of(set)
                .is_some_and(|owner| owner.kind == "Rollout" && owner.name == name)
        });
        sets.sort_by_key(revision);
        Ok(sets)
    }

    /// The ReplicaSets of a Rollout in short, by revision.
    pub async fn revisions(&self, name: &str) -> Result<Vec<Revision>> {
        let short = |set: &Value| Revision {
            revision: revision(set),
            replicas: number(set, "/spec/replicas"),
            image: text(set, "/spec/template/spec/containers/0/image").to_owned(),
        };
        Ok(self.replica_sets(name).await?.iter().map(short).collect())
    }

    /// Waits until the ReplicaSets of a Rollout are these, with as many available pods as they ask for.
    pub async fn until_revisions(&self, name: &str, wanted: &[Revision]) -> Result<()> {
        let what = format!("{name} with {wanted:?}");
        self.eventually(&what, async || {
            let sets = self.replica_sets(name).await?;
            let rests = |set: &Value| {
                let replicas = number(set, "/spec/replicas");
                ["replicas", "availableReplicas"]
                    .iter()
                    .all(|count| number(set, &format!("/status/{count}")) == replicas)
            };
            Ok((self.revisions(name).await? == wanted && sets.iter().all(rests)).then_some(()))
        })
        .await
    }

    /// The pod template hash of a revision.
    pub async fn hash_of(&self, name: &str, wanted: i64) -> Result<String> {
        let sets = self.replica_sets(name).await?;
        let set = sets
            .iter()
            .find(|set| revision(set) == wanted)
            .with_context(|| format!("no revision {wanted}"))?;
        Ok(machinery::meta::label(set, labels::POD_TEMPLATE_HASH)
            .unwrap_or_default()
            .to_owned())
    }

    /// The pod template hash that a Service selects.
    pub async fn selected_by(&self, service: &str) -> Result<String> {
        let service = self.get(&SERVICE, service).await?;
        Ok(text(
            &service,
            &format!("/spec/selector/{}", labels::POD_TEMPLATE_HASH),
        )
        .to_owned())
    }

    /// Fails unless a Service selects the pods of a revision.
    pub async fn assert_selects(&self, service: &str, name: &str, revision: i64) -> Result<()> {
        let (found, wanted) = (
            self.selected_by(service).await?,
            self.hash_of(name, revision).await?,
        );
        ensure!(
            found == wanted,
            "Service {service} selects {found}, not {wanted} of revision {revision}"
        );
        Ok(())
    }

    /// Names of the pods with an image.
    pub async fn pods_of(&self, image: &str) -> Result<Vec<String>> {
        let pods = self.list(&POD).await?;
        let with_image = pods
            .iter()
            .filter(|pod| text(pod, "/spec/containers/0/image") == image);
        Ok(with_image
            .map(|pod| machinery::meta::name(pod).to_owned())
            .collect())
    }
}

/// Whether a line of a picture has these words in this order.
fn shows(picture: &str, words: &str) -> bool {
    picture.lines().any(|line| {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut rest = line.as_str();
        words.split('*').map(str::trim).all(|part| {
            let found = rest.find(part);
            rest = found.map_or("", |at| &rest[at + part.len()..]);
            found.is_some()
        })
    })
}

/// The revision of a ReplicaSet; 0 without one.
pub fn revision(set: &Value) -> i64 {
    machinery::meta::annotation(set, labels::REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
