//! The fields that are tried: of each a value, another one, and more of it.

mod custom;

use serde_json::{Map, Value, json};

pub use custom::definition;

/// A field of a kind.
#[derive(Clone)]
pub(super) struct Subject {
    /// What is tried.
    pub name: &'static str,
    /// Path of the group and version.
    pub root: &'static str,
    /// The resource.
    pub plural: &'static str,
    /// The field; a number stands for the list's only element, which has the key `c`.
    path: &'static [&'static str],
    /// A value.
    pub base: Value,
    /// Another one.
    pub other: Value,
    /// The first one and more.
    pub more: Value,
}

/// Where the definition of the custom resource is created.
pub const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const TEMPLATES: (&str, &str) = ("/api/v1", "podtemplates");
const THINGS: (&str, &str) = ("/apis/apply.example.com/v1", "applied");

impl Subject {
    fn is_custom(&self) -> bool {
        self.plural == THINGS.1
    }

    /// Where the field is, for JSON patches.
    pub fn pointer(&self) -> String {
        format!("/{}", self.path.join("/"))
    }

    /// An object with that value: with all it needs, or with nothing else.
    pub fn object(&self, name: &str, whole: bool, value: Option<&Value>) -> Value {
        let (version, kind) = if self.is_custom() {
            ("apply.example.com/v1", "Applied")
        } else {
            ("v1", "PodTemplate")
        };
        let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
        if whole && self.is_custom() {
            insert(&mut object, &["spec", "needed"], &json!("n"));
        } else if whole {
            let containers = json!([{"name": "c", "image": "i"}]);
            insert(
                &mut object,
                &["template", "spec", "containers"],
                &containers,
            );
        }
        if let Some(value) = value {
            insert(&mut object, self.path, value);
        }
        object
    }

    /// The first element once more, if it is a list.
    pub fn twice(&self) -> Option<Value> {
        let mut items = self.base.as_array()?.clone();
        items.push(items.first()?.clone());
        Some(Value::Array(items))
    }

    /// Empty, if it is a list or a map.
    pub fn empty(&self) -> Option<Value> {
        match &self.base {
            Value::Array(_) => Some(json!([])),
            Value::Object(_) => Some(json!({})),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }

    /// In the other order, if it is a list.
    pub fn turned(&self) -> Option<Value> {
        let mut items = self.more.as_array()?.clone();
        items.reverse();
        Some(Value::Array(items))
    }

    /// A value of another type.
    pub fn mistyped(&self) -> Value {
        match &self.base {
            Value::Array(_) | Value::Null => json!({"x": "y"}),
            Value::Object(_) => json!(["x"]),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => json!(["x", 1]),
        }
    }
}

fn insert(object: &mut Value, path: &[&str], value: &Value) {
    let mut here = object;
    for part in path {
        if *part == "0" {
            if !here.is_array() {
                *here = json!([{"name": "c"}]);
            }
            let Some(element) = here.as_array_mut().and_then(|items| items.first_mut()) else {
                return;
            };
            here = element;
            continue;
        }
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        let Some(fields) = here.as_object_mut() else {
            return;
        };
        here = fields.entry(*part).or_insert(Value::Null);
    }
    *here = value.clone();
}

fn subject(
    name: &'static str,
    (root, plural): (&'static str, &'static str),
    path: &'static [&'static str],
    [base, other, more]: [Value; 3],
) -> Subject {
    Subject {
        name,
        root,
        plural,
        path,
        base,
        other,
        more,
    }
}

pub(super) fn subjects() -> Vec<Subject> {
    let mut out = metadata(TEMPLATES, "template");
    out.extend(metadata(THINGS, "custom"));
    out.extend(pods());
    out.extend(pod_lists());
    out.extend(containers());
    out.extend(custom::scalars());
    out.extend(custom::maps());
    out.extend(custom::lists());
    out
}

/// What every object has.
fn metadata(of: (&'static str, &'static str), kind: &'static str) -> Vec<Subject> {
    let builtin = kind == "template";
    let name = |builtin_name, custom_name| if builtin { builtin_name } else { custom_name };
    let owner = |name: &str, uid: &str| {
        // Of a kind that isn't there, so that no collector knows it to be gone.
        json!({"apiVersion": "absent.example.com/v1", "kind": "Absent", "name": name,
            "uid": format!("00000000-0000-0000-0000-00000000000{uid}")})
    };
    vec![
        subject(
            name("template labels", "custom labels"),
            of,
            &["metadata", "labels"],
            [
                json!({"k": "1", "l": "1"}),
                json!({"k": "2"}),
                json!({"k": "1", "l": "1", "m": "1"}),
            ],
        ),
        subject(
            name("template finalizers", "custom finalizers"),
            of,
            &["metadata", "finalizers"],
            [
                json!(["x.example.com/a", "x.example.com/b"]),
                json!(["x.example.com/c"]),
                json!(["x.example.com/c", "x.example.com/a", "x.example.com/b"]),
            ],
        ),
        subject(
            name("template owners", "custom owners"),
            of,
            &["metadata", "ownerReferences"],
            [
                json!([owner("p", "1")]),
                json!([owner("q", "1")]),
                json!([owner("p", "1"), owner("r", "2")]),
            ],
        ),
    ]
}

