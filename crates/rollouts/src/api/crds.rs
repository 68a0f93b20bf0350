//! Pieces of the custom resource definitions that the types alone don't say.

use serde_json::{Value, json};

use super::schema::ApiSchema;

/// A list that is replaced as a whole.
pub(crate) fn atomic_list<T: ApiSchema>() -> Value {
    json!({"type": "array", "items": T::schema(), "x-kubernetes-list-type": "atomic"})
}

/// A label selector, replaced as a whole.
pub(crate) fn label_selector() -> Value {
    let mut schema = super::meta::LabelSelector::schema();
    if let Some(object) = schema.as_object_mut() {
        object.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
    }
    schema
}

/// The selector of a Rollout, which must not change.
pub(crate) fn rollout_selector() -> Value {
    let mut schema = label_selector();
    if let Some(object) = schema.as_object_mut() {
        let rule = json!([{"message": ".spec.selector is immutable", "rule": "self == oldSelf"}]);
        object.insert("x-kubernetes-validations".to_owned(), rule);
    }
    schema
}

/// An object that is kept as it is.
pub(crate) fn any_object() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// A pod template.
pub(crate) fn pod_template() -> Value {
    any_object()
}

/// The spec of a Job.
pub(crate) fn job_spec() -> Value {
    any_object()
}

/// A text.
pub(crate) fn text() -> Value {
    json!({"type": "string"})
}

/// One of a few texts.
pub(crate) fn one_of(values: &[&str]) -> Value {
    json!({"type": "string", "enum": values})
}

/// A schema with a default.
pub(crate) fn with_default(mut schema: Value, default: &str) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.insert("default".to_owned(), json!(default));
    }
    schema
}
