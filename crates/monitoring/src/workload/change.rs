//! What must be written so that the cluster holds a StatefulSet, DaemonSet or Service as it was made (upstream's
//! `pkg/k8s/k8s.go`). Pure: what is stored and what is wanted in, one write out.

use std::collections::BTreeSet;

use machinery::builtin::defaults;
use machinery::hash::fnv64a;
use machinery::{go_json, meta};
use serde_json::{Map, Value, json};

use super::metadata::{INPUT_HASH, Texts, add};

/// Fields of a StatefulSet's spec that cannot be changed; a DaemonSet has one of them.
const FIXED: [&str; 4] = [
    "podManagementPolicy",
    "selector",
    "serviceName",
    "volumeClaimTemplates",
];
const OWN: &str = "operator.prometheus.io/";
const KUBECTL: &str = "kubectl.kubernetes.io/";

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Nothing: it is stored as it is wanted.
    None,
    /// Nothing yet: it is being deleted.
    Wait,
    /// It isn't there.
    Create(Value),
    /// The whole object, with the resource version that was seen.
    Update(Value),
    /// A field that cannot be changed differs: it is deleted without its pods and created again.
    Recreate(Recreation),
}

/// How a StatefulSet or DaemonSet is made anew around its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recreation {
    /// The fixed fields that differ.
    pub fields: Vec<&'static str>,
    /// Labels that pods need first, if the selector changed: else nobody adopts them.
    pub pod_labels: Option<Texts>,
    /// Whether claims have other names: volumes of a pod can't be changed, so that none could stay.
    pub replaces_pods: bool,
}

/// The write for a StatefulSet or DaemonSet. The annotation with the input's hash is set here.
///
/// What is stored counts as wanted if it equals what the API server makes of it, or if it is what an earlier write of the
/// same object became: admission plug-ins may change what we write, and that must not be written again for ever.
pub fn workload_change(stored: Option<&Value>, wanted: &Value) -> Change {
    let Some(stored) = stored else {
        return Change::Create(hashed(wanted.clone(), &Value::Null));
    };
    if meta::deletion_timestamp(stored).is_some() {
        return Change::Wait;
    }
    let mut target = wanted.clone();
    keep_metadata(&mut target, stored);
    keep_restarts(&mut target, stored);
    let kind = meta::kind(wanted).to_owned();
    let mut defaulted = target.clone();
    defaults::apply("apps", "v1", &kind, &mut defaulted);
    if let Some(recreation) = recreation(stored, &defaulted) {
        return Change::Recreate(recreation);
    }
    let settled = || {
        let hash = digest(&target, stored);
        meta::annotation(stored, INPUT_HASH) == Some(hash.as_str())
    };
    let same_spec = spec(&defaulted) == spec(stored);
    if same_metadata(&target, stored) && (same_spec || settled()) {
        return Change::None;
    }
    meta::set_resource_version(&mut target, meta::resource_version(stored));
    Change::Update(hashed(target, stored))
}

/// The write for a governing Service: addresses are kept, and what others who own it added, so that objects which share it
/// don't write it in turn.
pub fn service_change(stored: Option<&Value>, wanted: &Value) -> Change {
    let Some(stored) = stored else {
        return Change::Create(wanted.clone());
    };
    if meta::deletion_timestamp(stored).is_some() {
        return Change::Wait;
    }
    let mut target = wanted.clone();
    keep_metadata(&mut target, stored);
    if is_shared(stored, wanted) {
        keep_ports(&mut target, stored);
    }
    keep_owners(&mut target, stored);
    let empty = Map::new();
    let before = stored
        .get("spec")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    if let Some(spec) = target.get_mut("spec").and_then(Value::as_object_mut) {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if let Some(value) = before.get(field) {
                spec.insert(field.to_owned(), value.clone());
            }
        }
    }
    let mut defaulted = target.clone();
    defaults::apply("", "v1", "Service", &mut defaulted);
    let says = defaulted.get("spec").and_then(Value::as_object);
    let same = says.is_some_and(|says| {
        says.iter()
            .all(|(key, value)| before.get(key) == Some(value))
    });
    if same
        && same_metadata(&target, stored)
        && meta::owner_references(&target) == meta::owner_references(stored)
    {
        return Change::None;
    }
    meta::set_resource_version(&mut target, meta::resource_version(stored));
    Change::Update(target)
}

