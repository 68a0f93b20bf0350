//! Custom resource definitions, made from the types: structure as upstream's, short descriptions of our own and none inside
//! shared types, so that client-side `kubectl apply` can store each of them in its annotation.

use machinery::schema::{Field, openapi};
use serde_json::{Value, json};

use super::alertmanager::AlertmanagerSpec;
use super::alertmanager_config::AlertmanagerConfigSpec;
use super::pod_monitor::PodMonitorSpec;
use super::probe::ProbeSpec;
use super::prometheus::PrometheusSpec;
use super::prometheus_agent::PrometheusAgentSpec;
use super::prometheus_rule::PrometheusRuleSpec;
use super::schema::ApiSchema;
use super::scrape_config::ScrapeConfigSpec;
use super::service_monitor::ServiceMonitorSpec;
use super::status::{
    AlertmanagerStatus, ConfigResourceStatus, PrometheusStatus, ThanosRulerStatus,
};
use super::thanos_ruler::ThanosRulerSpec;
use super::{GROUP, v1beta1};

/// What a definition says besides its schema.
struct Definition {
    kind: &'static str,
    plural: &'static str,
    short: &'static str,
    version: &'static str,
    /// What the kind is for.
    about: &'static str,
    spec: Value,
    status: Value,
    shape: Shape,
    /// Levels of objects that keep descriptions.
    described: usize,
}

/// Columns and subresources.
#[derive(Clone, Copy)]
enum Shape {
    /// Only a status.
    Configuration,
    /// A workload; the name of the column with the wished number, and what `/scale` changes.
    Workload(&'static str, Option<Scale>),
}

#[derive(Clone, Copy)]
enum Scale {
    Shards,
    Replicas,
}

/// The ten definitions, by name; AlertmanagerConfig with `v1alpha1` alone, which needs no conversion.
pub fn crds() -> Vec<Value> {
    definitions()
        .into_iter()
        .map(|definition| to_crd(definition, false))
        .collect()
}

/// The ten definitions, by name; AlertmanagerConfig with both versions. They need the conversion webhook.
pub fn full_crds() -> Vec<Value> {
    definitions()
        .into_iter()
        .map(|definition| to_crd(definition, true))
        .collect()
}

fn configuration(
    (kind, plural, short, version): (&'static str, &'static str, &'static str, &'static str),
    about: &'static str,
    spec: Value,
    described: usize,
) -> Definition {
    Definition {
        kind,
        plural,
        short,
        version,
        about,
        spec,
        status: ConfigResourceStatus::schema(),
        shape: Shape::Configuration,
        described,
    }
}

fn definitions() -> Vec<Definition> {
    vec![
        configuration(
            (
                "AlertmanagerConfig",
                "alertmanagerconfigs",
                "amcfg",
                "v1alpha1",
            ),
            "Routes and receivers that are merged into an Alertmanager's configuration.",
            AlertmanagerConfigSpec::schema(),
            4,
        ),
        Definition {
            kind: "Alertmanager",
            plural: "alertmanagers",
            short: "am",
            version: "v1",
            about: "An Alertmanager cluster.",
            spec: AlertmanagerSpec::schema(),
            status: AlertmanagerStatus::schema(),
            shape: Shape::Workload("Replicas", Some(Scale::Replicas)),
            described: 4,
        },
        configuration(
            ("PodMonitor", "podmonitors", "pmon", "v1"),
            "Pods that are scraped.",
            PodMonitorSpec::schema(),
            4,
        ),
        configuration(
            ("Probe", "probes", "prb", "v1"),
            "Targets that a prober looks at.",
            ProbeSpec::schema(),
            4,
        ),
        prometheus_agent(),
        prometheus(),
        configuration(
            ("PrometheusRule", "prometheusrules", "promrule", "v1"),
            "Recording and alerting rules.",
            PrometheusRuleSpec::schema(),
            4,
        ),
        configuration(
            ("ScrapeConfig", "scrapeconfigs", "scfg", "v1alpha1"),
            "A scrape job with any service discovery.",
            ScrapeConfigSpec::schema(),
            4,
        ),
        configuration(
            ("ServiceMonitor", "servicemonitors", "smon", "v1"),
            "Services that are scraped.",
            ServiceMonitorSpec::schema(),
            4,
        ),
        Definition {
            kind: "ThanosRuler",
            plural: "thanosrulers",
            short: "ruler",
            version: "v1",
            about: "A Thanos Ruler.",
            spec: ThanosRulerSpec::schema(),
            status: ThanosRulerStatus::schema(),
            shape: Shape::Workload("Replicas", None),
            described: 4,
        },
    ]
}

fn prometheus() -> Definition {
    Definition {
        kind: "Prometheus",
        plural: "prometheuses",
        short: "prom",
        version: "v1",
        about: "A Prometheus.",
        spec: PrometheusSpec::schema(),
        status: PrometheusStatus::schema(),
        shape: Shape::Workload("Desired", Some(Scale::Shards)),
        described: 4,
    }
}

fn prometheus_agent() -> Definition {
    Definition {
        kind: "PrometheusAgent",
        plural: "prometheusagents",
        short: "promagent",
        version: "v1alpha1",
        about: "A Prometheus that only scrapes and sends.",
        spec: PrometheusAgentSpec::schema(),
        status: PrometheusStatus::schema(),
        shape: Shape::Workload("Desired", Some(Scale::Shards)),
        described: 4,
    }
}

fn to_crd(definition: Definition, all_versions: bool) -> Value {
    let Definition {
        kind,
        plural,
        short,
        version,
        about,
        mut spec,
        status,
        shape,
        described,
    } = definition;
    describe(&mut spec, "What is wished for.");
    let mut status = status;
    describe(&mut status, "What is.");
    let mut schema = json!({
        "type": "object",
        "description": about,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    });
    keep_descriptions(&mut schema, described);
    let mut versions = vec![to_version(version, true, shape, &schema)];
    if all_versions && kind == "AlertmanagerConfig" {
        versions.push(to_version(
            "v1beta1",
            false,
            shape,
            &v1beta1::schema(schema),
        ));
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{GROUP}")},
        "spec": {
            "group": GROUP,
            "names": {
                "categories": ["prometheus-operator"],
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "shortNames": [short],
                "singular": kind.to_lowercase(),
            },
            "scope": "Namespaced",
            "versions": versions,
        },
    })
}

