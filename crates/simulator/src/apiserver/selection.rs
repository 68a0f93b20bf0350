//! Which objects a list, watch or deletecollection is about: namespace, label selector, field selector.

use machinery::{fields, labels, meta};
use serde_json::Value;

use super::registry::Served;
use crate::request::Request;
use crate::status_error::ApiError;

/// Selects objects of one table.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Prefix of keys: `NAMESPACE/`, or empty for all.
    pub prefix: String,
    labels: labels::Selector,
    fields: Vec<(Vec<String>, fields::Term)>,
}

impl Selection {
    /// Everything in one namespace, or everywhere for an empty one.
    pub fn namespace(namespace: &str) -> Self {
        let prefix = if namespace.is_empty() {
            String::new()
        } else {
            format!("{namespace}/")
        };
        Self {
            prefix,
            labels: labels::Selector::everything(),
            fields: Vec::new(),
        }
    }

    /// Reads the selectors of a request.
    pub fn of_request(
        request: &Request,
        served: &Served,
        namespace: &str,
    ) -> Result<Self, ApiError> {
        let namespace = if served.resource.namespaced {
            namespace
        } else {
            ""
        };
        let mut selection = Self::namespace(namespace);
        let bad = |error: String| ApiError::bad_request(error);
        if let Some(text) = request.query_value("labelSelector") {
            selection.labels =
                labels::Selector::parse(text).map_err(|error| bad(error.to_string()))?;
        }
        if let Some(text) = request.query_value("fieldSelector") {
            let parsed = fields::Selector::parse(text).map_err(|error| bad(error.to_string()))?;
            for term in parsed.terms {
                selection
                    .fields
                    .push((field_path(served, &term.field)?, term));
            }
        }
        Ok(selection)
    }

    /// Whether selectors, beside the namespace, narrow the selection.
    pub fn is_filtered(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }

    /// The name every selected object must have, if one is given.
    pub fn single_name(&self) -> Option<&str> {
        let mut terms = self.fields.iter().map(|(_, term)| term);
        terms
            .find(|term| term.equals && term.field == "metadata.name")
            .map(|term| term.value.as_str())
    }

    /// Whether an object of the table (in storage version) with that key is selected.
    pub fn matches(&self, key: &str, object: &Value) -> bool {
        key.starts_with(&self.prefix)
            && (self.labels.is_empty() || self.labels.matches(&meta::labels(object)))
            && self
                .fields
                .iter()
                .all(|(path, term)| (field_text(object, path) == term.value) == term.equals)
    }
}

fn field_text(object: &Value, path: &[String]) -> String {
    let text = text_at(object, path);
    if text.is_empty() && path.iter().eq(["source", "component"]) {
        // Events of events.k8s.io have no source (`ToSelectableFields` of `pkg/registry/core/event/strategy.go`).
        return text_at(object, &["reportingComponent".to_owned()]);
    }
    text
}

fn text_at(object: &Value, path: &[String]) -> String {
    let mut value = object;
    for part in path {
        match value.get(part) {
            Some(inner) => value = inner,
            None => return absent(path),
        }
    }
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// What the server compares where an object has no value: booleans are false, numbers 0.
fn absent(path: &[String]) -> String {
    match path.last().map(String::as_str) {
        Some("unschedulable" | "hostNetwork") => "false".to_owned(),
        Some("replicas" | "succeeded") => "0".to_owned(),
        Some(_) | None => String::new(),
    }
}

const EVENT_FIELDS: [&str; 11] = [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];
/// Fields of events.k8s.io/v1 and where they are in the stored core/v1 Event.
const EVENTS_V1_FIELDS: [(&str, &str); 10] = [
    ("reason", "reason"),
    ("regarding.kind", "involvedObject.kind"),
    ("regarding.namespace", "involvedObject.namespace"),
    ("regarding.name", "involvedObject.name"),
    ("regarding.uid", "involvedObject.uid"),
    ("regarding.apiVersion", "involvedObject.apiVersion"),
    (
        "regarding.resourceVersion",
        "involvedObject.resourceVersion",
    ),
    ("regarding.fieldPath", "involvedObject.fieldPath"),
    ("reportingController", "reportingComponent"),
    ("type", "type"),
];
const POD_FIELDS: [&str; 10] = [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
    "spec.host",
];

/// The fields a kind can be selected by beside name and namespace; `None` if it has no list of its own.
fn own_fields(served: &Served) -> Option<Vec<&str>> {
    if let Some(custom) = served.custom() {
        return Some(
            custom
                .selectable_fields
                .iter()
                .map(|field| field.trim_start_matches('.'))
                .collect(),
        );
    }
    let resource = &served.resource;
    Some(match (resource.group.as_ref(), resource.kind.as_ref()) {
        ("", "Pod") => POD_FIELDS.to_vec(),
        ("", "Event") => EVENT_FIELDS.to_vec(),
        ("events.k8s.io", "Event") => EVENTS_V1_FIELDS.iter().map(|(field, _)| *field).collect(),
        ("", "Secret") => vec!["type"],
        ("", "Service") => vec!["spec.clusterIP", "spec.type"],
        ("", "Namespace") => vec!["status.phase"],
        ("", "Node") => vec!["spec.unschedulable"],
        ("", "ReplicationController") => vec!["status.replicas"],
        ("batch", "Job") => vec!["status.successful"],
        ("certificates.k8s.io", "CertificateSigningRequest") => vec!["spec.signerName"],
        ("resource.k8s.io", "ResourceSlice") => vec!["spec.nodeName", "spec.driver"],
        _ => return None,
    })
}

fn field_path(served: &Served, field: &str) -> Result<Vec<String>, ApiError> {
    let own = own_fields(served);
    let common = matches!(field, "metadata.name" | "metadata.namespace");
    if !common && !own.as_ref().is_some_and(|own| own.contains(&field)) {
        return Err(ApiError::bad_request(match own {
            Some(_) if served.resource.kind == "Job" => {
                format!("field label {field:?} not supported for Job")
            }
            Some(_) => format!("field label not supported: {field}"),
            None => format!(
                "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            ),
        }));
    }
    let stored = match (served.resource.kind.as_ref(), field) {
        ("Pod", "spec.host") => "spec.nodeName",
        ("Job", "status.successful") => "status.succeeded",
        ("Event", "source") => "source.component",
        ("Event", other) => EVENTS_V1_FIELDS
            .iter()
            .find(|(field, _)| *field == other)
            .map_or(other, |(_, stored)| *stored),
        (_, other) => other,
    };
    Ok(stored.split('.').map(str::to_owned).collect())
}
