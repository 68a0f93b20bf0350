//! What of the API can be used: which kinds are served, and what may be done with them. Looked up at the start, and again as
//! long as something is missing, which switches a part off, and not the program (upstream's `checkPrerequisites`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use runtime::access::{Right, Verb};
use runtime::resource::NEW_EVENT;
use runtime::{Client, Error, ResourceRef};
use serde_json::{Value, json};

use super::bindings::Bound;
use super::resources::{ALERTMANAGER, PROMETHEUS, PROMETHEUS_AGENT, THANOS_RULER};
use super::selecting::Configuration;
use crate::access;
use crate::api::GROUP;
use crate::config::version::Version;
use crate::kubelet;
use crate::operator::watched::Namespaces;
use crate::run::RunOptions;

/// The review that tells what its author may do.
const ACCESS_REVIEW: ResourceRef = ResourceRef::cluster(
    "authorization.k8s.io",
    "v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
);

/// The group of EndpointSlices.
const SLICES: &str = "discovery.k8s.io";

/// How often is looked for what couldn't be used.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// The kinds that are worked on.
static WORKLOADS: [ResourceRef; 4] = [PROMETHEUS, PROMETHEUS_AGENT, ALERTMANAGER, THANOS_RULER];

/// What can be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usable {
    /// Served resources of the group, with their subresources: `prometheuses/status`.
    served: BTreeSet<String>,
    /// Rights that are missing, each with a namespace where it is; empty where it would have to be had everywhere.
    missing: BTreeMap<Right, String>,
    /// Which Kubernetes it is; absent if it doesn't say, and then nothing is counted on that came with some version.
    pub kubernetes: Option<Version>,
}

impl Usable {
    /// Asks the server which kinds it serves, and for each of the rights that these options need, in their namespaces or
    /// everywhere.
    pub async fn look_up(client: &Client, options: &RunOptions) -> Result<Self, Error> {
        let kubernetes = kubernetes(client).await?;
        let served = served(client).await?;
        let mut missing = BTreeMap::new();
        for (right, namespaces) in asked(options) {
            if let Some(namespace) = where_missing(client, &right, namespaces).await? {
                missing.insert(right, namespace);
            }
        }
        Ok(Self {
            served,
            missing,
            kubernetes,
        })
    }

    /// Waits until other things can be used; for ever, if everything can.
    pub async fn changed(&self, client: &Client, options: &RunOptions) {
        if self.is_whole() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            // Whoever can't answer now will be asked again.
            if let Ok(true) = self.differs(client, options).await {
                return;
            }
        }
    }

    /// Whether other kinds are served by now, or a right that was missing is had, or missing elsewhere. Rights that were had
    /// aren't asked about again: dozens of questions a minute, for as long as Secrets are read by name, would tell nothing
    /// that a refused request doesn't.
    async fn differs(&self, client: &Client, options: &RunOptions) -> Result<bool, Error> {
        if served(client).await? != self.served {
            return Ok(true);
        }
        for (right, namespaces) in asked(options) {
            let Some(before) = self.missing.get(&right) else {
                continue;
            };
            let now = where_missing(client, &right, namespaces).await?;
            if now.as_ref() != Some(before) {
                return Ok(true);
            }
        }
        Ok(false)
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

    /// The kinds that can be selected and whose objects can be made to say who uses them. Whatever is missing for one of them
    /// is told, and keeps no other from it.
    pub fn bindable(&self) -> Bound {
        let is_bindable = |kind: &Configuration| {
            let resource = kind.resource();
            if self
                .obstacle(&resource.plural, &["list", "watch"])
                .is_some()
            {
                return false;
            }
            let (status, verbs) = (format!("{}/status", resource.plural), ["patch"]);
            let obstacle = self.obstacle(&status, &verbs);
            if let Some(why) = &obstacle {
                tracing::warn!(
                    kind = %resource.kind,
                    why,
                    remedy = self.remedy(&status, &verbs),
                    "objects of this kind don't say who uses them"
                );
            }
            obstacle.is_none()
        };
        let kinds = Configuration::ALL.into_iter();
        kinds.filter(is_bindable).collect()
    }

    /// Whether Events may be written. What happens is told by the log and by conditions too.
    pub fn may_tell(&self) -> bool {
        let (group, verbs) = (&NEW_EVENT.group, ["create", "patch"]);
        let lacking = self.lacks(&NEW_EVENT.plural, group, &verbs);
        if let Some(why) = &lacking {
            let remedy = format!(
                "grant {} of {}.{group} to the operator, as `carrick rbac monitoring` does",
                verbs.join(" and "),
                NEW_EVENT.plural
            );
            tracing::warn!(why, remedy, "no Events are written");
        }
        lacking.is_none()
    }

    /// What takes an obstacle to this use of a resource of the group away.
    pub fn remedy(&self, resource: &str, verbs: &[&str]) -> String {
        if self.served.contains(resource) {
            let verbs = verbs.join(" and ");
            format!(
                "grant {verbs} of {resource}.{GROUP} to the operator, as `carrick rbac monitoring` does"
            )
        } else {
            "install the definitions that `carrick crds` prints".to_owned()
        }
    }

    /// What is kept of the kubelets: without the rights to EndpointSlices these are the server's, as for any Service.
    pub fn kubelets(&self, options: &RunOptions) -> Option<kubelet::Options> {
        let mut kubelets = options.kubelets.clone()?;
        let verbs = ["list", "create", "update", "delete"];
        if kubelets.slices
            && let Some(why) = self.lacks("endpointslices", SLICES, &verbs)
        {
            tracing::warn!(
                why,
                "EndpointSlices of the kubelets are left to the API server"
            );
            kubelets.slices = false;
        }
        Some(kubelets)
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
        let missing_in = |verb: &str| {
            let mut all = self.missing.iter();
            let found = all.find(|(right, _)| {
                right.resource == resource && right.group == group && right.verb.name() == verb
            });
            found.map(|(_, namespace)| namespace)
        };
        let mut verbs = verbs.iter();
        let (verb, namespace) = verbs.find_map(|verb| Some((verb, missing_in(verb)?)))?;
        let place = if namespace.is_empty() {
            String::new()
        } else {
            format!(" in namespace {namespace}")
        };
        let group = if group.is_empty() {
            String::new()
        } else {
            format!(".{group}")
        };
        Some(format!("no right to {verb} {resource}{group}{place}"))
    }
}

