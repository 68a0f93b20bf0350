//! The recorded replies of a kube-apiserver 1.36.3 to POST, object by object:
//! what we default, prepare and admit must equal what it stored.

#![cfg(test)]

use std::path::PathBuf;

use machinery::builtin::{admission, defaults, strategy, validation};
use machinery::decode;
use machinery::schema::TypeTable;
use serde_json::{Value, json};

fn recorded(file: &str) -> Option<Vec<Value>> {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/conformance/kubernetes"
    ))
    .join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What the server gives every new object before its strategy runs.
fn identify(object: &mut Value, case: &Value) {
    let metadata = object["metadata"].as_object_mut().unwrap();
    for key in ["generation", "resourceVersion", "managedFields"] {
        metadata.remove(key);
    }
    metadata.insert(
        "uid".to_owned(),
        json!("00000000-0000-4000-8000-000000000000"),
    );
    metadata.insert(
        "creationTimestamp".to_owned(),
        json!("2030-01-01T00:00:00Z"),
    );
    if let Some(namespace) = case["returned"]["metadata"].get("namespace") {
        metadata.insert("namespace".to_owned(), namespace.clone());
    }
}

/// Identity, time and generation as recorded.
fn recorded_metadata(object: &mut Value, case: &Value) {
    let metadata = object["metadata"].as_object_mut().unwrap();
    for key in [
        "uid",
        "creationTimestamp",
        "resourceVersion",
        "generation",
        "managedFields",
    ] {
        metadata.remove(key);
        if let Some(value) = case["returned"]["metadata"].get(key) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
}

/// A Job's selector is made from its uid, which the recording keeps there.
fn job_uid(object: &mut Value, case: &Value) {
    let labels = &case["returned"]["spec"]["template"]["metadata"]["labels"];
    if let (Some(uid), "Job") = (labels.get("controller-uid"), text(case, "kind")) {
        object["metadata"]["uid"] = uid.clone();
    }
}

/// Allocation and the requesting user are the server's: taken from the recording.
fn allocated(object: &mut Value, case: &Value) {
    let returned = &case["returned"]["spec"];
    match text(case, "kind") {
        "Service" => {
            for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if let Some(value) = returned.get(key) {
                    object["spec"][key] = value.clone();
                }
            }
            for (index, port) in returned["ports"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                if let Some(node_port) = port.get("nodePort") {
                    object["spec"]["ports"][index]["nodePort"] = node_port.clone();
                }
            }
        }
        "CertificateSigningRequest" => {
            for key in ["username", "groups", "uid"] {
                object["spec"][key] = returned[key].clone();
            }
        }
        "PersistentVolume" => {
            object["status"]["lastPhaseTransitionTime"] =
                case["returned"]["status"]["lastPhaseTransitionTime"].clone();
        }
        _ => {}
    }
}

fn process(case: &Value) -> Value {
    let (group, version, kind) = (
        text(case, "group"),
        text(case, "version"),
        text(case, "kind"),
    );
    let id = TypeTable::builtin().type_of(group, version, kind).unwrap();
    let mut object = decode::normalise(id, &case["sent"]).unwrap();
    defaults::apply(group, version, kind, &mut object);
    identify(&mut object, case);
    job_uid(&mut object, case);
    if kind == "Service" {
        strategy::service::sync_cluster_ips(object.as_object_mut().unwrap(), None);
    }
    strategy::prepare_for_create(group, version, kind, &mut object);
    admission::create(group, kind, &mut object);
    if kind == "Pod" {
        admission::service_account(&mut object, &json!({}), "bcdfg");
        admission::priority(&mut object, None);
    }
    assert_eq!(
        validation::validate_create(group, version, kind, &object),
        Vec::new(),
        "{kind} {}",
        text(case, "name")
    );
    // The reply is what a read of the stored object would decode.
    let mut stored = decode::normalise(id, &object).unwrap();
    strategy::as_stored(group, kind, &mut stored);
    defaults::apply(group, version, kind, &mut stored);
    let mut stored = decode::normalise(id, &stored).unwrap();
    recorded_metadata(&mut stored, case);
    allocated(&mut stored, case);
    replace(
        &mut stored,
        &json!("kube-api-access-bcdfg"),
        &json!("<kube-api-access-5>"),
    );
    stored["kind"] = json!(kind);
    stored["apiVersion"] = case["returned"]["apiVersion"].clone();
    stored
}

fn replace(value: &mut Value, from: &Value, to: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, from, to)),
        other if other == from => *other = to.clone(),
        _ => {}
    }
}

fn differences(path: &str, ours: &Value, theirs: &Value, out: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let mut keys: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                match (ours.get(key), theirs.get(key)) {
                    (Some(ours), Some(theirs)) => {
                        differences(&format!("{path}.{key}"), ours, theirs, out);
                    }
                    (ours, theirs) => {
                        out.push(format!("{path}.{key}: ours {ours:?}, theirs {theirs:?}"));
                    }
                }
            }
        }
        (ours, theirs) if ours != theirs => {
            out.push(format!("{path}: ours {ours}, theirs {theirs}"));
        }
        _ => {}
    }
}

#[test]
fn recorded_objects_are_stored_as_the_real_server_stores_them() {
    let Some(cases) = recorded("defaults.ndjson") else {
        return;
    };
    let mut wrong = Vec::new();
    for case in &cases {
        let mut found = Vec::new();
        differences("", &process(case), &case["returned"], &mut found);
        if !found.is_empty() {
            wrong.push(format!(
                "{} {}:\n  {}",
                text(case, "kind"),
                text(case, "name"),
                found.join("\n  ")
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} objects differ\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