/// The write for a Secret or ConfigMap: only if its data, its owners or what we say about it differ.
pub fn secret_change(stored: Option<&Value>, mut wanted: Value) -> Change {
    let Some(stored) = stored else {
        return Change::Create(wanted);
    };
    if meta::deletion_timestamp(stored).is_some() {
        return Change::Wait;
    }
    keep_metadata(&mut wanted, stored);
    if data(&wanted).eq(data(stored))
        && same_metadata(&wanted, stored)
        && meta::owner_references(&wanted) == meta::owner_references(stored)
    {
        return Change::None;
    }
    meta::set_resource_version(&mut wanted, meta::resource_version(stored));
    Change::Update(wanted)
}

/// What a Secret or ConfigMap holds.
fn data(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let data = object.get("data").and_then(Value::as_object);
    data.into_iter()
        .flatten()
        .filter(|(_, text)| !is_empty(text))
}

fn spec(object: &Value) -> Value {
    let mut spec = object.get("spec").cloned().unwrap_or_default();
    if let Some(spec) = spec.as_object_mut() {
        // Nobody asks for a number of revisions, and it changes no pod.
        spec.remove("revisionHistoryLimit");
    }
    bare(&spec)
}

/// Without nulls and empty parts, which Go's structs and other clients write in different ways.
fn bare(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, field)| (key.clone(), bare(field)))
                .filter(|(_, field)| !is_empty(field))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(bare).collect()),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Ours win; what others set stays, but for names of ours that we no longer set.
fn keep_metadata(target: &mut Value, stored: &Value) {
    for (field, before, ours) in [
        ("labels", meta::labels(stored), meta::labels(target)),
        (
            "annotations",
            meta::annotations(stored),
            meta::annotations(target),
        ),
    ] {
        let mut kept = before;
        kept.retain(|key, _| !key.starts_with(OWN));
        add(&mut kept, &ours);
        meta::set(target, field, json!(kept));
    }
}

/// `kubectl rollout restart` marks the pod template.
fn keep_restarts(target: &mut Value, stored: &Value) {
    const PLACE: &str = "/spec/template/metadata/annotations";
    let marks = meta::string_map(stored.pointer(PLACE));
    let metadata = target.pointer_mut("/spec/template/metadata");
    let Some(metadata) = metadata.and_then(Value::as_object_mut) else {
        return;
    };
    let mut ours = meta::string_map(metadata.get("annotations"));
    for (key, value) in marks {
        if key.starts_with(KUBECTL) {
            ours.entry(key).or_insert(value);
        }
    }
    metadata.insert("annotations".to_owned(), json!(ours));
}

fn keep_owners(target: &mut Value, stored: &Value) {
    let mut owners = meta::owner_references(stored);
    for owner in meta::owner_references(target) {
        if !owners.iter().any(|known| known.uid == owner.uid) {
            owners.push(owner);
        }
    }
    meta::set_owner_references(target, &owners);
}

/// Whether somebody owns it who isn't the one that wants it.
fn is_shared(stored: &Value, wanted: &Value) -> bool {
    let ours = meta::owner_references(wanted);
    let owners = meta::owner_references(stored);
    let known = |uid: &str| ours.iter().any(|own| own.uid == uid);
    owners.iter().any(|owner| !known(&owner.uid))
}

