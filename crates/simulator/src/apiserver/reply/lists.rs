//! Lists as they are written, whole or by their parts.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use machinery::go_json;
use machinery::schema::TypeTable;
use serde_json::{Value, json};

use super::{encode, go_type, in_version, meta_type, object_json, table_options};
use crate::apiserver::negotiate::{Encoding, Form, Transform};
use crate::apiserver::registry::Served;
use crate::apiserver::store::Version;
use crate::apiserver::table::{partial_list, table};
use crate::request::Request;
use crate::status_error::ApiError;

/// What a list says about itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListMeta {
    /// Revision the list was read at.
    pub resource_version: String,
    /// Token of the next chunk, or empty.
    pub next: String,
    /// How many items follow, where known.
    pub remaining: Option<usize>,
}

impl ListMeta {
    pub(in crate::apiserver) fn to_value(&self, custom: bool) -> Value {
        let mut value = json!({"resourceVersion": self.resource_version});
        if let Some(fields) = value.as_object_mut() {
            if !self.next.is_empty() || custom {
                fields.insert("continue".to_owned(), json!(self.next));
            }
            if let Some(remaining) = self.remaining {
                fields.insert("remainingItemCount".to_owned(), json!(remaining));
            }
        }
        value
    }

    /// As Go prints `ListMeta`.
    fn go_json(&self, custom: bool) -> String {
        let value = self.to_value(custom);
        go_json::to_string(
            &value,
            if custom {
                None
            } else {
                meta_type("ListMeta", "v1")
            },
        )
    }
}

/// A list as the form wants it.
pub(crate) fn list_body(
    served: &Served,
    entries: &[Arc<Version>],
    metadata: &ListMeta,
    request: &Request,
    form: &Form,
    now: Timestamp,
) -> Result<Bytes, ApiError> {
    match form.transform {
        Transform::Plain if form.encoding == Encoding::Json && !form.pretty => {
            Ok(plain_list(served, entries, metadata))
        }
        Transform::Plain => {
            let items = entries.iter().map(|version| list_item(served, version));
            let value = list_of(served, metadata, &items.collect::<Vec<_>>());
            let resource = &served.resource;
            let type_id = TypeTable::builtin().type_of(
                &resource.group,
                &resource.version,
                &served.list_kind(),
            );
            Ok(encode(&value, type_id, form))
        }
        Transform::Table => {
            let objects: Vec<Arc<Value>> = entries
                .iter()
                .map(|version| in_version(served, &version.entry().value))
                .collect();
            let options = table_options(request, form, true)?;
            let value = table(served, &objects, &metadata.to_value(false), &options, now)?;
            Ok(encode(&value, meta_type("Table", &form.meta_version), form))
        }
        Transform::PartialList => {
            let objects: Vec<Arc<Value>> = entries
                .iter()
                .map(|version| version.entry().value.clone())
                .collect();
            let value = partial_list(&objects, &metadata.to_value(false), &form.meta_version);
            Ok(encode(
                &value,
                meta_type("PartialObjectMetadataList", &form.meta_version),
                form,
            ))
        }
        Transform::PartialObject => Err(not_an_object(served)),
    }
}

/// 406: the metadata of one object were asked for.
pub(in crate::apiserver) fn not_an_object(served: &Served) -> ApiError {
    ApiError::not_acceptable(format!(
        "you requested PartialObjectMetadata, but the requested object is a list ({})",
        go_type(served, true)
    ))
}

/// An object as an item of a list. Items of built-in lists have no kind and apiVersion.
pub(in crate::apiserver) fn list_item(served: &Served, version: &Version) -> Value {
    let mut item = Value::clone(&in_version(served, &version.entry().value));
    if let (None, Some(fields)) = (served.custom(), item.as_object_mut()) {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    item
}

/// A list of these items.
pub(in crate::apiserver) fn list_of(
    served: &Served,
    metadata: &ListMeta,
    items: &[Value],
) -> Value {
    json!({
        "kind": served.list_kind(),
        "apiVersion": served.resource.api_version(),
        "metadata": metadata.to_value(served.custom().is_some()),
        "items": items,
    })
}

/// What stands round the items' own bytes in a list.
pub(in crate::apiserver) struct SharedFrame {
    /// Before them.
    pub opening: Vec<u8>,
    /// After them.
    pub closing: Vec<u8>,
    /// What an object begins with and an item of a built-in list doesn't.
    pub type_meta: String,
}

/// What stands round the items' own bytes in compact JSON.
pub(in crate::apiserver) fn frame_of_shared(served: &Served, metadata: &ListMeta) -> SharedFrame {
    let custom = served.custom().is_some();
    let (kind, api_version) = (served.list_kind(), served.resource.api_version());
    let metadata = metadata.go_json(custom);
    let opening = if custom {
        format!("{{\"apiVersion\":\"{api_version}\",\"items\":[")
    } else {
        format!(
            "{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":{metadata},\"items\":["
        )
    };
    let closing = if custom {
        format!("],\"kind\":\"{kind}\",\"metadata\":{metadata}}}\n")
    } else {
        "]}\n".to_owned()
    };
    SharedFrame {
        opening: opening.into_bytes(),
        closing: closing.into_bytes(),
        type_meta: format!(
            "{{\"kind\":\"{}\",\"apiVersion\":\"{api_version}\",",
            served.resource.kind
        ),
    }
}

/// Writes an item's own bytes, without the type it begins with if that is given.
pub(in crate::apiserver) fn write_shared(
    served: &Served,
    version: &Version,
    type_meta: Option<&str>,
    out: &mut Vec<u8>,
) {
    let shared = served.custom().is_none() && served.is_storage_version();
    let known = version.known_json().filter(|_| shared);
    let json = known.unwrap_or_else(|| object_json(served, &version.entry()));
    match type_meta.and_then(|type_meta| json.strip_prefix(type_meta.as_bytes())) {
        Some(rest) => {
            out.push(b'{');
            out.extend_from_slice(rest);
        }
        None => out.extend_from_slice(&json),
    }
}

/// A list assembled from the items' own bytes. Items of built-in lists have no kind and apiVersion.
fn plain_list(served: &Served, entries: &[Arc<Version>], metadata: &ListMeta) -> Bytes {
    let frame = frame_of_shared(served, metadata);
    let type_meta = served.custom().is_none().then_some(frame.type_meta);
    let mut body = frame.opening;
    for (index, version) in entries.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write_shared(served, version, type_meta.as_deref(), &mut body);
    }
    body.extend_from_slice(&frame.closing);
    body.into()
}
