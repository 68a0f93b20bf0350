//! What of the API can be used: which kinds are served, and what may be done with them. Looked up once, at the start; what
//! is missing switches a part off, and not the program (upstream's `checkPrerequisites`).

use std::collections::BTreeSet;
use std::time::Duration;

use runtime::access::{Right, Verb};
use runtime::{Client, Error, ResourceRef};
use serde_json::{Value, json};

use super::resources::{ALERTMANAGER, PROMETHEUS, PROMETHEUS_AGENT, THANOS_RULER};
use super::selecting::Configuration;
use crate::access;
use crate::api::GROUP;
use crate::run::Gates;

/// The review that tells what its author may do.
const ACCESS_REVIEW: ResourceRef = ResourceRef::cluster(
    "authorization.k8s.io",
    "v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
);

/// How often is looked for what couldn't be used.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// The kinds that are worked on.
static WORKLOADS: [ResourceRef; 4] = [PROMETHEUS, PROMETHEUS_AGENT, ALERTMANAGER, THANOS_RULER];

/// What can be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usable {
    /// Served resources of the group, with their subresources: `prometheuses/status`.
    served: BTreeSet<String>,
    /// Rights that are missing.
    missing: BTreeSet<Right>,
}

impl Usable {
    /// Asks the server which kinds it serves, and for each of the rights that these gates need, in a namespace or
    /// everywhere.
    pub async fn look_up(client: &Client, namespace: &str, gates: Gates) -> Result<Self, Error> {
        let rights = access::rights();
        let mut usable = Self::default();
        for version in ["v1", "v1alpha1"] {
            match client.read(&format!("/apis/{GROUP}/{version}")).await {
                Ok(bytes) => usable.served.extend(names(&bytes)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        let asked = rights.iter().filter(|right| is_asked(right, gates));
        for right in asked {
            if !is_granted(client, right, namespace).await? {
                usable.missing.insert(right.clone());
            }
        }
        Ok(usable)
    }

    /// Waits until other things can be used; for ever, if everything can.
    pub async fn changed(&self, client: &Client, namespace: &str, gates: Gates) {
        if self.is_whole() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            // Whoever can't answer now will be asked again.
            if let Ok(found) = Self::look_up(client, namespace, gates).await
                && found != *self
            {
                return;
            }
        }
    }

    fn is_whole(&self) -> bool {
        let all = Configuration::ALL.map(Configuration::resource);
        let mut all = all.iter().chain(&WORKLOADS);
        self.missing.is_empty()
            && all.all(|resource| {
                let status = format!("{}/status", resource.plural);
                self.served.contains(&*resource.plural) && self.served.contains(&status)
            })
    }

    /// Whether all that can be selected can be made to say who uses it, and workloads can be kept until it no longer does.
    pub fn can_bind(&self) -> bool {
        let is_used = |plural: &str| self.obstacle(plural, &["list", "watch"]).is_none();
        let selected = Configuration::ALL.map(|kind| kind.resource().plural);
        let selected = selected.iter().filter(|plural| is_used(plural));
        let selected =
            selected.filter_map(|plural| self.obstacle(&format!("{plural}/status"), &["patch"]));
        let workloads = WORKLOADS.iter().map(|workload| &workload.plural);
        let workloads = workloads.filter(|plural| is_used(plural));
        let workloads = workloads.filter_map(|plural| self.obstacle(plural, &["patch"]));
        let obstacle = selected.chain(workloads).next();
        if let Some(why) = &obstacle {
            tracing::warn!(why, "selected objects don't say who uses them");
        }
        obstacle.is_none()
    }

    /// Why a resource of the group, or a subresource of one, can't be used so; `None` if it can.
    pub fn obstacle(&self, resource: &str, verbs: &[&str]) -> Option<String> {
        if !self.served.contains(resource) {
            return Some(format!("{resource}.{GROUP} isn't served"));
        }
        self.lacks(resource, GROUP, verbs)
    }

    /// The first of these rights that is missing, in words.
    pub fn lacks(&self, resource: &str, group: &str, verbs: &[&str]) -> Option<String> {
        let lacks = |verb: &&&str| {
            let mut all = self.missing.iter();
            all.any(|right| {
                right.resource == resource && right.group == group && right.verb.name() == **verb
            })
        };
        let verb = verbs.iter().find(lacks)?;
        let group = if group.is_empty() {
            String::new()
        } else {
            format!(".{group}")
        };
        Some(format!("no right to {verb} {resource}{group}"))
    }
}

/// Rights that only serve manifests, and those without which nothing goes, aren't asked for.
fn is_asked(right: &Right, gates: Gates) -> bool {
    (right.group == GROUP && !right.resource.ends_with("/finalizers"))
        || right.resource == "namespaces"
        || (right.resource == "daemonsets" && gates.daemon_sets)
        || (right.resource == "pods" && right.verb == Verb::Patch)
}

fn names(list: &[u8]) -> Vec<String> {
    let list: Value = serde_json::from_slice(list).unwrap_or_default();
    let resources = list.get("resources").and_then(Value::as_array);
    let name = |one: &Value| Some(one.get("name")?.as_str()?.to_owned());
    resources.into_iter().flatten().filter_map(name).collect()
}

async fn is_granted(client: &Client, right: &Right, namespace: &str) -> Result<bool, Error> {
    let (resource, subresource) = right
        .resource
        .split_once('/')
        .unwrap_or((&right.resource, ""));
    let namespace = if resource == "namespaces" {
        ""
    } else {
        namespace
    };
    let review = json!({
        "apiVersion": ACCESS_REVIEW.api_version(),
        "kind": ACCESS_REVIEW.kind,
        "spec": {"resourceAttributes": {
            "group": right.group, "resource": resource, "subresource": subresource,
            "verb": right.verb.name(), "namespace": namespace,
        }},
    });
    match client.create(&ACCESS_REVIEW, &review).await {
        Ok(answer) => {
            let answer = answer.value()?;
            Ok(answer.pointer("/status/allowed") == Some(&Value::Bool(true)))
        }
        // Who may not even ask finds out by trying.
        Err(error) if matches!(error.reason(), "Forbidden" | "NotFound") => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_obstacle_is_a_kind_that_is_not_served_or_a_right_that_is_missing() {
        let list = json!({"resources": [{"name": "probes"}, {"name": "probes/status"}]});
        let usable = Usable {
            served: names(list.to_string().as_bytes()).into_iter().collect(),
            missing: ["patch probes/status.monitoring.coreos.com".parse().unwrap()]
                .into_iter()
                .collect(),
        };
        assert_eq!(usable.obstacle("probes", &["list", "watch"]), None);
        assert_eq!(
            usable.obstacle("probes/status", &["patch"]).as_deref(),
            Some("no right to patch probes/status.monitoring.coreos.com")
        );
        assert_eq!(
            usable.obstacle("podmonitors", &["list"]).as_deref(),
            Some("podmonitors.monitoring.coreos.com isn't served")
        );
    }
}