/// A port that another object added, such as Thanos', stays. Where two want a port by another name, the first owner has its
/// way: else they would write it in turn.
fn keep_ports(target: &mut Value, stored: &Value) {
    let place = |port: &Value| {
        let protocol = port.get("protocol").and_then(Value::as_str);
        (
            port.get("port").cloned(),
            protocol.unwrap_or("TCP").to_owned(),
            port.get("name").cloned(),
        )
    };
    let first = meta::owner_references(stored).into_iter().next();
    let leads = first.is_none_or(|first| {
        let ours = meta::owner_references(target);
        ours.first().is_some_and(|own| own.uid == first.uid)
    });
    let others = stored.pointer("/spec/ports").and_then(Value::as_array);
    let ports = target
        .pointer_mut("/spec/ports")
        .and_then(Value::as_array_mut);
    if let (Some(ports), Some(others)) = (ports, others) {
        let mut added = others.clone();
        if !leads {
            std::mem::swap(ports, &mut added);
        }
        for other in added {
            let (number, protocol, name) = place(&other);
            let taken = ports
                .iter()
                .map(place)
                .any(|(port, proto, ours)| (port == number && proto == protocol) || ours == name);
            if !taken {
                ports.push(other);
            }
        }
    }
}

fn same_metadata(target: &Value, stored: &Value) -> bool {
    let without_hash = |mut annotations: Texts| {
        annotations.remove(INPUT_HASH);
        annotations
    };
    meta::labels(target) == meta::labels(stored)
        && without_hash(meta::annotations(target)) == without_hash(meta::annotations(stored))
}

fn recreation(stored: &Value, wanted: &Value) -> Option<Recreation> {
    let part = |object: &Value, field: &str| match object.pointer(&format!("/spec/{field}")) {
        Some(claims) if field == "volumeClaimTemplates" => bare(&claims_without_status(claims)),
        Some(value) => bare(value),
        None => Value::Null,
    };
    let differs = |field: &&str| {
        let (before, after) = (part(stored, field), part(wanted, field));
        before != after && !(is_empty(&before) && is_empty(&after))
    };
    let fields: Vec<&'static str> = FIXED.into_iter().filter(differs).collect();
    let labels = || meta::string_map(wanted.pointer("/spec/selector/matchLabels"));
    (!fields.is_empty()).then(|| Recreation {
        pod_labels: fields.contains(&"selector").then(labels),
        replaces_pods: claim_names(stored) != claim_names(wanted),
        fields,
    })
}

fn claim_names(set: &Value) -> BTreeSet<&str> {
    let claims = set.pointer("/spec/volumeClaimTemplates");
    let claims = claims.and_then(Value::as_array);
    claims.into_iter().flatten().map(meta::name).collect()
}

/// The API server fills in a status, and types that nobody writes.
fn claims_without_status(claims: &Value) -> Value {
    let mut claims = claims.clone();
    for claim in claims.as_array_mut().into_iter().flatten() {
        if let Some(claim) = claim.as_object_mut() {
            for field in ["status", "apiVersion", "kind"] {
                claim.remove(field);
            }
        }
    }
    claims
}

/// Digest of what is wanted and of what was there before.
fn digest(wanted: &Value, stored: &Value) -> String {
    let mut wanted = wanted.clone();
    meta::remove_annotation(&mut wanted, INPUT_HASH);
    let both = json!([
        wanted.get("metadata").map(labels_and_annotations),
        spec(&wanted),
        spec(stored)
    ]);
    fnv64a(&go_json::to_vec(&both, None)).to_string()
}

fn labels_and_annotations(metadata: &Value) -> Value {
    json!([metadata.get("labels"), metadata.get("annotations")])
}

