//! Pods that have ended and that nobody took away: beyond a number of them the oldest go.
//!
//! Mirrors `gcTerminated` of `pkg/controller/podgc/gc_controller.go`; what it does for pods of nodes that are gone
//! is in [`super::node_lifecycle`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::control::{Control, Key};
use super::object::{self, text};
use super::pod;
use super::write::{Target, Work, Write};
use crate::apiserver::resource::known;
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

/// How many may stay (`--terminated-pod-gc-threshold`).
const THRESHOLD: usize = 12_500;
/// Milliseconds between two looks upstream (`gcCheckPeriod`); as long as that there may be more.
const PERIOD: i64 = 20_000;

/// Where a pod stands among those that ended: evicted ones first, then by age, then by name.
type Place = (bool, String, String, String);

/// Keeps the number of pods that ended within bounds.
#[derive(Debug)]
pub(crate) struct PodGarbage {
    threshold: usize,
    ended: BTreeSet<Place>,
}

impl Default for PodGarbage {
    fn default() -> Self {
        Self::beyond(THRESHOLD)
    }
}

impl PodGarbage {
    /// A collector that lets so many stay.
    pub(crate) fn beyond(threshold: usize) -> Self {
        Self {
            threshold,
            ended: BTreeSet::new(),
        }
    }

    fn excess(&self) -> usize {
        self.ended.len().saturating_sub(self.threshold)
    }
}

impl Control for PodGarbage {
    const NAME: &'static str = "pod-garbage-collector";

    fn begin(&mut self, session: &Session<'_>) {
        let pods = session.list(&known::PODS, None);
        self.ended.extend(pods.iter().filter_map(|pod| place(pod)));
    }

    fn observe(&mut self, change: &Change) {
        if change.resource != known::PODS {
            return;
        }
        if let Some(before) = change.before.as_deref().and_then(place) {
            self.ended.remove(&before);
        }
        self.ended.extend(change.after.as_deref().and_then(place));
    }

    fn all(&self, _: &Session<'_>) -> Vec<Key> {
        vec![Key::default()]
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        let more = change.resource == known::PODS && self.excess() > 0;
        more.then(Key::default).into_iter().collect()
    }

    fn delay(&self, _: &Change, _: &Key) -> i64 {
        PERIOD
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, _: &Key) -> Result<Option<Timestamp>, ApiError> {
        let oldest = self.ended.iter().take(self.excess());
        let deletions = oldest.map(|(_, _, namespace, name)| {
            let target = Target {
                resource: known::PODS,
                namespace: namespace.clone(),
                name: name.clone(),
            };
            let options = DeleteOptions {
                grace_period_seconds: Some(0),
                ..DeleteOptions::default()
            };
            Write::Delete(target, options)
        });
        work.perform(deletions.collect())?;
        Ok(None)
    }
}

fn place(pod: &Value) -> Option<Place> {
    pod::is_finished(pod).then(|| {
        (
            text(pod, "/status/reason") != "Evicted",
            text(pod, "/metadata/creationTimestamp").to_owned(),
            object::namespace(pod).to_owned(),
            object::name(pod).to_owned(),
        )
    })
}
