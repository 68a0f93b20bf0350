//! Tables: what `kubectl get` prints, and objects cut down to their metadata.
//!
//! Mirrors `kubernetes/pkg/printers/internalversion/printers.go`, `apiserver/pkg/registry/rest/table.go` and
//! `apiextensions-apiserver/pkg/registry/customresource/tableconvertor`. Descriptions of built-in columns are left
//! empty.

mod certificates;
mod columns;
mod custom;
mod metrics;
mod network;
mod objects;
mod pod;
mod storage;
#[cfg(test)]
mod tests;
mod view;
mod workloads;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::convert;
use super::registry::{Backing, Served};
use crate::status_error::ApiError;
use view::View;

pub(crate) use custom::PrinterColumn;

/// How a client wants its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOptions {
    /// `v1` or `v1beta1` of meta.k8s.io.
    pub version: String,
    /// `includeObject`: `Metadata`, `None` or `Object`.
    pub include_object: String,
    /// Column definitions are printed (in a watch only with the first event).
    pub headers: bool,
}

/// A Table of these objects (in the served version). `list_metadata` is the list's, or the object's own for a get.
pub fn table(
    served: &Served,
    objects: &[Arc<Value>],
    list_metadata: &Value,
    options: &TableOptions,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let mut rows = Vec::with_capacity(objects.len());
    for object in in_order(served, objects) {
        rows.push(row(served, object, options, now)?);
    }
    // Go's nil, where nothing of its own makes the rows.
    let rows = (!rows.is_empty() || has_columns(served)).then_some(rows);
    Ok(assembled(
        &definitions(served),
        rows.as_deref(),
        list_metadata,
        options,
    ))
}

/// A Table into which somebody else puts the rows.
pub(super) fn without_rows(
    served: &Served,
    list_metadata: &Value,
    options: &TableOptions,
) -> Value {
    assembled(&definitions(served), Some(&[]), list_metadata, options)
}

fn definitions(served: &Served) -> Vec<Value> {
    match &served.backing {
        Backing::Builtin { .. } => {
            columns::definitions(columns::of(&served.resource.group, &served.resource.plural))
        }
        Backing::Custom(version) => custom::definitions(version.printer_columns()),
    }
}

/// A Table of the Scale of an object.
pub fn scale_table(
    served: &Served,
    scale: &Value,
    options: &TableOptions,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let view = View::new(scale, now);
    let (definitions, cells) = match &served.backing {
        Backing::Builtin { .. } => {
            let counts = ["/spec/replicas", "/status/replicas"].map(|at| view.int(at));
            let cells = vec![view.name(), json!(counts[0]), json!(counts[1]), view.age()];
            (columns::definitions("Name,Desired#,Available#,Age"), cells)
        }
        Backing::Custom(_) => {
            let columns = PrinterColumn::of_scale();
            (custom::definitions(&columns), custom::cells(&columns, view))
        }
    };
    let row = json!({"cells": cells, "object": included(scale, options, view)?});
    let metadata = json!({"resourceVersion": machinery::meta::resource_version(scale)});
    Ok(assembled(&definitions, Some(&[row]), &metadata, options))
}

fn assembled(
    definitions: &[Value],
    rows: Option<&[Value]>,
    list_metadata: &Value,
    options: &TableOptions,
) -> Value {
    let mut metadata = Map::new();
    for key in ["resourceVersion", "continue", "remainingItemCount"] {
        if let Some(value) = list_metadata.get(key).filter(|value| *value != "") {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    json!({
        "kind": "Table",
        "apiVersion": format!("meta.k8s.io/{}", options.version),
        "metadata": metadata,
        "columnDefinitions": options.headers.then_some(definitions),
        "rows": rows,
    })
}

/// Whether the kind is shown in a way of its own.
fn has_columns(served: &Served) -> bool {
    match &served.backing {
        Backing::Builtin { .. } => {
            columns::of(&served.resource.group, &served.resource.plural) != columns::DEFAULT
        }
        Backing::Custom(_) => true,
    }
}

/// Whether objects of a kind are shown in another order than that of their keys.
pub(super) fn has_order(served: &Served) -> bool {
    served.resource.plural == "flowschemas"
}

/// Flow schemas are shown in the order they match, everything else as it is.
fn in_order<'a>(served: &Served, objects: &'a [Arc<Value>]) -> Vec<&'a Arc<Value>> {
    let mut objects: Vec<&Arc<Value>> = objects.iter().collect();
    if has_order(served) {
        objects.sort_by_key(|object| {
            object
                .pointer("/spec/matchingPrecedence")
                .and_then(Value::as_i64)
        });
    }
    objects
}

