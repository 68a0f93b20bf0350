//! What is watched: kinds, each in the versions it is served in.
use serde_json::{Value, json};

use crate::fidelity::area::Chance;
use crate::fidelity::requests::{KINDS, Kind};

/// Kinds of other areas that are watched: plain ones, one with many fields to select by, ones with status and with
/// generations, a custom one, cluster-scoped ones.
const WATCHED: [&str; 8] = [
    "configmaps",
    "secrets",
    "pods",
    "deployments",
    "leases",
    "widgets",
    "clusterroles",
    "gauges",
];

/// A kind of our own with three versions, of which the second is the stored one.
const GADGETS: &[Kind] = &[
    gadget("/apis/fidelity.example/v1alpha1"),
    gadget("/apis/fidelity.example/v1"),
    gadget("/apis/fidelity.example/v2"),
];

const fn gadget(root: &'static str) -> Kind {
    Kind {
        root,
        plural: "gadgets",
        kind: "Gadget",
        namespaced: true,
        status: true,
        scale: false,
        body: r#"{"spec":{"size":3,"colour":"red"}}"#,
        fields: &[],
        selectors: &["spec.colour=red", "spec.colour!=red"],
    }
}

/// The definition of `gadgets`.
pub fn definition() -> Value {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer"},
            "colour": {"type": "string", "default": "green"},
        }},
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    }});
    let version = |name: &str, columns: Value| {
        json!({
            "name": name, "served": true, "storage": name == "v1",
            "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}},
            "selectableFields": [{"jsonPath": ".spec.colour"}],
            "additionalPrinterColumns": columns,
        })
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.fidelity.example"},
        "spec": {
            "group": "fidelity.example",
            "scope": "Namespaced",
            "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget", "listKind": "GadgetList"},
            "versions": [
                version("v1alpha1", json!([])),
                version("v1", json!([{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}])),
                version("v2", json!([{"name": "Colour", "type": "string", "jsonPath": ".spec.colour"}])),
            ],
        },
    })
}

/// One kind in its versions.
pub struct Subject(Vec<&'static Kind>);

impl Subject {
    /// One that chance picks.
    pub fn pick(chance: &mut Chance) -> Self {
        // As many of the kind with versions as of two others.
        let number = chance.below(WATCHED.len() + 2);
        Self(match WATCHED.get(number) {
            Some(plural) => KINDS.iter().filter(|kind| kind.plural == *plural).collect(),
            None => GADGETS.iter().collect(),
        })
    }

    /// The kind in a version that chance picks.
    pub fn version(&self, chance: &mut Chance) -> &'static Kind {
        chance.pick(&self.0)
    }

    /// The kind in its first version.
    pub fn first(&self, chance: &mut Chance) -> &'static Kind {
        self.0
            .first()
            .copied()
            .unwrap_or_else(|| self.version(chance))
    }
}
