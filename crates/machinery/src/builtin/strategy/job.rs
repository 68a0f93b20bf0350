//! The selector and labels of a Job (`pkg/registry/batch/job/strategy.go`).

use serde_json::{Map, Value, json};

use crate::builtin::edit::{child, ensure, set, text};

/// Whether the labels of a Job, as it was sent, become those of its template: upstream's default is the same map in memory,
/// which goes on being both (`SetDefaults_Job`).
pub fn shares_labels(job: &Value) -> bool {
    let labels = |path: &str| job.pointer(path).and_then(Value::as_object);
    labels("/metadata/labels").is_none_or(Map::is_empty)
        && labels("/spec/template/metadata/labels").is_some()
}

/// Gives a Job the labels of its template.
pub fn share_labels(job: &mut Value) {
    let labels = job.pointer("/spec/template/metadata/labels").cloned();
    let metadata = job.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Some(metadata), Some(labels)) = (metadata, labels) {
        metadata.insert("labels".to_owned(), labels);
    }
}

/// Unless `manualSelector` is true, the pods are found by a label with the Job's uid, put into the template as well.
pub fn generate_selector(job: &mut Map<String, Value>) {
    let metadata = job
        .get("metadata")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let (name, uid) = (text(&metadata, "name"), text(&metadata, "uid"));
    let Some(spec) = child(job, "spec") else {
        return;
    };
    if spec.get("manualSelector") == Some(&json!(true)) {
        return;
    }
    let template = ensure(spec, "template").and_then(|template| ensure(template, "metadata"));
    if let Some(labels) = template.and_then(|metadata| ensure(metadata, "labels")) {
        set(labels, "job-name", name);
        set(labels, "batch.kubernetes.io/job-name", name);
        set(labels, "controller-uid", uid);
        set(labels, "batch.kubernetes.io/controller-uid", uid);
    }
    if let Some(selector) =
        ensure(spec, "selector").and_then(|selector| ensure(selector, "matchLabels"))
    {
        set(selector, "batch.kubernetes.io/controller-uid", uid);
    }
}
