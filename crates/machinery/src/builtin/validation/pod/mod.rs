//! Validation of pods and pod templates (`ValidatePodSpec` and friends of `pkg/apis/core/validation`).

mod affinity;
mod annotations;
mod containers;
mod env;
mod mounts;
mod parts;
mod probes;
mod remote;
mod resources;
mod scheduling;
mod security;
mod spec;
mod update;
mod volumes;
mod windows;

pub(super) use affinity::node_selector;
pub use parts::{ephemeral_containers, resize};
pub use resources::resource_name;
pub(super) use resources::{container_resource_name, overcommit_allowed, quantity_value};
pub(super) use scheduling::{taint_effect, tolerations};
pub use security::app_armor;
pub(super) use spec::{port_number_or_name, qualified_name};
pub use update::{status_update, update};
pub(super) use volumes::{host_path, no_backsteps};

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::error::Allowance;
use super::meta;
use super::names::NameRule;
use super::read::{At, Errors};

/// What the parts of a pod spec need to know of each other.
struct Context<'a> {
    /// The spec itself.
    spec: At<'a>,
    /// The valid volumes by name.
    volumes: BTreeMap<&'a str, At<'a>>,
    /// Names in `resourceClaims`.
    claims: BTreeSet<&'a str>,
    /// The same as errors show them, made once.
    shown_claims: OnceCell<String>,
    /// How many errors may show them.
    allowance: Allowance,
    /// `terminationGracePeriodSeconds`.
    grace: Option<i64>,
    /// Whether the pod shares the user namespace of its node.
    host_users: bool,
}

/// A new pod.
pub fn create(pod: &At<'_>, errors: &mut Errors) {
    metadata_and_spec(pod, errors);
    let spec = pod.child("spec");
    let ephemeral = spec.child("ephemeralContainers");
    if !ephemeral.is_empty() {
        errors.push(ephemeral.forbidden("cannot be set on create"));
    }
    let node = spec.child("nodeName");
    if !node.is_empty() && !spec.child("schedulingGates").is_empty() {
        errors.push(node.forbidden("cannot be set until all schedulingGates have been cleared"));
    }
    annotations::match_fields(&pod.child("metadata"), &spec, errors);
}

/// A pod template inside a workload, at its path.
pub fn template(template: &At<'_>, errors: &mut Errors) {
    let metadata = template.child("metadata");
    let (labels, own) = (metadata.child("labels"), metadata.child("annotations"));
    meta::labels(&labels.moved(template.path_of("labels")), errors);
    let own = own.moved(template.path_of("annotations"));
    meta::annotations(&own, errors);
    let spec = template.child("spec");
    annotations::specific(&own, &spec, errors);
    spec::spec(&spec, None, errors);
    annotations::match_fields(&metadata, &spec, errors);
    let ephemeral = spec.child("ephemeralContainers");
    if !ephemeral.is_empty() {
        errors.push(ephemeral.forbidden("ephemeral containers not allowed in pod template"));
    }
}

fn metadata_and_spec(pod: &At<'_>, errors: &mut Errors) {
    meta::builtin_create(pod, NameRule::Subdomain, true, errors);
    let (metadata, spec) = (pod.child("metadata"), pod.child("spec"));
    annotations::specific(&metadata.child("annotations"), &spec, errors);
    spec::spec(&spec, Some(&metadata), errors);
    if spec.child("serviceAccountName").is_empty() {
        for volume in spec.child("volumes").items() {
            for source in volume.child("projected").child("sources").items() {
                if let Some(token) = source.child("serviceAccountToken").set() {
                    errors.push(
                        token.forbidden("must not be specified when serviceAccountName is not set"),
                    );
                }
            }
        }
    }
    for list in ["containers", "initContainers"] {
        for container in spec.child(list).items() {
            containers::image_whitespace(&container, errors);
        }
    }
}

/// All containers of a pod with their paths, init containers first as Go visits them.
fn all_containers<'a>(spec: &At<'a>) -> Vec<At<'a>> {
    ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .flat_map(|list| spec.child(list).items())
        .collect()
}

/// What the items have under a key.
fn texts_of<'a>(items: &[At<'a>], key: &str) -> BTreeSet<&'a str> {
    items.iter().map(|item| item.child(key).text()).collect()
}

/// The items by name, of several with one name the first.
fn first_by_name<'i, 'a>(items: &'i [At<'a>]) -> BTreeMap<&'a str, &'i At<'a>> {
    let named = items.iter().rev();
    named
        .map(|item| (item.child("name").text(), item))
        .collect()
}
