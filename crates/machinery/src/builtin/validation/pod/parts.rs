//! Updates of pods through `/ephemeralcontainers` and `/resize` (`ValidatePodEphemeralContainersUpdate`, `ValidatePodResize`).

use serde_json::{Map, Value};

use super::{first_by_name, metadata_and_spec};
use crate::builtin::strategy::qos_class;
use crate::builtin::validation::read::{At, Errors, same};
use crate::builtin::validation::{diff, internal, meta};

/// Annotation of pods that a node made from a file of its own.
const MIRROR: &str = "kubernetes.io/config.mirror";

fn is_mirror(pod: &At<'_>) -> bool {
    pod.child("metadata")
        .child("annotations")
        .key(MIRROR)
        .is_set()
}

fn added<'a>(pod: &At<'a>) -> Vec<At<'a>> {
    pod.child("spec").child("ephemeralContainers").items()
}

/// Containers may be added; those that are there stay as they are.
pub fn ephemeral_containers(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    metadata_and_spec(new, errors);
    if is_mirror(old) {
        *errors = vec![
            At::new("", new.value()).forbidden("static pods do not support ephemeral containers"),
        ];
        return;
    }
    let (wanted, current) = (added(new), added(old));
    let wanted = first_by_name(&wanted);
    let at = new.child("spec");
    let at = at.child("ephemeralContainers");
    for before in current {
        let name = before.child("name").text();
        let Some(after) = wanted.get(name) else {
            let text = format!("existing ephemeral containers {name:?} may not be removed\n");
            errors.push(at.forbidden(text));
            continue;
        };
        if !same(after.value(), before.value()) {
            let pretty = |one: &Value| internal::to_json_pretty("core.EphemeralContainer", one);
            let difference = diff::unified(&pretty(before.value()), &pretty(after.value()));
            let text =
                format!("existing ephemeral containers {name:?} may not be changed\n{difference}");
            errors.push(at.forbidden(text));
        }
    }
}

/// CPU and memory of containers may change, and nothing else.
pub fn resize(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    meta::builtin_update(new, old, errors);
    metadata_and_spec(new, errors);
    let whole = At::new("", new.value());
    if is_mirror(old) {
        *errors = vec![whole.forbidden("static pods cannot be resized")];
        return;
    }
    let (spec, old_spec) = (new.child("spec"), old.child("spec"));
    if old_spec.child("os").child("name").text() == "windows" {
        *errors = vec![whole.forbidden("windows pods cannot be resized")];
        return;
    }
    same_class(new, old, errors);
    if !can_resize(old) {
        errors.push(spec.forbidden("Pod running on node without support for resize"));
    }
    if !same_containers(&spec, &old_spec, errors) {
        return;
    }
    removed_resources(&spec, &old_spec, errors);
    let Some(munged) = spec
        .map()
        .zip(old_spec.map())
        .map(|(new, old)| munge(new, old))
    else {
        return;
    };
    let list = |spec: &Map<String, Value>, key: &str| {
        let found = spec.get(key).and_then(Value::as_array);
        found.cloned().unwrap_or_default()
    };
    let Some(old_map) = old_spec.map() else {
        return;
    };
    let mut differs = false;
    for (one, other) in list(&munged, "containers")
        .iter()
        .zip(list(old_map, "containers"))
    {
        if *one != other {
            differs = true;
            errors.push(spec.forbidden("only cpu and memory resources are mutable"));
        }
    }
    let inits = spec.child("initContainers").items();
    let both = list(&munged, "initContainers").into_iter();
    for ((one, other), at) in both.zip(list(old_map, "initContainers")).zip(inits) {
        if one != other {
            differs = true;
            errors.push(at.forbidden(
                "only cpu and memory resources for init or sidecar containers are mutable",
            ));
        }
    }
    if errors.is_empty() && !differs && munged != *old_map {
        errors.push(spec.forbidden("only cpu and memory resources are mutable"));
    }
}

/// The class of a pod stays as it is.
fn same_class(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let class = |pod: &At<'_>| pod.map().map_or("BestEffort", qos_class);
    let before = match old.child("status").child("qosClass").text() {
        "" => class(old),
        class => class,
    };
    if before != class(new) {
        let value = new.child("status").child("qosClass").text();
        errors.push(new.child("spec").invalid_as(
            value,
            "Pod QOS Class may not change as a result of resizing",
        ));
    }
}

/// Whether the node of a pod can resize it: such a node tells the resources of what runs. Where nothing runs it is taken for
/// one that can (`isPodResizeRequestSupported`).
fn can_resize(pod: &At<'_>) -> bool {
    let statuses = pod.child("status").child("containerStatuses").items();
    let running = statuses
        .iter()
        .find(|status| status.child("state").child("running").is_set());
    running.is_none_or(|status| status.child("resources").is_set())
}

/// Whether the containers are the same ones in the same order.
fn same_containers(new: &At<'_>, old: &At<'_>, errors: &mut Errors) -> bool {
    let count = errors.len();
    for list in ["containers", "initContainers"] {
        let (wanted, current) = (new.child(list).items(), old.child(list).items());
        if wanted.len() != current.len() {
            let text = format!("{list} may not be added or removed on resize");
            errors.push(new.child(list).forbidden(text));
            continue;
        }
        for (one, other) in wanted.iter().zip(current) {
            if one.child("name").text() != other.child("name").text() {
                let text = format!("{list} may not be renamed or reordered on resize");
                errors.push(one.child("name").forbidden(text));
            }
        }
    }
    errors.len() == count
}

