//! The installation that people come from: kube-prometheus-stack 14.0.1, recorded beside the checkout, with its definitions and
//! its role as they were then.

use std::path::Path;

use anyhow::{Context as _, Result};
use machinery::builtin::defaults;
use machinery::{meta, yaml};
use runtime::access::Right;
use serde_json::{Value, json};

/// What all names of the release begin with.
pub const FULLNAME: &str = "monitor-kube-prometheus-st";

/// The namespace that the recording was made in.
const RECORDED: &str = "monitoring";

/// What the chart's operator may do: nothing about status, storage classes and pods' labels.
pub fn role() -> Vec<Right> {
    let custom = [
        "alertmanagers",
        "alertmanagers/finalizers",
        "alertmanagerconfigs",
        "prometheuses",
        "prometheuses/finalizers",
        "thanosrulers",
        "thanosrulers/finalizers",
        "servicemonitors",
        "podmonitors",
        "probes",
        "prometheusrules",
    ];
    let custom = custom.map(|resource| (format!("{resource}.monitoring.coreos.com"), ALL));
    let core = [
        ("statefulsets.apps", ALL),
        ("configmaps", ALL),
        ("secrets", ALL),
        ("pods", "list delete"),
        ("services", "get create update delete"),
        ("services/finalizers", "get create update delete"),
        ("endpoints", "get create update delete"),
        ("nodes", "list watch"),
        ("namespaces", "get list watch"),
    ];
    let core = core.map(|(resource, verbs)| (resource.to_owned(), verbs));
    let each = custom.into_iter().chain(core);
    each.flat_map(|(resource, verbs)| {
        let verbs = verbs.split(' ');
        verbs
            .map(|verb| format!("{verb} {resource}"))
            .collect::<Vec<_>>()
    })
    .filter_map(|right| right.parse().ok())
    .collect()
}

const ALL: &str = "get list watch create update patch delete";

/// Makes a definition as old as the chart: no subresources and no defaults.
pub fn age(definition: &mut Value) {
    let versions = definition.pointer_mut("/spec/versions");
    let versions = versions.and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        if let Some(version) = version.as_object_mut() {
            version.insert("subresources".to_owned(), json!({}));
        }
        if let Some(schema) = version.pointer_mut("/schema/openAPIV3Schema") {
            without_defaults(schema);
        }
    }
}

/// Takes the defaults out of a schema. Fields may be called so too, and their schemas are no defaults.
fn without_defaults(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    // Rules, and keys of lists, rely on the defaults of what they are about.
    for keyword in [
        "default",
        "x-kubernetes-validations",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
    ] {
        fields.remove(keyword);
    }
    for (keyword, value) in fields {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(without_defaults);
            }
            ("items" | "additionalProperties", schema) => without_defaults(schema),
            _ => {}
        }
    }
}

/// A recorded file, with this namespace in place of its own; `None` where there are no recordings.
pub fn recorded(file: &str, namespace: &str) -> Result<Option<String>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/monitoring/seed");
    if !folder.exists() {
        println!("skipped: no recordings beside the checkout");
        return Ok(None);
    }
    let text = std::fs::read_to_string(folder.join(file)).with_context(|| file.to_owned())?;
    let text = text
        .replace(&format!("{RECORDED}/"), &format!("{namespace}/"))
        .replace(&format!(".{RECORDED}:"), &format!(".{namespace}:"))
        .replace(
            &format!("namespace: {RECORDED}\n"),
            &format!("namespace: {namespace}\n"),
        )
        .replace(
            &format!("namespace: {RECORDED}}}"),
            &format!("namespace: {namespace}}}"),
        )
        .replace(&format!("- {RECORDED}\n"), &format!("- {namespace}\n"));
    Ok(Some(text))
}

/// The one document of a recorded file, or the objects of its list.
pub fn objects(text: &str) -> Result<Vec<Value>> {
    let documents = yaml::parse_documents(text)?;
    let each = documents.into_iter().flat_map(|document| match document {
        Value::Array(items) => items,
        other => vec![other],
    });
    Ok(each.collect())
}

/// The StatefulSet that the chart's arguments make of the recorded one: the label of old Services, the reloader's resources,
/// addresses without a name, and the Secret of TLS material.
pub fn expected_set(text: &str) -> Result<Value> {
    let text = text.replace("//localhost:", "//127.0.0.1:");
    let mut set = objects(&text)?.into_iter().next().context("no set")?;
    set["apiVersion"] = json!("apps/v1");
    set["kind"] = json!("StatefulSet");
    let name = meta::name(&set).to_owned();
    let template = &mut set["spec"]["template"];
    template["metadata"]["labels"]["app"] = json!("prometheus");
    for list in ["containers", "initContainers"] {
        let containers = template["spec"][list].as_array_mut();
        for container in containers.into_iter().flatten() {
            if container["name"]
                .as_str()
                .is_some_and(|name| name.ends_with("config-reloader"))
            {
                let few = json!({"cpu": "100m", "memory": "50Mi"});
                container["resources"] = json!({"limits": few, "requests": few});
            }
        }
    }
    let volumes = template["spec"]["volumes"].as_array_mut();
    for volume in volumes.into_iter().flatten() {
        if volume["name"] == "tls-assets" {
            volume["projected"]["sources"] =
                json!([{"secret": {"name": format!("{name}-tls-assets-0")}}]);
        }
    }
    defaults::apply("apps", "v1", "StatefulSet", &mut set);
    Ok(comparable(&set))
}

/// Of a StatefulSet what two of them can be compared by.
pub fn comparable(set: &Value) -> Value {
    let mut spec = bare(set.get("spec").unwrap_or(&Value::Null));
    let claims = spec
        .get_mut("volumeClaimTemplates")
        .and_then(Value::as_array_mut);
    for claim in claims.into_iter().flatten() {
        if let Some(claim) = claim.as_object_mut() {
            for field in ["status", "kind", "apiVersion"] {
                claim.remove(field);
            }
        }
    }
    json!({"labels": set.pointer("/metadata/labels"), "spec": spec})
}

/// Without nulls and empty lists, which mean the same as nothing. An empty map may mean something: `emptyDir: {}`.
fn bare(value: &Value) -> Value {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), bare(value)))
            .filter(|(_, value)| !empty(value))
            .collect(),
        Value::Array(items) => items.iter().map(bare).collect(),
        other => other.clone(),
    }
}
