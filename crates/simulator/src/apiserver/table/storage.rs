//! Rows of volumes, claims and storage.k8s.io.

use serde_json::Value;

use super::view::View;

const CLASS_ANNOTATION: &str = "/metadata/annotations/volume.beta.kubernetes.io~1storage-class";

pub(super) fn cells(plural: &str, view: View<'_>) -> Option<Vec<Value>> {
    Some(match plural {
        "storageclasses" => storage_class(view),
        "csidrivers" => csi_driver(view),
        "csinodes" => vec![view.name(), view.len_cell("/spec/drivers"), view.age()],
        "volumeattachments" => vec![
            view.name(),
            Value::from(view.str("/spec/attacher")),
            Value::from(view.str("/spec/source/persistentVolumeName")),
            Value::from(view.str("/spec/nodeName")),
            Value::from(view.bool("/status/attached")),
            view.age(),
        ],
        "volumeattributesclasses" => vec![
            view.name(),
            Value::from(view.str("/driverName")),
            view.age(),
        ],
        _ => return None,
    })
}

fn storage_class(view: View<'_>) -> Vec<Value> {
    let default = [
        "storageclass.kubernetes.io~1is-default-class",
        "storageclass.beta.kubernetes.io~1is-default-class",
    ]
    .iter()
    .any(|key| view.str(&format!("/metadata/annotations/{key}")) == "true");
    let name = format!(
        "{}{}",
        view.str("/metadata/name"),
        if default { " (default)" } else { "" }
    );
    vec![
        Value::from(name),
        Value::from(view.str("/provisioner")),
        Value::from(view.str_or("/reclaimPolicy", "Delete")),
        Value::from(view.str_or("/volumeBindingMode", "Immediate")),
        Value::from(view.bool("/allowVolumeExpansion")),
        view.age(),
    ]
}

fn csi_driver(view: View<'_>) -> Vec<Value> {
    let modes = view.strs("/spec/volumeLifecycleModes").join(",");
    let tokens = view.get("/spec/tokenRequests").map_or_else(
        || "<unset>".to_owned(),
        |_| {
            view.list("/spec/tokenRequests")
                .map(|request| request.str("/audience"))
                .collect::<Vec<_>>()
                .join(",")
        },
    );
    vec![
        view.name(),
        Value::from(view.bool_or("/spec/attachRequired", true)),
        Value::from(view.bool("/spec/podInfoOnMount")),
        Value::from(view.bool("/spec/storageCapacity")),
        Value::from(tokens),
        Value::from(view.bool("/spec/requiresRepublish")),
        Value::from(if modes.is_empty() {
            "<none>".to_owned()
        } else {
            modes
        }),
        view.age(),
    ]
}

fn access_modes(view: View<'_>, pointer: &str) -> String {
    let modes = view.strs(pointer);
    let short = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let found: Vec<&str> = short
        .iter()
        .filter(|(mode, _)| modes.contains(mode))
        .map(|(_, short)| *short)
        .collect();
    found.join(",")
}

fn phase(view: View<'_>) -> Value {
    Value::from(if view.has("/metadata/deletionTimestamp") {
        "Terminating"
    } else {
        view.str("/status/phase")
    })
}

fn class(view: View<'_>) -> Value {
    Value::from(if view.has(CLASS_ANNOTATION) {
        view.str(CLASS_ANNOTATION)
    } else {
        view.str("/spec/storageClassName")
    })
}

fn or_unset(view: View<'_>, pointer: &str) -> Value {
    Value::from(
        view.get(pointer)
            .and_then(Value::as_str)
            .unwrap_or("<unset>"),
    )
}

pub(super) fn volume(view: View<'_>) -> Vec<Value> {
    let claim = view
        .get("/spec/claimRef")
        .map_or_else(String::new, |claim| {
            let claim = view.of(claim);
            format!("{}/{}", claim.str("/namespace"), claim.str("/name"))
        });
    vec![
        view.name(),
        Value::from(view.quantity("/spec/capacity/storage")),
        Value::from(access_modes(view, "/spec/accessModes")),
        Value::from(view.str("/spec/persistentVolumeReclaimPolicy")),
        phase(view),
        Value::from(claim),
        class(view),
        or_unset(view, "/spec/volumeAttributesClassName"),
        Value::from(view.str("/status/reason")),
        view.age(),
        or_unset(view, "/spec/volumeMode"),
    ]
}

pub(super) fn claim(view: View<'_>) -> Vec<Value> {
    let bound = !view.str("/spec/volumeName").is_empty();
    let (capacity, modes) = if bound {
        (
            view.quantity("/status/capacity/storage"),
            access_modes(view, "/status/accessModes"),
        )
    } else {
        (String::new(), String::new())
    };
    vec![
        view.name(),
        phase(view),
        Value::from(view.str("/spec/volumeName")),
        Value::from(capacity),
        Value::from(modes),
        class(view),
        or_unset(view, "/spec/volumeAttributesClassName"),
        view.age(),
        or_unset(view, "/spec/volumeMode"),
    ]
}
