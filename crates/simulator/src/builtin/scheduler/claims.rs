//! What a pod's claims mean for where it can go.
//!
//! Mirrors `pkg/scheduler/framework/plugins/volumebinding`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::place::{self, Fit};
use super::residents::Residents;
use crate::apiserver::resource::known;
use crate::builtin::object::{self, annotation, text};
use crate::builtin::volume::facts::{self, SELECTED_NODE, VOLUMES};
use crate::builtin::write::Work;
use crate::session::Session;
use crate::status_error::ApiError;

/// The volumes and claims of a pod that none of its claims keeps from being placed.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// Volumes it uses.
    volumes: Vec<Arc<Value>>,
    /// Claims that wait for the pod's node.
    pub(crate) unbound: Vec<Arc<Value>>,
    /// The node these were told before.
    selected: Option<String>,
    /// Whether one of them can have no volume anywhere.
    hopeless: bool,
}

/// What the pod's claims ask for; the error is the reason why it can go nowhere yet.
pub(crate) fn needs(session: &Session<'_>, pod: &Value) -> Result<Needs, String> {
    let mut needs = Needs::default();
    let mut is_unbound = false;
    for (name, is_own) in facts::claims_of(pod) {
        let Some(claim) = session.get(
            &known::PERSISTENT_VOLUME_CLAIMS,
            object::namespace(pod),
            &name,
        ) else {
            return Err(if is_own {
                format!(
                    "waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}"
                )
            } else {
                format!("persistentvolumeclaim {name:?} not found")
            });
        };
        if is_own {
            facts::is_for_pod(pod, &claim)?;
        }
        if text(&claim, "/status/phase") == "Lost" {
            let volume = text(&claim, "/spec/volumeName");
            return Err(format!(
                "persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"
            ));
        }
        if object::is_terminating(&claim) {
            return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        if needs.selected.is_none() {
            needs.selected = annotation(&claim, SELECTED_NODE).map(str::to_owned);
        }
        let class = facts::class_of(session, &claim);
        if facts::is_bound(&claim) {
            let volume = session.get(&VOLUMES, "", text(&claim, "/spec/volumeName"));
            needs.volumes.extend(volume);
        } else if facts::waits_for_consumer(class.as_deref()) {
            let is_made =
                class.is_some_and(|c| text(&c, "/provisioner") != "kubernetes.io/no-provisioner");
            let volumes = session.list(&VOLUMES, None);
            needs.hopeless |= !is_made && facts::best(&claim, &volumes, false).is_none();
            needs.unbound.push(claim);
        } else {
            is_unbound = true;
        }
    }
    if is_unbound {
        return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
    }
    Ok(needs)
}

impl Needs {
    /// The node for the pod: the one its claims were told before, if it still takes the pod.
    pub(crate) fn place(&self, pod: &Value, session: &Session<'_>, residents: &Residents) -> Fit {
        let unfit = |node: &Value| self.unfit(node);
        let node = |name: &str| session.get(&known::NODES, "", name);
        let selected = self.selected.as_deref().and_then(node);
        if let fit @ Fit::Node(_) = place::place(pod, selected.into_iter(), residents, &unfit) {
            return fit;
        }
        place::place(pod, residents.nodes().filter_map(node), residents, &unfit)
    }

    fn unfit(&self, node: &Value) -> Option<&'static str> {
        let labels = object::labels(node);
        let is_reachable = self.volumes.iter().all(|v| {
            object::at(v, "/spec/nodeAffinity/required")
                .is_none_or(|required| place::selector_matches(required, node, &labels))
        });
        if !is_reachable {
            return Some("node(s) didn't match PersistentVolume's node affinity");
        }
        self.hopeless
            .then_some("node(s) didn't find available persistent volumes to bind")
    }
}

/// Tells claims the node of the pod that waits for them.
pub(crate) fn select(
    work: &mut Work<'_, '_>,
    claims: &[Arc<Value>],
    node: &str,
) -> Result<(), ApiError> {
    for claim in claims {
        if annotation(claim, SELECTED_NODE) == Some(node) {
            continue;
        }
        let body =
            json!({"metadata": {"uid": object::uid(claim), "annotations": {SELECTED_NODE: node}}});
        work.session.patch_merge(
            &known::PERSISTENT_VOLUME_CLAIMS,
            object::namespace(claim),
            object::name(claim),
            "",
            &body,
        )?;
    }
    Ok(())
}