fn removed_resources(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    for list in ["initContainers", "containers"] {
        let both = new
            .child(list)
            .items()
            .into_iter()
            .zip(old.child(list).items());
        for (one, other) in both {
            for kind in ["requests", "limits"] {
                let at = one.child("resources");
                let at = at.child(kind);
                let had = other.child("resources").child(kind);
                if had.entries().iter().any(|(name, _)| !at.key(name).is_set()) {
                    errors.push(at.forbidden(format!("resource {kind} cannot be removed")));
                }
            }
        }
    }
}

/// The new spec with the old CPU and memory.
fn munge(new: &Map<String, Value>, old: &Map<String, Value>) -> Map<String, Value> {
    let mut munged = new.clone();
    for list in ["containers", "initContainers"] {
        let before = old.get(list).and_then(Value::as_array);
        let Some(containers) = munged.get_mut(list).and_then(Value::as_array_mut) else {
            continue;
        };
        for (one, other) in containers.iter_mut().zip(before.into_iter().flatten()) {
            keep_cpu_and_memory(one, other);
        }
    }
    munged
}

fn keep_cpu_and_memory(container: &mut Value, old: &Value) {
    let mut resources = container.get("resources").cloned().unwrap_or_default();
    if !resources.is_object() {
        resources = Value::Object(Map::new());
    }
    for kind in ["requests", "limits"] {
        let list = |of: &Value| {
            let found = of.get(kind).and_then(Value::as_object);
            found.cloned().unwrap_or_default()
        };
        let mut merged = list(&resources);
        let before = old.get("resources").map(list).unwrap_or_default();
        for name in ["cpu", "memory"] {
            match before.get(name) {
                Some(value) => merged.insert(name.to_owned(), value.clone()),
                None => merged.remove(name),
            };
        }
        let Some(resources) = resources.as_object_mut() else {
            return;
        };
        if merged.is_empty() && before.is_empty() {
            resources.remove(kind);
        } else {
            resources.insert(kind.to_owned(), Value::Object(merged));
        }
    }
    let empty = Value::Object(Map::new());
    let before = old.get("resources").unwrap_or(&Value::Null);
    if let Some(container) = container.as_object_mut() {
        if resources == empty && same(before, &Value::Null) {
            container.remove("resources");
        } else {
            container.insert("resources".to_owned(), resources);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(cpu: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "d", "uid": "u", "resourceVersion": "1",
                "creationTimestamp": "2030-01-01T00:00:00Z"},
            "spec": {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": 30,
                "containers": [{"name": "c", "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File",
                    "resources": {"requests": {"cpu": cpu}}}]},
            "status": {"qosClass": "Burstable"}})
    }

    fn told(check: fn(&At<'_>, &At<'_>, &mut Errors), new: &Value, old: &Value) -> Vec<String> {
        let mut errors = Errors::new();
        check(&At::new("", new), &At::new("", old), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn cpu_may_change_and_the_image_may_not() {
        let old = pod("1");
        assert_eq!(told(resize, &pod("2"), &old), Vec::<String>::new());
        let mut new = pod("2");
        new["spec"]["containers"][0]["image"] = json!("other");
        assert_eq!(
            told(resize, &new, &old),
            ["spec: Forbidden: only cpu and memory resources are mutable"]
        );
        let mut new = pod("2");
        new["spec"]["containers"][0]["resources"]["requests"] = json!({"memory": "1Mi"});
        assert_eq!(
            told(resize, &new, &old),
            [
                "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"
            ]
        );
        let mut new = pod("2");
        new["spec"]["containers"][0]["name"] = json!("d");
        assert_eq!(
            told(resize, &new, &old),
            [
                "spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize"
            ]
        );
        let mut new = pod("2");
        new["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "1", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "1Mi"}});
        assert_eq!(
            told(resize, &new, &old),
            [
                "spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing"
            ]
        );
    }

    #[test]
    fn a_pod_is_resized_where_its_node_can() {
        let with = |cpu: &str, statuses: &Value| {
            let mut pod = pod(cpu);
            pod["status"]["containerStatuses"] = statuses.clone();
            pod
        };
        let runs = json!({"running": {"startedAt": "2030-01-01T00:00:00Z"}});
        let ended = json!({"terminated": {"exitCode": 0}});
        let unable = "spec: Forbidden: Pod running on node without support for resize";
        for (statuses, wanted) in [
            (json!([{"name": "c", "state": {"waiting": {}}}]), vec![]),
            (json!([{"name": "c", "state": runs}]), vec![unable]),
            (
                json!([{"name": "c", "state": runs, "resources": {}}]),
                vec![],
            ),
            // The first one that runs decides.
            (
                json!([{"name": "a", "state": ended}, {"name": "b", "state": runs}, {"name": "c", "state": runs, "resources": {}}]),
                vec![unable],
            ),
        ] {
            let (new, old) = (with("2", &statuses), with("1", &statuses));
            assert_eq!(told(resize, &new, &old), wanted, "{statuses}");
        }
    }

    #[test]
    fn ephemeral_containers_are_only_added() {
        let with = |name: &str, image: &str| {
            let mut pod = pod("1");
            pod["spec"]["ephemeralContainers"] = json!([{"name": name, "image": image, "imagePullPolicy": "Always",
                "terminationMessagePolicy": "File"}]);
            pod
        };
        assert_eq!(
            told(ephemeral_containers, &with("e", "i"), &pod("1")),
            Vec::<String>::new()
        );
        assert_eq!(
            told(ephemeral_containers, &pod("1"), &with("e", "i")),
            [
                "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be removed\n"
            ]
        );
        let changed = told(ephemeral_containers, &with("e", "j"), &with("e", "i"));
        assert!(changed[0].starts_with("spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be changed\n"));
    }
}