fn hashed(mut object: Value, stored: &Value) -> Value {
    let hash = digest(&object, stored);
    // A DaemonSet carries none.
    if meta::kind(&object) == "StatefulSet" {
        meta::set_annotation(&mut object, INPUT_HASH, &hash);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "x", "labels": {"a": "1"}, "annotations": {}},
            "spec": {
                "serviceName": "s", "replicas": 1, "podManagementPolicy": "Parallel",
                "updateStrategy": {"type": "RollingUpdate"},
                "selector": {"matchLabels": {"l": "1"}},
                "template": {
                    "metadata": {"labels": {"l": "1"}, "annotations": {}},
                    "spec": {"containers": [{"name": "c", "image": "i"}]},
                },
            },
        })
    }

    /// As the API server stores what was written.
    fn stored(change: Change) -> Value {
        let (Change::Create(mut object) | Change::Update(mut object)) = change else {
            panic!("nothing is written: {change:?}");
        };
        defaults::apply("apps", "v1", "StatefulSet", &mut object);
        meta::set_resource_version(&mut object, "7");
        object
    }

    #[test]
    fn what_is_stored_as_it_is_wanted_is_not_written_again() {
        let created = stored(workload_change(None, &wanted()));
        assert!(meta::annotation(&created, INPUT_HASH).is_some());
        assert_eq!(workload_change(Some(&created), &wanted()), Change::None);
    }

    #[test]
    fn a_plug_in_that_changes_what_is_written_makes_no_loop() {
        let injected = |mut object: Value| {
            object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("mirror/i");
            object
        };
        let created = injected(stored(workload_change(None, &wanted())));
        let updated = injected(stored(workload_change(Some(&created), &wanted())));
        assert_eq!(workload_change(Some(&updated), &wanted()), Change::None);
        let mut more = wanted();
        more["spec"]["replicas"] = json!(2);
        assert!(matches!(
            workload_change(Some(&updated), &more),
            Change::Update(_)
        ));
    }

    #[test]
    fn changes_of_others_to_the_spec_go_and_those_to_metadata_stay() {
        let mut object = stored(workload_change(None, &wanted()));
        meta::set_label(&mut object, "theirs", "1");
        meta::set_label(&mut object, "operator.prometheus.io/old", "1");
        meta::set_annotation(&mut object, "theirs", "2");
        object["spec"]["template"]["spec"]["hostPID"] = json!(true);
        object["spec"]["template"]["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/restartedAt": "now", "other": "1"});
        let Change::Update(update) = workload_change(Some(&object), &wanted()) else {
            panic!("not updated");
        };
        assert_eq!(meta::label(&update, "theirs"), Some("1"));
        assert_eq!(meta::label(&update, "operator.prometheus.io/old"), None);
        assert_eq!(meta::annotation(&update, "theirs"), Some("2"));
        assert_eq!(meta::resource_version(&update), "7");
        assert!(update.pointer("/spec/template/spec/hostPID").is_none());
        assert_eq!(
            update["spec"]["template"]["metadata"]["annotations"],
            json!({"kubectl.kubernetes.io/restartedAt": "now"})
        );
    }

    #[test]
    fn only_fixed_fields_make_it_anew() {
        let object = stored(workload_change(None, &wanted()));
        let mut other = wanted();
        other["spec"]["selector"]["matchLabels"] = json!({"l": "2"});
        let Change::Recreate(recreation) = workload_change(Some(&object), &other) else {
            panic!("not made anew");
        };
        assert_eq!(recreation.fields, ["selector"]);
        assert_eq!(recreation.pod_labels.unwrap()["l"], "2");
        other = wanted();
        other["spec"]["serviceName"] = json!("t");
        let Change::Recreate(recreation) = workload_change(Some(&object), &other) else {
            panic!("not made anew");
        };
        assert_eq!(
            (recreation.fields, recreation.pod_labels),
            (vec!["serviceName"], None)
        );
        let mut going = object;
        meta::set(
            &mut going,
            "deletionTimestamp",
            json!("2030-01-01T00:00:00Z"),
        );
        assert_eq!(workload_change(Some(&going), &other), Change::Wait);
    }

    #[test]
    fn a_secret_is_written_when_its_data_differ() {
        let wanted = json!({"metadata": {"labels": {"a": "1"}}, "data": {"k": "djE="}});
        let mut stored = wanted.clone();
        meta::set_label(&mut stored, "theirs", "1");
        meta::set_resource_version(&mut stored, "3");
        assert_eq!(secret_change(Some(&stored), wanted.clone()), Change::None);
        stored["data"] = json!({"k": "djI=", "old": ""});
        let Change::Update(update) = secret_change(Some(&stored), wanted.clone()) else {
            panic!("not updated");
        };
        assert_eq!(update["data"], json!({"k": "djE="}));
        assert_eq!(meta::label(&update, "theirs"), Some("1"));
    }
}