/// The row of an object.
pub(super) fn row(
    served: &Served,
    object: &Value,
    options: &TableOptions,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let view = View::new(object, now);
    let cells = match &served.backing {
        Backing::Builtin { .. } => {
            builtin_cells(&served.resource.group, &served.resource.plural, view)
        }
        Backing::Custom(version) => custom::cells(version.printer_columns(), view),
    };
    let included = included(object, options, view)?;
    let mut row = json!({"cells": cells, "object": included});
    if let Some(conditions) = row_conditions(served, view)
        && let Some(row) = row.as_object_mut()
    {
        row.insert("conditions".to_owned(), conditions);
    }
    Ok(row)
}

/// What a row shows of its object.
fn included(object: &Value, options: &TableOptions, view: View<'_>) -> Result<Value, ApiError> {
    match options.include_object.as_str() {
        "Object" => Ok(object.clone()),
        "" | "Metadata" => Ok(partial(object, &options.version)),
        "None" if view.str("/metadata/annotations/k8s.io~1initial-events-end") == "true" => {
            Ok(partial(object, &options.version))
        }
        "None" => Ok(Value::Null),
        other => Err(ApiError::bad_request(format!(
            "unrecognized includeObject value: {other:?}"
        ))),
    }
}

/// Pods that are done say so.
fn row_conditions(served: &Served, view: View<'_>) -> Option<Value> {
    if !served.resource.group.is_empty() || served.resource.plural != "pods" {
        return None;
    }
    let (reason, message) = match view.str("/status/phase") {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

/// `PartialObjectMetadata` of an object; `version` is that of meta.k8s.io.
pub fn partial(object: &Value, version: &str) -> Value {
    let mut metadata = object.get("metadata").cloned().unwrap_or_else(|| json!({}));
    if let Some(fields) = metadata.as_object_mut()
        && let Some(Value::Object(annotations)) = fields.get_mut("annotations")
    {
        // Metadata is cut off before an object gets the version it is asked for in.
        annotations.retain(|key, _| !convert::is_of_version(object, key));
        if annotations.is_empty() {
            fields.remove("annotations");
        }
    }
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": metadata,
    })
}

/// `PartialObjectMetadataList` of objects; `list_metadata` is the list's.
pub fn partial_list(objects: &[Arc<Value>], list_metadata: &Value, version: &str) -> Value {
    // A list that nothing was put into is Go's nil.
    let items: Option<Vec<Value>> = (!objects.is_empty()).then(|| {
        objects
            .iter()
            .map(|object| partial(object, version))
            .collect()
    });
    json!({
        "kind": "PartialObjectMetadataList",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": list_metadata,
        "items": items,
    })
}

fn builtin_cells(group: &str, plural: &str, view: View<'_>) -> Vec<Value> {
    let cells = match group {
        "" => objects::core(plural, view),
        "apps" => workloads::apps(plural, view),
        "batch" => workloads::batch(plural, view),
        "autoscaling" if plural == "horizontalpodautoscalers" => Some(metrics::autoscaler(view)),
        "networking.k8s.io" => network::networking(plural, view),
        "discovery.k8s.io" if plural == "endpointslices" => Some(network::endpoint_slice(view)),
        "storage.k8s.io" => storage::cells(plural, view),
        "certificates.k8s.io" => certificates::cells(plural, view),
        "events.k8s.io" if plural == "events" => Some(objects::event(view)),
        _ => objects::other(group, plural, view),
    };
    cells.unwrap_or_else(|| vec![view.name(), view.created_at()])
}
