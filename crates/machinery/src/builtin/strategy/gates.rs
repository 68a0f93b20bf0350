//! Fields behind feature gates that are off by default: what is written loses them.

use serde_json::Value;

use super::Object;
use crate::builtin::edit::{child, each};

/// Forgets `lifecycle.stopSignal` (`ContainerStopSignals`) and `schedulingGroup` (`GenericWorkload`) of pods,
/// `maxUnavailable` of a `StatefulSet`, the dynamic configuration of a node, what coordinated leader election adds to a
/// `Lease`, that pods wait for a CSI driver, and attributes of devices that are lists.
pub fn drop_disabled(kind: &str, object: &mut Object) {
    let gone: &[&str] = match kind {
        "Lease" => &["strategy", "preferredHolder"],
        "Node" => &["configSource"],
        "CSIDriver" => &["preventPodSchedulingIfMissing"],
        _ => &[],
    };
    if let Some(spec) = child(object, "spec") {
        spec.retain(|key, _| !gone.contains(&key.as_str()));
    }
    if kind == "ResourceSlice" {
        slice(object);
    }
    if kind == "StatefulSet"
        && let Some(rolling) = below(object, &["spec", "updateStrategy", "rollingUpdate"])
    {
        rolling.remove("maxUnavailable");
    }
    let path: &[&str] = match kind {
        "Pod" => &["spec"],
        "PodTemplate" => &["template", "spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => &["spec", "template", "spec"],
    };
    if let Some(spec) = below(object, path) {
        spec.remove("schedulingGroup");
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            each(spec, list, stop_signal);
        }
    }
}

fn slice(object: &mut Object) {
    let Some(spec) = child(object, "spec") else {
        return;
    };
    each(spec, "devices", |device| {
        device.remove("nodeAllocatableResourceMappings");
        let attributes = child(device, "attributes");
        let each = attributes.into_iter().flat_map(|all| all.iter_mut());
        for attribute in each.filter_map(|(_, attribute)| attribute.as_object_mut()) {
            attribute.retain(|key, _| {
                !matches!(key.as_str(), "ints" | "bools" | "strings" | "versions")
            });
        }
    });
}

fn stop_signal(container: &mut Object) {
    let Some(lifecycle) = child(container, "lifecycle") else {
        return;
    };
    let had = lifecycle.remove("stopSignal").is_some();
    if had && lifecycle.values().all(Value::is_null) {
        container.remove("lifecycle");
    }
}

fn below<'a>(object: &'a mut Object, path: &[&str]) -> Option<&'a mut Object> {
    path.iter()
        .try_fold(object, |object, key| child(object, key))
}

#[test]
fn fields_behind_gates_are_lost_in_updates_too() {
    use serde_json::json;
    let deployment = |more: Value| {
        let mut spec = json!({"containers": [{"name": "c"}]});
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        json!({"metadata": {"name": "d"}, "spec": {"template": {"spec": spec}}})
    };
    let old = deployment(json!({}));
    let mut new = deployment(json!({"schedulingGroup": {"podGroupName": "g"},
        "containers": [{"name": "c", "lifecycle": {"stopSignal": "SIGTERM"}}]}));
    super::prepare_for_update("apps", "v1", "Deployment", &mut new, &old, None);
    assert_eq!(new, old);
}
