//! Objects that a workload selects and can't use: each refusal is one Event, not one a pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use runtime::{Effect, ObjectKey, ObjectReference};

use crate::remedies::with_remedy;
use crate::workload::SECRET_HOLDS;

/// An object that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// Which.
    pub reference: ObjectReference,
    /// Why.
    pub why: String,
}

impl Refused {
    /// The Event that tells of it, and which workload can't use it.
    pub fn event(&self, workload: &ObjectReference) -> Effect {
        let ObjectReference {
            kind,
            namespace,
            name,
            ..
        } = &self.reference;
        let subject = match kind.as_str() {
            "PrometheusRule" | "AlertmanagerConfig" => format!("{kind} {namespace}/{name}"),
            _ => format!("{:?}", format!("{namespace}/{name}")),
        };
        let why = &self.why;
        Effect::warning(
            self.reference.clone(),
            "InvalidConfiguration",
            format!("{subject} was rejected due to invalid configuration: {why}"),
        )
        .related_to(workload.clone())
    }
}

/// Why a configuration isn't published, and what pods go on with.
pub fn kept(why: &str) -> String {
    let why = with_remedy(why.to_owned());
    format!("{why}; the last good configuration, if any, stays")
}

/// An error if a Secret, of that namespace and name, can't hold so many bytes; the API server would refuse it.
pub fn fits((namespace, name): (&str, &str), bytes: usize, remedy: &str) -> Result<(), String> {
    if bytes <= SECRET_HOLDS {
        return Ok(());
    }
    Err(format!(
        "the compressed configuration takes {bytes} bytes in Secret {namespace}/{name}, which holds {SECRET_HOLDS}: {remedy}"
    ))
}

/// What was being done with what an Event is about; upstream's words.
pub fn action(regarding: &ObjectReference) -> &'static str {
    match regarding.kind.as_str() {
        "PrometheusRule" => "SelectingPrometheusRuleResources",
        "AlertmanagerConfig" => "SelectingAlertmanagerConfigResources",
        "Prometheus" | "PrometheusAgent" | "Alertmanager" | "ThanosRuler" => "Reconciling",
        _ => "SelectingConfigurationResources",
    }
}

/// What each workload has been told of.
#[derive(Clone, Default)]
pub struct Told {
    by_workload: Arc<Mutex<BTreeMap<ObjectKey, BTreeSet<Refused>>>>,
}

impl Told {
    /// What was told for a workload.
    pub fn of(&self, workload: &ObjectKey) -> BTreeSet<Refused> {
        let all = self.by_workload.lock();
        let all = all.unwrap_or_else(PoisonError::into_inner);
        all.get(workload).cloned().unwrap_or_default()
    }

    /// What holds now; what isn't refused any more may be told again.
    pub fn remember(&self, workload: &ObjectKey, refused: BTreeSet<Refused>) {
        let all = self.by_workload.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        if refused.is_empty() {
            all.remove(workload);
        } else {
            all.insert(workload.clone(), refused);
        }
    }
}
