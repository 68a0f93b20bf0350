//! Pieces of the custom resource definitions that the types alone don't say.

use serde_json::{Value, json};

use super::super::analysis::AnalysisTemplateRef;
use super::super::meta::LabelSelector;
use super::super::schema::ApiSchema;
use super::super::status::AwsResourceRef;

/// A list that is replaced as a whole.
pub(crate) fn atomic_list<T: ApiSchema>() -> Value {
    json!({"type": "array", "items": T::schema(), "x-kubernetes-list-type": "atomic"})
}

/// A label selector, replaced as a whole.
pub(crate) fn label_selector() -> Value {
    let mut schema = LabelSelector::schema();
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

/// References to templates, whose names upstream's definition doesn't demand.
pub(crate) fn template_references() -> Value {
    let mut item = AnalysisTemplateRef::schema();
    demand(&mut item, &[]);
    json!({"type": "array", "items": item})
}

/// An AWS resource, whose full name upstream's definition doesn't demand.
pub(crate) fn aws_resource() -> Value {
    let mut schema = AwsResourceRef::schema();
    demand(&mut schema, &["arn", "name"]);
    schema
}

fn demand(schema: &mut Value, required: &[&str]) {
    if let Some(object) = schema.as_object_mut() {
        object.remove("required");
        if !required.is_empty() {
            object.insert("required".to_owned(), json!(required));
        }
    }
}
