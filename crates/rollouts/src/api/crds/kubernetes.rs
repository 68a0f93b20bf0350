//! Schemas of Kubernetes' own types.
//!
//! Where upstream's definitions are deliberately open (volumes, container resources), ours are too: they must accept whatever
//! those accept.

use machinery::schema::Field;
use machinery::schema::openapi;
use serde_json::{Value, json};

use super::super::meta::PodTemplateMetadata;
use super::super::schema::ApiSchema;

/// A pod template.
pub(crate) fn pod_template() -> Value {
    openapi::schema_of("io.k8s.api.core.v1.PodTemplateSpec", &upstreams)
}

/// The spec of a Job.
pub(crate) fn job_spec() -> Value {
    openapi::schema_of("io.k8s.api.batch.v1.JobSpec", &upstreams)
}

/// What upstream's definitions have instead of a field's own schema.
fn upstreams(owner: &str, field: &Field) -> Option<Value> {
    match (owner, field.json.as_str()) {
        ("PodSpec", "volumes") => Some(open()),
        ("Container" | "EphemeralContainer", "resources") => Some(open_resources(owner, field)),
        ("PodTemplateSpec", "metadata") => {
            Some(without_descriptions(PodTemplateMetadata::schema()))
        }
        _ => None,
    }
}

/// Kept as it is, whatever its type.
fn open() -> Value {
    json!({"x-kubernetes-preserve-unknown-fields": true})
}

fn open_resources(owner: &str, field: &Field) -> Value {
    let mut schema = openapi::of_field(owner, field, &upstreams);
    for amounts in ["limits", "requests"] {
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        if let Some(properties) = properties {
            properties.insert(amounts.to_owned(), open());
        }
    }
    schema
}

fn without_descriptions(mut schema: Value) -> Value {
    for property in schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        if let Some(property) = property.1.as_object_mut() {
            property.remove("description");
        }
    }
    schema
}