fn to_version(name: &str, storage: bool, shape: Shape, schema: &Value) -> Value {
    let mut version = json!({
        "name": name,
        "served": true,
        "storage": storage,
        "subresources": subresources(shape),
        "schema": {"openAPIV3Schema": schema},
    });
    if let (Shape::Workload(wished, scale), Some(fields)) = (shape, version.as_object_mut()) {
        fields.insert(
            "additionalPrinterColumns".to_owned(),
            columns(wished, scale),
        );
    }
    version
}

fn subresources(shape: Shape) -> Value {
    let scaled = match shape {
        Shape::Configuration | Shape::Workload(_, None) => return json!({"status": {}}),
        Shape::Workload(_, Some(Scale::Shards)) => "shards",
        Shape::Workload(_, Some(Scale::Replicas)) => "replicas",
    };
    json!({
        "scale": {
            "labelSelectorPath": ".status.selector",
            "specReplicasPath": format!(".spec.{scaled}"),
            "statusReplicasPath": format!(".status.{scaled}"),
        },
        "status": {},
    })
}

fn columns(wished: &str, _scale: Option<Scale>) -> Value {
    let column = |name: &str, kind: &str, path: &str, description: &str| json!({"name": name, "type": kind, "jsonPath": path, "description": description});
    let condition = |kind: &str| format!(".status.conditions[?(@.type == '{kind}')].status");
    let mut columns = json!([
        column("Version", "string", ".spec.version", "Version that is run"),
        column(wished, "integer", ".spec.replicas", "Pods that should be"),
        column(
            "Ready",
            "integer",
            ".status.availableReplicas",
            "Pods that serve"
        ),
        column(
            "Reconciled",
            "string",
            &condition("Reconciled"),
            "Whether the last change took effect"
        ),
        column(
            "Available",
            "string",
            &condition("Available"),
            "Whether enough pods serve"
        ),
        column(
            "Age",
            "date",
            ".metadata.creationTimestamp",
            "Time since creation"
        ),
        column(
            "Paused",
            "boolean",
            ".status.paused",
            "Whether the object is left alone"
        ),
    ]);
    if let Some(paused) = columns.get_mut(6).and_then(Value::as_object_mut) {
        paused.insert("priority".to_owned(), json!(1));
    }
    columns
}

fn describe(schema: &mut Value, text: &str) {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("description".to_owned(), json!(text));
    }
}

/// Keeps the descriptions of the outermost `levels` of objects. Inside there are the shared types, a thousand times over.
fn keep_descriptions(schema: &mut Value, levels: usize) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    if levels == 0 && fields.get("description").is_some_and(Value::is_string) {
        fields.remove("description");
    }
    for (_, property) in fields
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        keep_descriptions(property, levels.saturating_sub(1));
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(inner) {
            keep_descriptions(inner, levels);
        }
    }
}

/// The schema of one of Kubernetes' own types, by its name within `io.k8s.api`.
pub(super) fn kubernetes(name: &str) -> Value {
    openapi::schema_of(&format!("io.k8s.api.{name}"), &generated_otherwise)
}

/// Where the generator of upstream's definitions reads Kubernetes' markers in its own way.
fn generated_otherwise(owner: &str, field: &Field) -> Option<Value> {
    match (owner, field.json.as_str()) {
        ("PersistentVolumeClaimTemplate", "metadata") => Some(json!({"type": "object"})),
        ("AzureDiskVolumeSource", "cachingMode" | "kind") => Some(json!({"type": "string"})),
        ("AzureDiskVolumeSource", "readOnly") => Some(json!({"type": "boolean", "default": false})),
        _ => None,
    }
}

/// A list of them.
#[allow(
    clippy::needless_pass_by_value,
    reason = "it is handed what was made for it"
)]
pub(super) fn list_of(items: Value) -> Value {
    json!({"type": "array", "items": items})
}