/// Fields of a pod.
fn pods() -> Vec<Subject> {
    let toleration = |key: &str| json!({"key": key, "operator": "Exists"});
    vec![
        subject(
            "pod scalar",
            TEMPLATES,
            &["template", "spec", "terminationGracePeriodSeconds"],
            [json!(5), json!(6), json!(5)],
        ),
        subject(
            "pod text",
            TEMPLATES,
            &["template", "spec", "serviceAccountName"],
            [json!("s"), json!("t"), json!("s")],
        ),
        subject(
            "pod atomic map",
            TEMPLATES,
            &["template", "spec", "nodeSelector"],
            [
                json!({"a": "1", "b": "1"}),
                json!({"a": "2"}),
                json!({"a": "1", "b": "1", "c": "1"}),
            ],
        ),
        subject(
            "pod atomic list",
            TEMPLATES,
            &["template", "spec", "tolerations"],
            [
                json!([toleration("a")]),
                json!([toleration("b")]),
                json!([toleration("a"), toleration("c")]),
            ],
        ),
        subject(
            "pod struct",
            TEMPLATES,
            &["template", "spec", "securityContext"],
            [
                json!({"runAsUser": 1, "fsGroup": 1}),
                json!({"runAsUser": 2}),
                json!({"runAsUser": 1, "fsGroup": 1, "runAsGroup": 1}),
            ],
        ),
    ]
}

/// Lists of a pod.
fn pod_lists() -> Vec<Subject> {
    let spread = |key: &str, when: &str, skew: u32| {
        json!({"topologyKey": key, "whenUnsatisfiable": when, "maxSkew": skew,
            "labelSelector": {"matchLabels": {"a": "x"}}})
    };
    vec![
        subject(
            "pod two keys",
            TEMPLATES,
            &["template", "spec", "topologySpreadConstraints"],
            [
                json!([spread("t", "DoNotSchedule", 1)]),
                json!([spread("t", "DoNotSchedule", 2)]),
                json!([
                    spread("t", "DoNotSchedule", 1),
                    spread("t", "ScheduleAnyway", 1)
                ]),
            ],
        ),
        subject(
            "pod volumes",
            TEMPLATES,
            &["template", "spec", "volumes"],
            [
                json!([{"name": "v", "configMap": {"name": "m"}}, {"name": "w", "emptyDir": {}}]),
                json!([{"name": "v", "secret": {"secretName": "s"}}]),
                json!([{"name": "u", "emptyDir": {}}, {"name": "v", "configMap": {"name": "m"}}, {"name": "w", "emptyDir": {}}]),
            ],
        ),
        subject(
            "pod secrets",
            TEMPLATES,
            &["template", "spec", "imagePullSecrets"],
            [
                json!([{"name": "a"}, {"name": "b"}]),
                json!([{"name": "c"}]),
                json!([{"name": "c"}, {"name": "a"}, {"name": "b"}]),
            ],
        ),
        subject(
            "pod aliases",
            TEMPLATES,
            &["template", "spec", "hostAliases"],
            [
                json!([{"ip": "10.0.0.1", "hostnames": ["a", "b"]}]),
                json!([{"ip": "10.0.0.1", "hostnames": ["c"]}]),
                json!([{"ip": "10.0.0.2", "hostnames": ["a"]}, {"ip": "10.0.0.1", "hostnames": ["a", "b"]}]),
            ],
        ),
    ]
}

/// Fields of a container.
fn containers() -> Vec<Subject> {
    vec![
        subject(
            "container ports",
            TEMPLATES,
            &["template", "spec", "containers", "0", "ports"],
            [
                json!([{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]),
                json!([{"containerPort": 80, "name": "x"}]),
                json!([{"containerPort": 81, "protocol": "TCP"}, {"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]),
            ],
        ),
        subject(
            "container env",
            TEMPLATES,
            &["template", "spec", "containers", "0", "env"],
            [
                json!([{"name": "a", "value": "1"}, {"name": "b", "value": "1"}]),
                json!([{"name": "a", "value": "2"}]),
                json!([{"name": "c", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    {"name": "a", "value": "1"}, {"name": "b", "value": "1"}]),
            ],
        ),
        subject(
            "container mounts",
            TEMPLATES,
            &["template", "spec", "containers", "0", "volumeMounts"],
            [
                json!([{"name": "v", "mountPath": "/v"}]),
                json!([{"name": "v", "mountPath": "/v", "readOnly": true}]),
                json!([{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/w"}]),
            ],
        ),
        subject(
            "container args",
            TEMPLATES,
            &["template", "spec", "containers", "0", "args"],
            [json!(["a", "b"]), json!(["c"]), json!(["a", "b", "c"])],
        ),
        subject(
            "container quantities",
            TEMPLATES,
            &["template", "spec", "containers", "0", "resources"],
            [
                json!({"requests": {"cpu": "1000m", "memory": "1Gi"}}),
                json!({"requests": {"cpu": 2}}),
                json!({"requests": {"cpu": "1000m", "memory": "1Gi"}, "limits": {"cpu": "3"}}),
            ],
        ),
        subject(
            "container probe",
            TEMPLATES,
            &["template", "spec", "containers", "0", "readinessProbe"],
            [
                json!({"httpGet": {"path": "/", "port": 80}}),
                json!({"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 3}),
                json!({"httpGet": {"path": "/", "port": 80, "httpHeaders": [{"name": "h", "value": "v"}]}}),
            ],
        ),
    ]
}
