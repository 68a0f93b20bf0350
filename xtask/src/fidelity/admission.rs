//! Area `admission`: writes that webhooks and policies judge, and objects that webhooks convert.
//!
//! A sequence configures what asks about its own namespace, waits until a probe made after it is in force, and then writes.
//! Webhooks answer as it tells them to before each write; what they were asked is compared as well.
mod conversions;
mod judged;
mod policies;
mod sayings;
mod webhooks;

use anyhow::Result;
use serde_json::{Value, json};

use super::area::{Area, Chance};
use super::sequence::{Sequence, Step};
use super::webhook::{SCHEME, Saying};

/// How many sequences there are.
const SEQUENCES: u64 = 300;

const REGISTRATION: &str = "/apis/admissionregistration.k8s.io/v1";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// What judges writes.
pub struct Admission;

impl Area for Admission {
    fn name(&self) -> &'static str {
        "admission"
    }

    fn at_once(&self) -> usize {
        12
    }

    fn definitions(&self) -> Vec<Value> {
        vec![toys()]
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let sequence = |number| {
            let chance = &mut Chance::of(seed, number);
            let (title, steps) = match number % 6 {
                0 | 2 => ("webhooks", webhooks::steps(chance)),
                1 | 3 => ("policies", policies::steps(chance)),
                4 => ("a webhook that converts", conversions::steps(chance)),
                _ => ("webhooks and policies", webhooks::with_policies(chance)),
            };
            Sequence {
                title: title.to_owned(),
                steps,
            }
        };
        Ok((0..SEQUENCES).map(sequence).collect())
    }
}

/// A custom resource in two versions that look alike: something to be judged, and parameters to judge with.
fn toys() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer"}, "colour": {"type": "string", "default": "green"}, "replicas": {"type": "integer"}}},
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}, "seen": {"type": "string"}}},
    }});
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}, "scale": {
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}})
    };
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "toys.judged.example.com"},
        "spec": {"group": "judged.example.com", "scope": "Namespaced", "names": {"plural": "toys", "kind": "Toy"},
            "versions": [version("v1", true), version("v2", false)]}})
}

/// Creates a cluster-scoped object of the group of admission.
fn register(plural: &str, kind: &str, name: &str, mut body: Value) -> Step {
    body["apiVersion"] = json!("admissionregistration.k8s.io/v1");
    body["kind"] = json!(kind);
    body["metadata"] = json!({ "name": name });
    Step::new("POST", format!("{REGISTRATION}/{plural}")).json(&body)
}

/// Takes such an object away.
fn unregister(plural: &str, name: &str) -> Step {
    Step::new("DELETE", format!("{REGISTRATION}/{plural}/{name}")).prepare()
}

/// Only what is in the sequence's namespace.
fn here() -> Value {
    json!({"matchLabels": {"kubernetes.io/metadata.name": "${ns}"}})
}

/// From now on the webhook of that name says so.
fn say(name: &str, saying: &Saying) -> Step {
    let mut step = Step::new("PUT", format!("{SCHEME}${{ns}}/{name}")).prepare();
    step.body = serde_json::to_string(saying).unwrap_or_default();
    step
}

/// Waits until the write that a probe refuses is refused with its code.
fn until_refused(code: u16) -> Step {
    let marker = json!({"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "marker"},
        "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}});
    let target = "/api/v1/namespaces/${ns}/podtemplates?dryRun=All";
    Step::new("POST", target).json(&marker).until("/code", code)
}

/// A rule about what a probe refuses, which no other rule is about.
fn marker() -> Value {
    json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["podtemplates"]})
}

#[test]
fn a_seed_gives_the_same_sequences_and_another_one_others() {
    let sequences = Admission.sequences(7).expect("sequences");
    assert_eq!(sequences, Admission.sequences(7).expect("sequences"));
    let others = Admission.sequences(8).expect("sequences");
    let same = sequences.iter().filter(|one| others.contains(one)).count();
    assert_eq!(same, 0);
}
