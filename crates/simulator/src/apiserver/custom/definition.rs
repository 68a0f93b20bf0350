//! Checks of a definition's spec, in the order and words of
//! `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`.

mod naming;
mod versions;

use machinery::pointer::text;
use std::collections::{BTreeMap, BTreeSet};

use machinery::builtin::validation::{self, BadValue, ErrorKind, FieldError};
use machinery::names;
use serde_json::{Value, json};

use super::structural;
use naming::{approval, name_errors};
use versions::{Shared, has_status, hoisted_errors, version_errors};

/// What the server sets in a definition before it validates it: names, conversion, and of the status the stored
/// versions; the rest of the status is the old one's.
pub fn prepare_definition(new: &mut Value, old: Option<&Value>) {
    let kind = text(new, "/spec/names/kind").to_owned();
    let lower = kind.to_lowercase();
    set_if_empty(new, &["spec", "names", "singular"], &lower);
    if !kind.is_empty() {
        set_if_empty(new, &["spec", "names", "listKind"], &format!("{kind}List"));
    }
    set_if_empty(new, &["spec", "conversion", "strategy"], "None");
    let mut status = old.and_then(|old| old.get("status")).cloned().unwrap_or_else(|| {
        json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": null})
    });
    let storage = versions(new)
        .into_iter()
        .find(|version| flag(version, "storage"));
    let storage = storage.map(|version| text(version, "/name").to_owned());
    if let Some((storage, status)) = storage.zip(status.as_object_mut()) {
        let stored = status.entry("storedVersions").or_insert(Value::Null);
        let mut list = stored.as_array().cloned().unwrap_or_default();
        if !list
            .iter()
            .any(|version| version.as_str() == Some(&storage))
        {
            list.push(Value::from(storage));
        }
        *stored = Value::Array(list);
    }
    if let Some(object) = new.as_object_mut() {
        object.insert("status".to_owned(), status);
    }
}

/// Errors of a definition's name and spec.
pub fn validate_definition(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (plural, group) = (text(new, "/spec/names/plural"), text(new, "/spec/group"));
    let name = text(new, "/metadata/name");
    if !name.is_empty() && name != format!("{plural}.{group}") {
        errors.push(FieldError::invalid(
            "metadata.name",
            name,
            r#"must be spec.names.plural+"."+spec.group"#,
        ));
    }
    errors.extend(spec_errors(new, old));
    errors.extend(stored_versions(new));
    if new
        .pointer("/spec/preserveUnknownFields")
        .and_then(Value::as_bool)
        == Some(true)
    {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.push(FieldError::invalid(
            "spec.preserveUnknownFields",
            BadValue::Json("true".to_owned()),
            detail,
        ));
    }
    errors.extend(approval(new));
    if let Some(old) = old {
        errors.extend(immutable(new, old));
    }
    errors
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}

