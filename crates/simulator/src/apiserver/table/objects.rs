//! Rows of the core group and of small groups.

use std::collections::BTreeSet;

use machinery::labels::{self, go_selector};
use machinery::meta;
use serde_json::Value;

use super::view::{View, containers};
use super::{network, pod, storage, workloads};

pub(super) fn core(plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    Some(match plural {
        "pods" => pod::cells(view),
        "podtemplates" => {
            let mut cells = vec![view.name()];
            cells.extend(containers(view, "/template/spec/containers"));
            cells.push(Value::from(labels::format_labels(&meta::string_map(
                view.get("/template/metadata/labels"),
            ))));
            cells
        }
        "replicationcontrollers" => workloads::replication_controller(view),
        "services" => network::service(view),
        "endpoints" => network::endpoints(view),
        "nodes" => node(view),
        "namespaces" => vec![
            view.name(),
            Value::from(view.str("/status/phase")),
            view.age(),
        ],
        "configmaps" => {
            vec![
                view.name(),
                Value::from(view.len("/data") + view.len("/binaryData")),
                view.age(),
            ]
        }
        "secrets" => vec![
            view.name(),
            Value::from(view.str("/type")),
            view.len_cell("/data"),
            view.age(),
        ],
        "serviceaccounts" => vec![view.name(), view.age()],
        "persistentvolumes" => storage::volume(view),
        "persistentvolumeclaims" => storage::claim(view),
        "events" => event(view),
        "resourcequotas" => resource_quota(view),
        "componentstatuses" => component_status(view),
        _ => return None,
    })
}

pub(super) fn other(group: &str, plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    Some(match (group, plural) {
        ("coordination.k8s.io", "leases") => {
            vec![
                view.name(),
                Value::from(view.str("/spec/holderIdentity")),
                view.age(),
            ]
        }
        ("policy", "poddisruptionbudgets") => {
            let limit = |pointer: &str| {
                let text = view.get(pointer).map(|value| {
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned)
                });
                Value::from(text.unwrap_or_else(|| "N/A".to_owned()))
            };
            let allowed = Value::from(view.int("/status/disruptionsAllowed"));
            vec![
                view.name(),
                limit("/spec/minAvailable"),
                limit("/spec/maxUnavailable"),
                allowed,
                view.age(),
            ]
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => role_binding(view),
        ("node.k8s.io", "runtimeclasses") => {
            vec![view.name(), Value::from(view.str("/handler")), view.age()]
        }
        ("scheduling.k8s.io", "priorityclasses") => vec![
            view.name(),
            Value::from(view.int("/value")),
            Value::from(view.bool("/globalDefault")),
            view.age(),
            Value::from(view.str("/preemptionPolicy")),
        ],
        ("apiregistration.k8s.io", "apiservices") => api_service(view),
        ("admissionregistration.k8s.io", plural) => return admission(plural, view),
        ("flowcontrol.apiserver.k8s.io", plural) => return flow_control(plural, view),
        ("resource.k8s.io", plural) => return dynamic_resource(plural, view),
        _ => return None,
    })
}

