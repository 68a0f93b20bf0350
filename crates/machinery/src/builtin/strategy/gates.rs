//! Fields behind feature gates that are off by default: a new object loses them.

use serde_json::Value;

use super::Object;
use crate::builtin::edit::{child, each};

/// Forgets `lifecycle.stopSignal` (`ContainerStopSignals`), `maxUnavailable` of a `StatefulSet`, the dynamic
/// configuration of a node, what coordinated leader election adds to a `Lease`, that pods wait for a CSI driver, and
/// attributes of devices that are lists.
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
