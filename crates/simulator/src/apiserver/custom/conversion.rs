//! Conversion between the versions of a custom resource: what a webhook is asked, and what its answer must hold to
//! (`apiextensions-apiserver/pkg/apiserver/conversion`).

use std::collections::BTreeMap;

use bytes::Bytes;
use machinery::builtin::validation::{self, FieldError, validate_annotations, validate_labels};
use machinery::meta;
use machinery::patch::go_type;
use serde_json::{Map, Value, json};

use super::embedded::{self, Malformed};
use super::prune;
use super::schema::Schema;
use crate::apiserver::body::MAY_BE_EMPTY;
use crate::apiserver::webhook_reply::{Expected, body_of};
use crate::outside::{Answered, Place, ca_bundle};

const GROUP: &str = "apiextensions.k8s.io";
const KIND: &str = "ConversionReview";

/// How the versions of one definition become each other.
#[derive(Debug, Clone)]
pub struct Conversion {
    /// Name of the definition.
    name: String,
    group: String,
    webhook: Option<Webhook>,
    /// Of every version, served or not.
    schemas: BTreeMap<String, Schema>,
}

/// Who converts.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    /// Where it is.
    pub place: Place,
    /// Whom it is trusted by, PEM.
    pub ca_bundle: Bytes,
    /// The first version of reviews it takes that is known.
    review_version: Option<&'static str>,
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

impl Conversion {
    /// What a definition says.
    pub(super) fn of(definition: &Value) -> Self {
        let versions = definition
            .pointer("/spec/versions")
            .and_then(Value::as_array);
        let schemas = versions.into_iter().flatten().map(|version| {
            let schema = version.pointer("/schema/openAPIV3Schema");
            let schema = Schema::compile(schema.unwrap_or(&Value::Null));
            (text(version, "/name").to_owned(), schema)
        });
        let webhook = definition.pointer("/spec/conversion/webhook");
        let webhook =
            webhook.filter(|_| text(definition, "/spec/conversion/strategy") == "Webhook");
        Self {
            name: meta::name(definition).to_owned(),
            group: text(definition, "/spec/group").to_owned(),
            webhook: webhook.map(Webhook::of),
            schemas: schemas.collect(),
        }
    }

    /// Who has to be asked; `None` if versions differ in their names alone.
    pub(crate) fn webhook(&self) -> Option<&Webhook> {
        self.webhook.as_ref()
    }

    /// What tells its questions from others'.
    pub(crate) fn asker(&self) -> String {
        format!("conversion {}", self.name)
    }

    /// `GROUP/VERSION`.
    pub(crate) fn api_version(&self, version: &str) -> String {
        format!("{}/{version}", self.group)
    }

    /// Whether an object is in that version.
    pub(crate) fn is_in(&self, object: &Value, version: &str) -> bool {
        let given = meta::api_version(object).split_once('/');
        given.is_some_and(|(group, given)| group == self.group && given == version)
    }

    fn schema_of(&self, object: &Value) -> Option<&Schema> {
        let (_, version) = meta::api_version(object).split_once('/')?;
        self.schemas.get(version)
    }

    /// A stored object as it is read, in the version it is stored in: defaults come before the conversion, and only there.
    pub(crate) fn read(&self, stored: &Value) -> Value {
        let mut object = stored.clone();
        if let Some(schema) = self.schema_of(&object) {
            prune::prune(&mut object, schema);
            prune::drop_nulls(&mut object, schema);
            // What is malformed stays.
            drop(embedded::coerce(&mut object, schema, Malformed::Dropped));
            prune::set_defaults(&mut object, schema);
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, value| {
                let empty = value.as_object().is_some_and(Map::is_empty)
                    || value.as_array().is_some_and(Vec::is_empty);
                !(empty && MAY_BE_EMPTY.contains(&key.as_str()))
            });
        }
        object
    }

    /// The same, if that is another one than what is stored.
    pub(crate) fn reread(&self, stored: &Value) -> Option<Value> {
        Some(self.read(stored)).filter(|read| read != stored)
    }

    /// What is left of a converted object: unknown fields go.
    pub(crate) fn coerce(&self, object: &mut Value) {
        if let Some(schema) = self.schema_of(object) {
            prune::prune(object, schema);
            prune::drop_nulls(object, schema);
        }
    }

    /// An object under the name of another version.
    pub(crate) fn renamed(&self, mut object: Value, version: &str) -> Value {
        if let Some(fields) = object.as_object_mut() {
            fields.insert("apiVersion".to_owned(), json!(self.api_version(version)));
        }
        self.coerce(&mut object);
        object
    }
}

impl Webhook {
    fn of(webhook: &Value) -> Self {
        let client = webhook.get("clientConfig").unwrap_or(&Value::Null);
        let versions = webhook
            .get("conversionReviewVersions")
            .and_then(Value::as_array);
        let mut versions = versions.into_iter().flatten();
        Self {
            place: Place::of(client),
            ca_bundle: ca_bundle(client),
            review_version: versions.find_map(|version| match version.as_str() {
                Some("v1") => Some("v1"),
                Some("v1beta1") => Some("v1beta1"),
                Some(_) | None => None,
            }),
        }
    }

    /// A review of one object, without its uid. What is stored has no resourceVersion of its own yet.
    pub(crate) fn review(&self, object: &Value, api_version: &str) -> Result<Value, String> {
        let version = self
            .review_version
            .ok_or_else(|| "no supported conversion review versions".to_owned())?;
        let mut object = object.clone();
        // What an apply is about to take away may have no metadata at all.
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        if let Some(metadata) = metadata {
            metadata.remove("resourceVersion");
        }
        Ok(json!({
            "kind": KIND, "apiVersion": format!("{GROUP}/{version}"),
            "request": {"uid": "", "desiredAPIVersion": api_version, "objects": [object]},
            "response": {"uid": "", "convertedObjects": null, "result": {"metadata": {}}},
        }))
    }