fn node(view: View<'_>) -> Vec<Value> {
    let ready = view
        .list("/status/conditions")
        .rfind(|condition| condition.str("/type") == "Ready");
    let mut status = match ready.map(|condition| condition.str("/status")) {
        Some("True") => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if view.bool("/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let address = |kind: &str| {
        let found = view
            .list("/status/addresses")
            .find(|address| address.str("/type") == kind);
        Value::from(found.map_or("<none>", |address| address.str("/address")))
    };
    let mut kernel = view
        .str_or("/status/nodeInfo/kernelVersion", "<unknown>")
        .to_owned();
    let architecture = view.str("/status/nodeInfo/architecture");
    if !architecture.is_empty() {
        kernel = format!("{kernel} ({architecture})");
    }
    vec![
        view.name(),
        Value::from(status),
        Value::from(node_roles(view)),
        view.age(),
        Value::from(view.str("/status/nodeInfo/kubeletVersion")),
        address("InternalIP"),
        address("ExternalIP"),
        Value::from(view.str_or("/status/nodeInfo/osImage", "<unknown>")),
        Value::from(kernel),
        Value::from(view.str_or("/status/nodeInfo/containerRuntimeVersion", "<unknown>")),
    ]
}

fn node_roles(view: View<'_>) -> String {
    let mut roles = BTreeSet::new();
    for (key, value) in meta::labels(view.object()) {
        if let Some(role) = key.strip_prefix("node-role.kubernetes.io/") {
            roles.insert(role.to_owned());
        } else if key == "kubernetes.io/role" {
            roles.insert(value);
        }
    }
    roles.remove("");
    if roles.is_empty() {
        "<none>".to_owned()
    } else {
        roles.into_iter().collect::<Vec<_>>().join(",")
    }
}

/// Events of both groups: each field is looked up under either name.
pub(super) fn event(view: View<'_>) -> Vec<Value> {
    let either = |one: &str, other: &str| {
        if view.has(one) {
            view.str(one)
        } else {
            view.str(other)
        }
        .to_owned()
    };
    let since = |pointers: [&str; 3]| {
        pointers
            .into_iter()
            .find(|pointer| view.has(pointer))
            .map_or_else(|| "<unknown>".to_owned(), |at| view.since(at))
    };
    let first = since(["/firstTimestamp", "/deprecatedFirstTimestamp", "/eventTime"]);
    let mut last = since([
        "/lastTimestamp",
        "/deprecatedLastTimestamp",
        "/lastTimestamp",
    ]);
    if last == "<unknown>" {
        last.clone_from(&first);
    }
    let mut count = view.int("/count").max(view.int("/deprecatedCount"));
    if view.has("/series") {
        last = view.since("/series/lastObservedTime");
        count = view.int("/series/count");
    } else if count == 0 {
        count = 1;
    }
    let kind = either("/involvedObject/kind", "/regarding/kind").to_lowercase();
    let name = either("/involvedObject/name", "/regarding/name");
    let target = if name.is_empty() {
        kind
    } else {
        format!("{kind}/{name}")
    };
    let message = either("/message", "/note");
    vec![
        Value::from(last),
        Value::from(view.str("/type")),
        Value::from(view.str("/reason")),
        Value::from(target),
        Value::from(either("/involvedObject/fieldPath", "/regarding/fieldPath")),
        Value::from(event_source(view)),
        Value::from(message.trim()),
        Value::from(first),
        Value::from(count),
        view.name(),
    ]
}

fn event_source(view: View<'_>) -> String {
    let first = |pointers: [&str; 4]| {
        pointers
            .into_iter()
            .map(|pointer| view.str(pointer))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    };
    let component = first([
        "/source/component",
        "/deprecatedSource/component",
        "/reportingComponent",
        "/reportingController",
    ]);
    let instance = first([
        "/source/host",
        "/deprecatedSource/host",
        "/reportingInstance",
        "/reportingInstance",
    ]);
    if instance.is_empty() {
        component.to_owned()
    } else {
        format!("{component}, {instance}")
    }
}

fn resource_quota(view: View<'_>) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    let hard = view.get("/status/hard").and_then(Value::as_object);
    for (resource, hard) in hard.into_iter().flatten() {
        let used = view.get("/status/used").and_then(|used| used.get(resource));
        let used = used.map_or_else(|| "0".to_owned(), super::view::quantity_text);
        let text = format!("{resource}: {used}/{}", super::view::quantity_text(hard));
        if resource.starts_with("limits.") {
            limits.push(text);
        } else {
            requests.push(text);
        }
    }
    vec![
        view.name(),
        Value::from(requests.join(", ")),
        Value::from(limits.join(", ")),
        view.age(),
    ]
}

fn component_status(view: View<'_>) -> Vec<Value> {
    let healthy = view
        .list("/conditions")
        .find(|condition| condition.str("/type") == "Healthy");
    let status = match healthy.map(|condition| condition.str("/status")) {
        Some("True") => "Healthy",
        Some(_) => "Unhealthy",
        None => "Unknown",
    };
    let text = |field: &str| Value::from(healthy.map_or("", |condition| condition.str(field)));
    vec![
        view.name(),
        Value::from(status),
        text("/message"),
        text("/error"),
    ]
}

fn role_binding(view: View<'_>) -> Vec<Value> {
    let subjects = |kind: &str| {
        let names = view
            .list("/subjects")
            .filter(|subject| subject.str("/kind") == kind)
            .map(|subject| {
                let name = subject.str("/name");
                if kind == "ServiceAccount" {
                    format!("{}/{name}", subject.str("/namespace"))
                } else {
                    name.to_owned()
                }
            });
        Value::from(names.collect::<Vec<_>>().join(", "))
    };
    let role = format!(
        "{}/{}",
        view.str("/roleRef/kind"),
        view.str("/roleRef/name")
    );
    vec![
        view.name(),
        Value::from(role),
        view.age(),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

fn api_service(view: View<'_>) -> Vec<Value> {
    let service = view.get("/spec/service").map_or_else(
        || "Local".to_owned(),
        |service| {
            format!(
                "{}/{}",
                view.of(service).str("/namespace"),
                view.of(service).str("/name")
            )
        },
    );
    let available = view
        .list("/status/conditions")
        .find(|condition| condition.str("/type") == "Available");
    let available = match available {
        None => "Unknown".to_owned(),
        Some(condition) if condition.str("/status") == "False" => {
            format!("False ({})", condition.str("/reason"))
        }
        Some(condition) => condition.str("/status").to_owned(),
    };
    vec![
        view.name(),
        Value::from(service),
        Value::from(available),
        view.age(),
    ]
}

fn admission(plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    let cells = match plural {
        "mutatingwebhookconfigurations" | "validatingwebhookconfigurations" => {
            vec![view.name(), view.len_cell("/webhooks"), view.age()]
        }
        "validatingadmissionpolicies" | "mutatingadmissionpolicies" => {
            let rules = if plural.starts_with('v') {
                "/spec/validations"
            } else {
                "/spec/mutations"
            };
            let parameters = view.get("/spec/paramKind").map_or_else(
                || "<unset>".to_owned(),
                |kind| {
                    format!(
                        "{}/{}",
                        view.of(kind).str("/apiVersion"),
                        view.of(kind).str("/kind")
                    )
                },
            );
            vec![
                view.name(),
                view.len_cell(rules),
                Value::from(parameters),
                view.age(),
            ]
        }
        "validatingadmissionpolicybindings" | "mutatingadmissionpolicybindings" => {
            let (name, namespace) = (
                view.str("/spec/paramRef/name"),
                view.str_or("/spec/paramRef/namespace", "*"),
            );
            let selector = view.get("/spec/paramRef/selector");
            let selector = selector.filter(|selector| !selector.is_null());
            let parameters = match selector {
                _ if !name.is_empty() => format!("{namespace}/{name}"),
                Some(selector) => go_selector(Some(selector)),
                None => "<unset>".to_owned(),
            };
            vec![
                view.name(),
                Value::from(view.str("/spec/policyName")),
                Value::from(parameters),
                view.age(),
            ]
        }
        _ => return None,
    };
    Some(cells)
}

fn flow_control(plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    let or_none = |pointer: &str| {
        view.get(pointer)
            .cloned()
            .unwrap_or_else(|| Value::from("<none>"))
    };
    let cells = match plural {
        "flowschemas" => {
            let dangling = view
                .list("/status/conditions")
                .find(|condition| condition.str("/type") == "Dangling");
            vec![
                view.name(),
                Value::from(view.str("/spec/priorityLevelConfiguration/name")),
                Value::from(view.int("/spec/matchingPrecedence")),
                or_none("/spec/distinguisherMethod/type"),
                view.age(),
                Value::from(dangling.map_or("?", |condition| condition.str("/status"))),
            ]
        }
        "prioritylevelconfigurations" => vec![
            view.name(),
            Value::from(view.str("/spec/type")),
            or_none("/spec/limited/nominalConcurrencyShares"),
            or_none("/spec/limited/limitResponse/queuing/queues"),
            or_none("/spec/limited/limitResponse/queuing/handSize"),
            or_none("/spec/limited/limitResponse/queuing/queueLengthLimit"),
            view.age(),
        ],
        _ => return None,
    };
    Some(cells)
}

fn dynamic_resource(plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    let cells = match plural {
        "deviceclasses" | "resourceclaimtemplates" => vec![view.name(), view.age()],
        "resourceclaims" => {
            let (deleted, allocated) = (
                view.has("/metadata/deletionTimestamp"),
                view.has("/status/allocation"),
            );
            let reserved = allocated && view.len("/status/reservedFor") > 0;
            let states = [
                ("deleted", deleted),
                ("pending", !allocated && !deleted),
                ("allocated", allocated),
                ("reserved", reserved),
            ];
            let states: Vec<&str> = states
                .iter()
                .filter(|(_, holds)| *holds)
                .map(|(state, _)| *state)
                .collect();
            vec![view.name(), Value::from(states.join(",")), view.age()]
        }
        "resourceslices" => vec![
            view.name(),
            Value::from(view.str("/spec/nodeName")),
            Value::from(view.str("/spec/driver")),
            Value::from(view.str("/spec/pool/name")),
            view.age(),
        ],
        _ => return None,
    };
    Some(cells)
}
