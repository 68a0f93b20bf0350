//! The controllers are killed after ten chosen writes of a release; what comes after them goes on from what is there.
//!
//! They hold a Lease as `carrick run` does, and nobody gives it back. Each of the ten has a namespace, and controllers,
//! of its own, and ends as a release without a failure does.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use futures::future::{join, join_all};
use serde_json::Value;

use super::{Play, blue_green, canary};
use crate::census::Census;
use crate::cluster::Cluster;
use crate::explore::difference;
use crate::faults::{Faults, Plan};
use crate::moments::{Moment, Write};
use crate::state;

pub(super) const fn moment(name: &'static str, nth: usize, is: fn(&Write) -> bool) -> Moment {
    Moment { name, nth, is }
}

fn makes_a_replica_set(write: &Write) -> bool {
    write.creates("replicasets")
}

fn scales(write: &Write) -> bool {
    write.changes("replicasets/") && write.says("/spec/replicas")
}

fn takes_all_pods(write: &Write) -> bool {
    write.changes("replicasets/") && write.body.pointer("/spec/replicas") == Some(&0.into())
}

fn notes_the_revision(write: &Write) -> bool {
    write.changes("rollouts/web")
        && write.says("/metadata/annotations/rollout.argoproj.io~1revision")
}

fn sets_stable(write: &Write) -> bool {
    write.changes("rollouts/web/status") && write.says("/status/stableRS")
}

fn pauses(write: &Write) -> bool {
    write.changes("rollouts/web/status")
        && write
            .body
            .pointer("/status/pauseConditions")
            .is_some_and(Value::is_array)
}

fn goes_a_step_on(write: &Write) -> bool {
    write.changes("rollouts/web/status") && write.says("/status/currentStepIndex")
}

fn switches_active(write: &Write) -> bool {
    write.changes("services/active")
}

fn switches_preview(write: &Write) -> bool {
    write.changes("services/preview")
}

fn sets_a_deadline(write: &Write) -> bool {
    write.changes("replicasets/") && write.body.to_string().contains("scale-down-deadline")
}

static CANARY: [Moment; 10] = [
    moment("the first ReplicaSet is made", 1, makes_a_replica_set),
    moment(
        "the Rollout notes the first revision",
        1,
        notes_the_revision,
    ),
    moment("the first revision is stable", 1, sets_stable),
    moment("the second ReplicaSet is made", 2, makes_a_replica_set),
    moment(
        "the Rollout notes the second revision",
        2,
        notes_the_revision,
    ),
    moment("a stable pod is given up", 1, scales),
    moment("the canary grows", 2, scales),
    moment("the pause begins", 1, pauses),
    moment("the step after the pause begins", 4, goes_a_step_on),
    moment("the second revision is stable", 2, sets_stable),
];

static BLUE_GREEN: [Moment; 10] = [
    moment("the first ReplicaSet is made", 1, makes_a_replica_set),
    moment("the active Service has pods", 1, switches_active),
    moment("the second ReplicaSet is made", 2, makes_a_replica_set),
    moment("the second pods are asked for", 1, scales),
    moment("the preview Service moves", 2, switches_preview),
    moment("the pause begins", 1, pauses),
    moment("the active Service moves", 2, switches_active),
    moment("the second revision is stable", 2, sets_stable),
    moment("the old pods get a deadline", 1, sets_a_deadline),
    moment("the old pods are given up", 1, takes_all_pods),
];

/// A canary of three pods: the way to its pause, the promotion, and the rest.
pub async fn after_ten_writes_of_a_canary(cluster: &Cluster) -> Result<()> {
    let story = Story {
        play: |cluster| Box::pin(canary::is_released(cluster)),
        pods: Some(&[("web:1", 3), ("web:2", 3)]),
    };
    story.survives(cluster, &CANARY).await
}

/// A blue-green of two pods: preview, pause, promotion, and the end of the old pods.
pub async fn after_ten_writes_of_a_blue_green(cluster: &Cluster) -> Result<()> {
    let story = Story {
        play: |cluster| Box::pin(blue_green::is_released(cluster)),
        pods: Some(&[("web:1", 2), ("web:2", 2)]),
    };
    story.survives(cluster, &BLUE_GREEN).await
}

/// Something from its beginning to its end.
pub(super) struct Story {
    pub(super) play: for<'a> fn(&'a Cluster) -> Play<'a>,
    /// How many pods of each image ReplicaSets make, if none is replaced.
    pub(super) pods: Option<&'static [(&'static str, usize)]>,
}

impl Story {
    pub(super) async fn survives(
        &self,
        cluster: &Cluster,
        moments: &'static [Moment],
    ) -> Result<()> {
        let whole = self.end(cluster, "whole".to_owned(), Faults::new(Plan::default()));
        let killed = moments
            .iter()
            .enumerate()
            .map(|(index, moment)| async move {
                let faults = Faults::crash_after(moment);
                let outcome = self.end(cluster, format!("{index}"), faults.clone()).await;
                let state = outcome.with_context(|| format!("killed after {moment:?}"))?;
                let lives = faults.lives();
                ensure!(lives == 2, "{lives} lives: {moment:?} never came, or often");
                Ok((moment, state))
            });
        let (whole, killed) = join(whole, join_all(killed)).await;
        let whole = whole.context("without a failure")?;
        for outcome in killed {
            let (moment, state) = outcome?;
            ensure!(
                state == whole,
                "killed after {moment:?} it ends otherwise:\n{}",
                difference(&whole, &state)
            );
        }
        Ok(())
    }

    /// Plays the story in a namespace of its own, and returns what is left.
    async fn end(&self, cluster: &Cluster, suffix: String, faults: Arc<Faults>) -> Result<Value> {
        let mut own = cluster.beside(&suffix).await?;
        let census = Census::begin(&own);
        own.start_elected(faults.clone());
        let outcome = self.watched(&own, &census, &faults).await;
        own.leave().await?;
        outcome
    }

    async fn watched(&self, own: &Cluster, census: &Census, faults: &Faults) -> Result<Value> {
        (self.play)(own).await?;
        // After a late death the end may be there before the next life has the Lease.
        own.eventually("a leader", async || Ok(faults.has_written().then_some(())))
            .await?;
        own.settle().await?;
        if let Some(pods) = self.pods {
            census.assert(pods)?;
        }
        let ended = own
            .controllers
            .as_ref()
            .map(|controllers| controllers.ended());
        ensure!(
            ended.as_ref().is_some_and(Vec::is_empty),
            "controllers ended by themselves: {ended:?}"
        );
        state::normalised(own).await
    }
}