fn versions(definition: &Value) -> Vec<&Value> {
    definition
        .pointer("/spec/versions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect()
}

fn set_if_empty(object: &mut Value, path: &[&str], text: &str) {
    let mut current = object;
    for (index, key) in path.iter().enumerate() {
        let Some(map) = current.as_object_mut() else {
            return;
        };
        let last = index + 1 == path.len();
        let next = map
            .entry(*key)
            .or_insert_with(|| if last { Value::from("") } else { json!({}) });
        if next.is_null() {
            *next = if last { Value::from("") } else { json!({}) };
        }
        current = next;
    }
    if current.as_str() == Some("") && !text.is_empty() {
        *current = Value::from(text);
    }
}

fn spec_errors(definition: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = group_and_scope(definition);
    let list = versions(definition);
    for (index, version) in list.iter().enumerate() {
        if version
            .pointer("/schema/openAPIV3Schema")
            .is_none_or(Value::is_null)
        {
            errors.push(FieldError::required(
                format!("spec.versions[{index}].schema.openAPIV3Schema"),
                "",
            ));
        }
    }
    let preserves = definition
        .pointer("/spec/preserveUnknownFields")
        .and_then(Value::as_bool)
        == Some(true);
    let has_defaults = list
        .iter()
        .any(|version| version.get("schema").is_some_and(structural::has_default));
    if preserves && has_defaults {
        let detail = "must be false in order to use defaults in the schema";
        errors.push(FieldError::invalid(
            "spec.preserveUnknownFields",
            BadValue::Json("true".to_owned()),
            detail,
        ));
    }
    let shared = Shared::of(&list);
    let mut before: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for old in old.into_iter().flat_map(versions) {
        before.entry(text(old, "/name")).or_default().push(old);
    }
    let unchanged = |version: &Value| {
        let before = before.get(text(version, "/name"));
        let mut before = before.into_iter().flatten();
        before.any(|old| old.get("schema") == version.get("schema"))
    };
    for (index, version) in list.iter().enumerate() {
        let complaints = names::dns1035_label(text(version, "/name"));
        let path = format!("spec.versions[{index}]");
        if !complaints.is_empty() {
            errors.push(FieldError::invalid(
                format!("{path}.name"),
                text(version, "/name"),
                complaints.join(","),
            ));
        }
        errors.extend(version_errors(version, &path, &shared, unchanged(version)));
    }
    errors.extend(version_set(&list));
    if let Some(first) = list.first() {
        // The internal form has the first version's name in a field of its own.
        let name = text(first, "/name");
        let complaints = names::dns1035_label(name);
        if !name.is_empty() && !complaints.is_empty() {
            let detail = complaints.join(",");
            errors.push(FieldError::invalid("spec.version", name, detail));
        }
    }
    errors.extend(name_errors(definition));
    if let Some(first) = list.first() {
        errors.extend(hoisted_errors(
            first,
            &shared,
            unchanged(first),
            list.iter().any(|version| has_status(version)),
        ));
    }
    errors.extend(conversion(definition, old));
    errors
}

fn group_and_scope(definition: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let group = text(definition, "/spec/group");
    let complaints = names::dns1123_subdomain(group);
    if group.is_empty() {
        errors.push(FieldError::required("spec.group", ""));
    } else if !complaints.is_empty() {
        errors.push(FieldError::invalid(
            "spec.group",
            group,
            complaints.join(","),
        ));
    } else if !group.contains('.') {
        errors.push(FieldError::invalid(
            "spec.group",
            group,
            "should be a domain with at least one dot",
        ));
    }
    match text(definition, "/spec/scope") {
        "" => errors.push(FieldError::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        other => errors.push(FieldError::not_supported(
            "spec.scope",
            other,
            &["Cluster", "Namespaced"],
        )),
    }
    errors
}

fn version_set(list: &[&Value]) -> Vec<FieldError> {
    let dump: Vec<String> = list.iter().map(|version| go_dump(version)).collect();
    let dump = BadValue::Json(format!("[{}]", dump.join(",")));
    let mut errors = Vec::new();
    let unique: BTreeSet<&str> = list.iter().map(|version| text(version, "/name")).collect();
    if unique.len() != list.len() {
        let detail = "must contain unique version names";
        errors.push(FieldError::new(
            ErrorKind::Invalid,
            "spec.versions",
            dump.clone(),
            detail,
        ));
    }
    if list
        .iter()
        .filter(|version| flag(version, "storage"))
        .count()
        != 1
    {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::new(
            ErrorKind::Invalid,
            "spec.versions",
            dump,
            detail,
        ));
    }
    errors
}

/// A version in the server's internal form; what the versions share is not in it.
fn go_dump(version: &Value) -> String {
    let name = version.get("name").unwrap_or(&Value::Null);
    let warning = version.get("deprecationWarning").unwrap_or(&Value::Null);
    let (served, storage) = (flag(version, "served"), flag(version, "storage"));
    let deprecated = flag(version, "deprecated");
    format!(
        "{{\"Name\":{name},\"Served\":{served},\"Storage\":{storage},\"Deprecated\":{deprecated},\
         \"DeprecationWarning\":{warning},\"Schema\":null,\"Subresources\":null,\
         \"AdditionalPrinterColumns\":null,\"SelectableFields\":null}}"
    )
}

/// Where the conversion webhook is.
fn client_of(definition: &Value) -> Option<&Value> {
    let client = definition.pointer("/spec/conversion/webhook/clientConfig");
    client.filter(|client| !client.is_null())
}

/// Whether certificates that can't be read are refused: once a definition is established, unless it had some already
/// (`allowInvalidCABundle`).
fn trust_counts(old: Option<&Value>) -> bool {
    let established = |old: &Value| super::condition_status(old, "Established") == Some("True");
    let Some(old) = old.filter(|old| established(old)) else {
        return false;
    };
    client_of(old).is_none_or(|client| validation::validate_webhook_trust("", client).is_empty())
}

/// How versions are converted (`validateCustomResourceConversion`).
fn conversion(definition: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let conversion = definition
        .pointer("/spec/conversion")
        .unwrap_or(&Value::Null);
    let client = client_of(definition);
    let (place, versions) = (
        "spec.conversion.webhookClientConfig",
        "spec.conversion.conversionReviewVersions",
    );
    let accepted = list(conversion, "/webhook/conversionReviewVersions");
    let mut errors = Vec::new();
    match text(conversion, "/strategy") {
        "Webhook" => {
            match client {
                Some(client) => {
                    errors.extend(validation::validate_webhook_client(place, client));
                    if trust_counts(old) {
                        errors.extend(validation::validate_webhook_trust(place, client));
                    }
                }
                None => errors.push(FieldError::required(
                    place,
                    "required when strategy is set to Webhook",
                )),
            }
            errors.extend(review_versions(accepted, versions));
            return errors;
        }
        "" | "None" => {}
        other => errors.push(FieldError::not_supported(
            "spec.conversion.strategy",
            other,
            &["None", "Webhook"],
        )),
    }
    let unwanted = "should not be set when strategy is not set to Webhook";
    if client.is_some() {
        errors.push(FieldError::forbidden(place, unwanted));
    }
    if !accepted.is_empty() {
        errors.push(FieldError::forbidden(versions, unwanted));
    }
    errors
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

fn review_versions(versions: &[Value], path: &str) -> Vec<FieldError> {
    if versions.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, version) in versions.iter().enumerate() {
        let (version, path) = (
            version.as_str().unwrap_or_default(),
            format!("{path}[{index}]"),
        );
        if !seen.insert(version) {
            errors.push(FieldError::invalid(path, version, "duplicate version"));
            continue;
        }
        for complaint in names::dns1035_label(version) {
            errors.push(FieldError::invalid(&path, version, complaint));
        }
    }
    if !seen.contains("v1") && !seen.contains("v1beta1") {
        errors.push(FieldError::invalid(
            path,
            &Value::from(versions),
            "must include at least one of v1, v1beta1",
        ));
    }
    errors
}

fn stored_versions(definition: &Value) -> Vec<FieldError> {
    let stored = definition
        .pointer("/status/storedVersions")
        .unwrap_or(&Value::Null);
    let list = stored.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        let detail = "must have at least one stored version";
        return vec![FieldError::invalid(
            "status.storedVersions",
            BadValue::Json(stored.to_string()),
            detail,
        )];
    }
    let mut errors = Vec::new();
    let mut missing: BTreeSet<&str> = list.iter().filter_map(Value::as_str).collect();
    for version in versions(definition) {
        let name = text(version, "/name");
        // A version that is there twice was found by then.
        if flag(version, "storage") && !missing.contains(name) {
            errors.push(FieldError::invalid(
                "status.storedVersions",
                stored,
                format!("must have the storage version {name}"),
            ));
        }
        missing.remove(name);
    }
    let missing = list
        .iter()
        .enumerate()
        .filter_map(|(index, version)| Some((index, version.as_str()?)))
        .filter(|(_, name)| missing.contains(name));
    for (index, name) in missing {
        let detail = format!(
            "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions \
             until a storage migration ensures no data remains persisted in {name} and removes {name} from \
             status.storedVersions"
        );
        let field = format!("status.storedVersions[{index}]");
        errors.push(FieldError::invalid(field, name, detail));
    }
    errors
}

/// What may not change: group and plural never, scope and kind not once the definition is established.
fn immutable(new: &Value, old: &Value) -> Vec<FieldError> {
    let established = super::condition_status(old, "Established") == Some("True");
    let fields = [
        ("spec.scope", "/spec/scope", established),
        ("spec.names.kind", "/spec/names/kind", established),
        ("spec.group", "/spec/group", true),
        ("spec.names.plural", "/spec/names/plural", true),
    ];
    fields
        .iter()
        .filter(|(_, pointer, fixed)| *fixed && text(new, pointer) != text(old, pointer))
        .map(|(field, pointer, _)| {
            FieldError::invalid(*field, text(new, pointer), "field is immutable")
        })
        .collect()
}
