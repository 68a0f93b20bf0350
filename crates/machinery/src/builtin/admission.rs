//! Admission plugins of kube-apiserver that change nothing but the object in the request: `DefaultTolerationSeconds`,
//! `ServiceAccount`, `Priority`, `TaintNodesByCondition` and `StorageObjectInUseProtection`.

use serde_json::{Map, Value, json};

use super::edit::{child, each, ensure, set, text};

type Object = Map<String, Value>;

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Changes to a new object that need nothing else: tolerations of a pod, the taint of a node, finalizers of storage.
pub fn create(group: &str, kind: &str, object: &mut Value) {
    let Some(object) = object.as_object_mut() else {
        return;
    };
    match (group, kind) {
        ("", "Pod") => default_tolerations(object),
        ("", "Node") => not_ready_taint(object),
        ("", "PersistentVolumeClaim") => finalizer(object, "kubernetes.io/pvc-protection"),
        ("", "PersistentVolume") => finalizer(object, "kubernetes.io/pv-protection"),
        ("storage.k8s.io", "VolumeAttributesClass") => {
            finalizer(object, "kubernetes.io/vac-protection");
        }
        _ => {}
    }
}

/// Changes to an updated object: what admission set on create and a client left out comes back.
pub fn update(group: &str, kind: &str, new: &mut Value, old: &Value) {
    let (Some(new), Some(old)) = (new.as_object_mut(), old.as_object()) else {
        return;
    };
    if let ("", "Pod") = (group, kind) {
        default_tolerations(new);
        let (Some(spec), Some(old_spec)) = (child(new, "spec"), old.get("spec")) else {
            return;
        };
        for key in ["priority", "preemptionPolicy"] {
            if let Some(value) = old_spec.get(key) {
                set(spec, key, value.clone());
            }
        }
    }
}

/// The name of the service account a pod asks for; `default` where it asks for none.
pub fn service_account_name(pod: &Value) -> &str {
    let name = pod
        .pointer("/spec/serviceAccountName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty() { "default" } else { name }
}

/// Gives a pod its service account: name, image pull secrets, and unless one of both opts out a projected volume
/// `kube-api-access-SUFFIX` in every container that has nothing at its path. Mirror pods are left alone.
pub fn service_account(pod: &mut Value, account: &Value, suffix: &str) {
    if pod
        .pointer("/metadata/annotations/kubernetes.io~1config.mirror")
        .is_some()
    {
        return;
    }
    let name = service_account_name(pod).to_owned();
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    spec.insert("serviceAccountName".to_owned(), name.clone().into());
    spec.insert("serviceAccount".to_owned(), name.into());
    let choice = |value: Option<&Value>| value.and_then(Value::as_bool);
    let mount = choice(spec.get("automountServiceAccountToken"))
        .or_else(|| choice(account.get("automountServiceAccountToken")))
        .unwrap_or(true);
    if mount {
        mount_token(spec, suffix);
    }
    let secrets = |object: Option<&Value>| {
        object
            .and_then(Value::as_array)
            .filter(|list| !list.is_empty())
            .cloned()
    };
    if secrets(spec.get("imagePullSecrets")).is_none()
        && let Some(list) = secrets(account.get("imagePullSecrets"))
    {
        spec.insert("imagePullSecrets".to_owned(), list.into());
    }
}

fn mount_token(spec: &mut Object, suffix: &str) {
    let existing = spec
        .get("volumes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find_map(|volume| {
            let name = volume.get("name").and_then(Value::as_str)?;
            name.starts_with("kube-api-access-")
                .then(|| name.to_owned())
        });
    let needed = existing.is_none();
    let name = existing.unwrap_or_else(|| format!("kube-api-access-{suffix}"));
    let mut used = false;
    for list in ["initContainers", "containers"] {
        each(spec, list, |container| {
            let mounts = container
                .get("volumeMounts")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            if mounts
                .iter()
                .any(|mount| mount.get("mountPath") == Some(&json!(TOKEN_PATH)))
            {
                return;
            }
            let mut mounts = mounts;
            mounts.push(json!({"name": name, "readOnly": true, "mountPath": TOKEN_PATH}));
            container.insert("volumeMounts".to_owned(), mounts.into());
            used = true;
        });
    }
    if used && needed {
        let mut volumes = spec
            .get("volumes")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        volumes.push(token_volume(&name));
        spec.insert("volumes".to_owned(), volumes.into());
    }
}

fn token_volume(name: &str) -> Value {
    json!({"name": name, "projected": {"defaultMode": 0o644, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}})
}

/// Sets the priority of a pod from its class: `class` is the `PriorityClass` named by the pod, else the global default,
/// else `None` for priority 0.
pub fn priority(pod: &mut Value, class: Option<&Value>) {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let field = |path: &str| {
        class
            .and_then(|class| class.pointer(path))
            .filter(|value| !value.is_null())
            .cloned()
    };
    if let Some(name) = field("/metadata/name") {
        spec.insert("priorityClassName".to_owned(), name);
    }
    spec.insert("priority".to_owned(), field("/value").unwrap_or(json!(0)));
    set(
        spec,
        "preemptionPolicy",
        field("/preemptionPolicy").unwrap_or(json!("PreemptLowerPriority")),
    );
}

/// Pods stay 300 s on a node that is not ready or unreachable, unless they say something about that themselves.
fn default_tolerations(pod: &mut Object) {
    let Some(spec) = child(pod, "spec") else {
        return;
    };
    let mut tolerations = spec
        .get("tolerations")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let before = tolerations.len();
    for key in [NOT_READY, UNREACHABLE] {
        let said = tolerations
            .iter()
            .filter_map(Value::as_object)
            .any(|toleration| {
                (text(toleration, "key").is_empty() || text(toleration, "key") == key)
                    && matches!(text(toleration, "effect"), "" | "NoExecute")
            });
        if !said {
            tolerations.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
    if tolerations.len() > before {
        spec.insert("tolerations".to_owned(), tolerations.into());
    }
}

fn not_ready_taint(node: &mut Object) {
    let Some(spec) = ensure(node, "spec") else {
        return;
    };
    let taint = json!({"key": NOT_READY, "effect": "NoSchedule"});
    let mut taints = spec
        .get("taints")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let present = taints
        .iter()
        .any(|old| old.get("key") == taint.get("key") && old.get("effect") == taint.get("effect"));
    if !present {
        taints.push(taint);
        spec.insert("taints".to_owned(), taints.into());
    }
}

fn finalizer(object: &mut Object, name: &str) {
    let Some(metadata) = ensure(object, "metadata") else {
        return;
    };
    let mut finalizers = metadata
        .get("finalizers")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == name) {
        finalizers.push(json!(name));
        metadata.insert("finalizers".to_owned(), finalizers.into());
    }
}