/// The rights to ask for, and where. Those that only serve manifests, and those without which nothing goes, aren't among
/// them.
fn asked(options: &RunOptions) -> Vec<(Right, Namespaces)> {
    let place = |right: &Right| {
        let (plural, subresource) = right.parts();
        if right.group == GROUP {
            let kinds = Configuration::ALL.into_iter();
            let mut kinds = kinds.filter(|kind| kind.resource().plural == plural);
            let place = match kinds.next() {
                Some(kind) => options.selected(kind).clone(),
                None => options.workloads_of(plural)?.namespaces.clone(),
            };
            return (subresource != "finalizers").then_some(place);
        }
        match plural {
            // They belong to the cluster.
            "namespaces" if right.verb != Verb::Get => Some(Namespaces::All),
            "storageclasses" => Some(Namespaces::All),
            // They are about workloads and what these select.
            "events" => Some(options.everything()),
            "daemonsets" if options.gates.daemon_sets => {
                Some(options.prometheuses.namespaces.clone())
            }
            "endpointslices" => {
                let kubelets = options
                    .kubelets
                    .as_ref()
                    .filter(|kubelets| kubelets.slices)?;
                let own = [kubelets.service.namespace.clone()].into_iter().collect();
                Some(Namespaces::Only(own))
            }
            "pods" if right.verb == Verb::Patch => Some(options.workloads()),
            "persistentvolumeclaims" => Some(options.workloads()),
            "secrets" if [Verb::List, Verb::Watch].contains(&right.verb) => {
                Some(options.everything())
            }
            _ => None,
        }
    };
    let rights = access::rights().into_iter();
    let placed = rights.map(|right| (place(&right), right));
    placed
        .filter_map(|(place, right)| Some((right, place?)))
        .collect()
}

/// A namespace in which a right is missing, if there is one. Who has it everywhere isn't asked about each.
async fn where_missing(
    client: &Client,
    right: &Right,
    namespaces: Namespaces,
) -> Result<Option<String>, Error> {
    if is_granted(client, right, "").await? {
        return Ok(None);
    }
    let Namespaces::Only(namespaces) = namespaces else {
        return Ok(Some(String::new()));
    };
    for namespace in namespaces {
        if !is_granted(client, right, &namespace).await? {
            return Ok(Some(namespace));
        }
    }
    Ok(None)
}