    /// The object an answer holds, or everything that is wrong with it, as kube-apiserver says it.
    pub(crate) fn converted(
        &self,
        original: &Value,
        api_version: &str,
        url: &str,
        answered: &Answered,
    ) -> Result<Value, String> {
        let who = format!(
            "conversion webhook for {}, Kind={}",
            meta::api_version(original),
            meta::kind(original)
        );
        let version = self.review_version.unwrap_or("v1");
        let objects = body_of(&Expected::new(GROUP, KIND, version), url, &answered.answer)
            .and_then(|review| objects_of(&review, version, &answered.uid))
            .map_err(|text| format!("{who} failed: {text}"))?;
        let [object] = objects.as_slice() else {
            let count = objects.len();
            return Err(format!("{who} returned {count} objects, expected 1"));
        };
        let mut object = unstructured(object)?;
        let invalid = |what: &str, expected: &str, got: &str| {
            format!(
                "{who} returned invalid object at index 0: invalid {what} (expected {expected}, received {got})"
            )
        };
        if meta::api_version(&object) != api_version {
            let got = meta::api_version(&object);
            return Err(invalid("groupVersion", api_version, got));
        }
        if meta::kind(&object) != meta::kind(original) {
            let (expected, got) = (meta::kind(original), meta::kind(&object));
            return Err(invalid("kind", expected, got));
        }
        same_identity(original, &object)
            .map_err(|text| format!("{who} returned invalid object: {text}"))?;
        restore(original, &mut object)
            .map_err(|text| format!("{who} returned invalid metadata: {text}"))?;
        Ok(object)
    }
}

/// The converted objects of a review.
fn objects_of(review: &Value, version: &str, uid: &str) -> Result<Vec<Value>, String> {
    let response = review.get("response").filter(|value| value.is_object());
    if version == "v1" {
        let (api_version, kind) = (text(review, "/apiVersion"), text(review, "/kind"));
        if api_version.is_empty() || kind != KIND {
            let got = if api_version.is_empty() {
                "/"
            } else {
                api_version
            };
            return Err(format!(
                "expected webhook response of {GROUP}/v1, Kind={KIND}, got {got}, Kind={kind}"
            ));
        }
    }
    let response = response.ok_or_else(|| "no response provided".to_owned())?;
    let given = text(response, "/uid");
    if version == "v1" && given != uid {
        return Err(format!("expected response.uid={uid:?}, got {given:?}"));
    }
    let (status, message) = (
        text(response, "/result/status"),
        text(response, "/result/message"),
    );
    if status != "Success" {
        return Err(if message.is_empty() {
            format!("response.result.status was '{status}', not 'Success'")
        } else {
            message.to_owned()
        });
    }
    let objects = response.get("convertedObjects").and_then(Value::as_array);
    Ok(objects.cloned().unwrap_or_default())
}

/// What Go reads as an object of no particular type.
fn unstructured(value: &Value) -> Result<Value, String> {
    if !value.is_object() {
        return Err(format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            machinery::decode::json_word(value)
        ));
    }
    if meta::kind(value).is_empty() {
        return Err(format!("Object 'Kind' is missing in '{value}'"));
    }
    Ok(value.clone())
}

/// It must be the same object.
fn same_identity(original: &Value, converted: &Value) -> Result<(), String> {
    for (what, pointer) in [
        ("name", "/metadata/name"),
        ("namespace", "/metadata/namespace"),
        ("UID", "/metadata/uid"),
    ] {
        let (expected, got) = (text(original, pointer), text(converted, pointer));
        if expected != got {
            return Err(format!("must have the same {what}: {expected} != {got}"));
        }
    }
    Ok(())
}

/// Of metadata, labels and annotations are the webhook's; the rest is the original's.
fn restore(original: &Value, converted: &mut Value) -> Result<(), String> {
    let given = converted
        .get("metadata")
        .ok_or("missing metadata in converted object")?;
    let given = given.as_object().ok_or_else(|| {
        let of = go_type(given);
        format!("invalid metadata of type {of} in converted object")
    })?;
    let mut metadata = original
        .get("metadata")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for field in ["labels", "annotations"] {
        match given.get(field).filter(|value| !value.is_null()) {
            None => {
                metadata.remove(field);
            }
            Some(value) => {
                check_texts(field, metadata.get(field), value)?;
                metadata.insert(field.to_owned(), value.clone());
            }
        }
    }
    if let Some(fields) = converted.as_object_mut() {
        fields.insert("metadata".to_owned(), Value::Object(metadata));
    }
    Ok(())
}

/// Labels or annotations as a webhook returned them; they are validated only if they changed.
fn check_texts(field: &str, original: Option<&Value>, given: &Value) -> Result<(), String> {
    let texts: &Map<String, Value> = given.as_object().ok_or_else(|| {
        let of = go_type(given);
        format!("invalid metadata.{field} of type {of} in converted object")
    })?;
    if let Some((key, value)) = texts.iter().find(|(_, value)| !value.is_string()) {
        return Err(format!(
            "metadata.{field}[{key}] must be a string, but is {} in converted object",
            go_type(value)
        ));
    }
    if original == Some(given) {
        return Ok(());
    }
    let errors = if field == "labels" {
        validate_labels("metadata.labels", given)
    } else {
        validate_annotations("metadata.annotation", given)
    };
    aggregate(&errors).map_or(Ok(()), Err)
}

/// Errors as one text.
fn aggregate(errors: &[FieldError]) -> Option<String> {
    (!errors.is_empty()).then(|| validation::message(errors))
}