/// Served resources of the group, with their subresources.
async fn served(client: &Client) -> Result<BTreeSet<String>, Error> {
    let mut served = BTreeSet::new();
    for version in ["v1", "v1alpha1"] {
        match client.read(&format!("/apis/{GROUP}/{version}")).await {
            Ok(bytes) => {
                let found = names(&bytes).map_err(|source| Error::Decode {
                    what: format!("the resources of {GROUP}/{version}"),
                    source,
                })?;
                served.extend(found);
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(served)
}

async fn kubernetes(client: &Client) -> Result<Option<Version>, Error> {
    match client.read("/version").await {
        Ok(bytes) => Ok(version(&bytes)),
        Err(error) if error.is_forbidden() || error.is_not_found() => {
            tracing::warn!(%error, "the version of Kubernetes isn't known");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn version(info: &[u8]) -> Option<Version> {
    let info: Value = serde_json::from_slice(info).ok()?;
    let text = info.get("gitVersion")?.as_str()?;
    let version = Version::parse(text);
    if let Err(error) = &version {
        tracing::warn!(%error, "the version of Kubernetes isn't known");
    }
    version.ok()
}

fn names(list: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    let list: Value = serde_json::from_slice(list)?;
    let resources = list.get("resources").and_then(Value::as_array);
    let name = |one: &Value| Some(one.get("name")?.as_str()?.to_owned());
    Ok(resources.into_iter().flatten().filter_map(name).collect())
}

async fn is_granted(client: &Client, right: &Right, namespace: &str) -> Result<bool, Error> {
    let (resource, subresource) = right.parts();
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
        Err(error) if error.is_forbidden() || error.is_not_found() => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use runtime::ObjectKey;

    use super::*;

    #[test]
    fn an_obstacle_is_a_kind_that_is_not_served_or_a_right_that_is_missing() {
        let list = json!({"resources": [{"name": "probes"}, {"name": "probes/status"}]});
        let usable = Usable {
            served: names(list.to_string().as_bytes())
                .unwrap()
                .into_iter()
                .collect(),
            missing: BTreeMap::from([
                (
                    "patch probes/status.monitoring.coreos.com".parse().unwrap(),
                    String::new(),
                ),
                ("patch pods".parse().unwrap(), "a".to_owned()),
            ]),
            kubernetes: None,
        };
        assert_eq!(
            usable.lacks("pods", "", &["patch"]).as_deref(),
            Some("no right to patch pods in namespace a")
        );
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

    #[test]
    fn slices_of_kubelets_are_left_to_the_server_where_they_may_not_be_written() {
        let kubelets = kubelet::Options {
            service: ObjectKey::new("kube-system", "kubelet"),
            selector: String::new(),
            preference: kubelet::Preference::Internal,
            endpoints: true,
            slices: true,
            period: Duration::from_mins(3),
            insecure_port: true,
        };
        let options = RunOptions {
            kubelets: Some(kubelets.clone()),
            ..RunOptions::default()
        };
        let own = Namespaces::Only(["kube-system".to_owned()].into());
        let right: Right = "update endpointslices.discovery.k8s.io".parse().unwrap();
        assert!(asked(&options).contains(&(right.clone(), own)));
        let whole = Usable::default();
        assert_eq!(whole.kubelets(&options), Some(kubelets.clone()));
        let less = Usable {
            missing: BTreeMap::from([(right, "kube-system".to_owned())]),
            ..Usable::default()
        };
        let without = kubelet::Options {
            slices: false,
            ..kubelets
        };
        assert_eq!(less.kubelets(&options), Some(without));
    }

    #[test]
    fn the_version_of_kubernetes_is_what_it_says() {
        let said = |version: Value| {
            let info = json!({"major": "1", "gitVersion": version});
            super::version(info.to_string().as_bytes()).map(|version| version.to_string())
        };
        assert_eq!(said(json!("v1.36.3")).as_deref(), Some("1.36.3"));
        assert_eq!(said(json!("v1.21.0+k3s1")).as_deref(), Some("1.21.0"));
        assert_eq!(
            said(json!("v1.30.1-gke.115")).as_deref(),
            Some("1.30.1-gke.115")
        );
        assert_eq!(said(json!("main")), None);
        assert_eq!(said(Value::Null), None);
    }

    #[test]
    fn rights_are_asked_for_where_they_are_used() {
        let only = |names: &[&str]| {
            Namespaces::Only(names.iter().map(|name| (*name).to_owned()).collect())
        };
        let mut options = RunOptions {
            namespaces: only(&["selected"]),
            alertmanager_configs: only(&["routes"]),
            ..RunOptions::default()
        };
        options.prometheuses.namespaces = only(&["servers"]);
        options.alertmanagers.namespaces = only(&["managers"]);
        options.thanos_rulers.namespaces = only(&["rulers"]);
        let place = |options: &RunOptions, right: &str| {
            let right: Right = right.parse().unwrap();
            let mut asked = asked(options).into_iter();
            asked.find(|(one, _)| *one == right).map(|(_, place)| place)
        };
        for (right, wanted) in [
            (
                "list servicemonitors.monitoring.coreos.com",
                only(&["selected"]),
            ),
            (
                "patch alertmanagerconfigs/status.monitoring.coreos.com",
                only(&["routes"]),
            ),
            (
                "watch prometheusagents.monitoring.coreos.com",
                only(&["servers"]),
            ),
            (
                "patch thanosrulers/status.monitoring.coreos.com",
                only(&["rulers"]),
            ),
            ("list namespaces", Namespaces::All),
            (
                "watch secrets",
                only(&["selected", "routes", "servers", "managers", "rulers"]),
            ),
            ("patch pods", only(&["servers", "managers", "rulers"])),
        ] {
            assert_eq!(place(&options, right), Some(wanted), "{right}");
        }
        for right in [
            "get namespaces",
            "get secrets",
            "create daemonsets.apps",
            "update prometheuses/finalizers.monitoring.coreos.com",
        ] {
            assert_eq!(place(&options, right), None, "{right}");
        }
        options.gates.daemon_sets = true;
        let wanted = Some(only(&["servers"]));
        assert_eq!(place(&options, "create daemonsets.apps"), wanted);
    }
}
