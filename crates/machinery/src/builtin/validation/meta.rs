//! Validation of `metadata` (`apimachinery/pkg/api/validation/objectmeta.go`) and of label selectors.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names::{NameRule, path_segment};
use super::read::{At, Errors, same};
use super::{BadValue, FieldError};
use crate::names;

/// All annotations together may have this many bytes.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// Errors of a custom resource's `metadata`; names are DNS subdomains. `old` is given for updates.
#[must_use]
pub fn validate_custom_resource_meta(
    new: &Value,
    old: Option<&Value>,
    namespaced: bool,
) -> Vec<FieldError> {
    let mut errors = Errors::new();
    let metadata = At::new("", new).child("metadata");
    match old {
        None => create(
            &metadata,
            namespaced,
            |name, prefix| NameRule::Subdomain.complaints(name, prefix),
            &mut errors,
        ),
        Some(old) => {
            let (new, old) = (At::new("", new), At::new("", old));
            common_update(&new, &old, namespaced, &mut errors);
            // Once more by the strategy of custom resources.
            update(&metadata, &old.child("metadata"), &mut errors);
        }
    }
    errors
}

/// Errors of the `metadata` of a new object of a built-in kind, whatever the rest of it says.
#[must_use]
pub fn validate_builtin_meta(
    group: &str,
    kind: &str,
    object: &Value,
    namespaced: bool,
) -> Vec<FieldError> {
    let mut errors = Errors::new();
    let rule = NameRule::of(group, kind);
    builtin_create(&At::new("", object), rule, namespaced, &mut errors);
    drop_finalizers(group, &mut errors);
    errors
}

/// Errors of the `metadata` of a new object of a kind that nothing is known of: its name fits into a URL path.
#[must_use]
pub fn validate_any_meta(object: &Value) -> Vec<FieldError> {
    let mut errors = Errors::new();
    let object = At::new("", object);
    let namespaced = !object.child("metadata").child("namespace").is_empty();
    path_names(&object, namespaced, &mut errors);
    errors
}

/// Errors of the `metadata` of any object's update, before its own kind is asked (`apiserver/pkg/registry/rest/update.go`).
#[must_use]
pub fn validate_updated_meta(new: &Value, old: &Value, namespaced: bool) -> Vec<FieldError> {
    let mut errors = Errors::new();
    common_update(
        &At::new("", new),
        &At::new("", old),
        namespaced,
        &mut errors,
    );
    errors
}

/// Errors of the `metadata` of a resource that stands inside another one, at that path. It need not have a name, and is in a
/// namespace if it says so.
#[must_use]
pub fn validate_embedded_meta(path: &str, metadata: &Value) -> Vec<FieldError> {
    let mut metadata = metadata.clone();
    let text = |metadata: &Value, key: &str| {
        let value = metadata.get(key).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    if text(&metadata, "name").is_empty()
        && let Some(fields) = metadata.as_object_mut()
    {
        fields.insert("name".to_owned(), Value::from("fakename"));
    }
    let namespaced = !text(&metadata, "namespace").is_empty();
    let mut errors = Errors::new();
    let rule = |name: &str, prefix: bool| NameRule::PathSegment.complaints(name, prefix);
    create(&At::new(path, &metadata), namespaced, rule, &mut errors);
    errors
}

/// Metadata of a new built-in object.
pub(super) fn builtin_create(
    object: &At<'_>,
    rule: NameRule,
    namespaced: bool,
    errors: &mut Errors,
) {
    let metadata = object.child("metadata");
    create(
        &metadata,
        namespaced,
        |name, prefix| rule.complaints(name, prefix),
        errors,
    );
    kube_finalizers(&metadata, errors);
}

/// Some groups ask of finalizers no more than any object is asked: they use apimachinery's checks, not those of core.
pub(super) fn drop_finalizers(group: &str, errors: &mut Errors) {
    if matches!(
        group,
        "coordination.k8s.io" | "admissionregistration.k8s.io" | "apiregistration.k8s.io"
    ) {
        errors.retain(|error| error.detail != UNQUALIFIED);
    }
}

/// Metadata of an updated built-in object, as the kind's own strategy checks it.
pub(super) fn builtin_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let metadata = new.child("metadata");
    update(&metadata, &old.child("metadata"), errors);
    kube_finalizers(&metadata, errors);
}

/// What the server checks after a kind's own validation passed: names fit into a URL path.
pub(super) fn path_names(object: &At<'_>, namespaced: bool, errors: &mut Errors) {
    create(&object.child("metadata"), namespaced, path_segment, errors);
}

/// Metadata of a new object whose names follow a rule of its kind's.
pub(super) fn create(
    metadata: &At<'_>,
    namespaced: bool,
    name_complaints: impl Fn(&str, bool) -> Vec<String>,
    errors: &mut Errors,
) {
    let generate = metadata.child("generateName");
    if !generate.is_empty() {
        generate.complain(name_complaints(generate.text(), true), errors);
    }
    let name = metadata.child("name");
    if name.is_empty() {
        errors.push(name.required("name or generateName is required"));
    } else {
        name.complain(name_complaints(name.text(), false), errors);
    }
    let namespace = metadata.child("namespace");
    if !namespaced {
        if !namespace.is_empty() {
            errors.push(namespace.forbidden("not allowed on this type"));
        }
    } else if namespace.is_empty() {
        errors.push(namespace.required(""));
    } else {
        namespace.complain(names::dns1123_label(namespace.text()), errors);
    }
    metadata.child("generation").not_negative(errors);
    labels(&metadata.child("labels"), errors);
    annotations(&metadata.child("annotations"), errors);
    owner_references(&metadata.child("ownerReferences"), errors);
    finalizers(&metadata.child("finalizers"), errors);
}

/// What the server checks of every updated object before the kind's own validation.
pub(super) fn common_update(new: &At<'_>, old: &At<'_>, namespaced: bool, errors: &mut Errors) {
    path_names(new, namespaced, errors);
    update(&new.child("metadata"), &old.child("metadata"), errors);
}

fn update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    if old.child("deletionTimestamp").is_set() {
        no_new_finalizers(&new.child("finalizers"), &old.child("finalizers"), errors);
    }
    let version = new.child("resourceVersion");
    if version.is_empty() {
        errors.push(version.invalid_as("", "must be specified for an update"));
    }
    let generation = new.child("generation");
    if generation.int() < old.child("generation").int() {
        errors.push(generation.invalid_as(generation.int(), "must not be decremented"));
    }
    for key in ["name", "namespace"] {
        new.child(key)
            .immutable(old.child(key).value(), "string", errors);
    }
    for (key, go_type) in [
        ("uid", "string"),
        ("creationTimestamp", "time"),
        ("deletionTimestamp", "*time"),
        ("deletionGracePeriodSeconds", "*int"),
    ] {
        let (new, old) = (new.child(key), old.child(key));
        if !same(new.value(), old.value()) {
            errors.push(new.invalid_as(new.dump(go_type), "field is immutable"));
        }
    }
    labels(&new.child("labels"), errors);
    annotations(&new.child("annotations"), errors);
    owner_references(&new.child("ownerReferences"), errors);
}

/// Keys and values of labels; the path is the map's.
pub(super) fn labels(labels: &At<'_>, errors: &mut Errors) {
    // No entry is named by itself, so none needs a path.
    for (key, value) in labels.map().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        label_name(labels, key, errors);
        for complaint in names::label_value(value) {
            errors.push(labels.invalid_as(value, complaint));
        }
    }
}

/// A label key found at a place.
pub(super) fn label_name(at: &At<'_>, key: &str, errors: &mut Errors) {
    errors.extend(
        names::label_key(key)
            .into_iter()
            .map(|complaint| at.invalid_as(key, complaint)),
    );
}

/// Metadata of what is made from a template: labels and annotations alone.
pub(super) fn of_template(metadata: &At<'_>, errors: &mut Errors) {
    // In the order of the struct, by the names it has in Go.
    const OTHERS: [(&str, &str); 13] = [
        ("name", "name"),
        ("generateName", "generateName"),
        ("namespace", "namespace"),
        ("selfLink", "selfLink"),
        ("uid", "uID"),
        ("resourceVersion", "resourceVersion"),
        ("generation", "generation"),
        ("creationTimestamp", "creationTimestamp"),
        ("deletionTimestamp", "deletionTimestamp"),
        ("deletionGracePeriodSeconds", "deletionGracePeriodSeconds"),
        ("ownerReferences", "ownerReferences"),
        ("finalizers", "finalizers"),
        ("managedFields", "managedFields"),
    ];
    annotations(&metadata.child("annotations"), errors);
    labels(&metadata.child("labels"), errors);
    for (key, name) in OTHERS {
        let field = metadata.renamed(key, name);
        if field.is_set() {
            errors.push(field.forbidden("cannot be set"));
        }
    }
}

/// Keys of annotations, in any case, and the size of all together.
pub(super) fn annotations(annotations: &At<'_>, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in annotations.map().into_iter().flatten() {
        for complaint in names::label_key(&key.to_lowercase()) {
            errors.push(annotations.invalid_as(key.as_str(), complaint));
        }
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size > ANNOTATIONS_LIMIT {
        errors.push(FieldError::too_long(annotations.path(), ANNOTATIONS_LIMIT));
    }
}

fn owner_references(references: &At<'_>, errors: &mut Errors) {
    let mut controller: Option<String> = None;
    for reference in references.items() {
        let field = |key: &str| reference.child(key).moved(references.path_of(key));
        let (group, version) = split_version(field("apiVersion").text());
        if version.is_empty() {
            errors.push(
                field("apiVersion")
                    .invalid_as(field("apiVersion").text(), "version must not be empty"),
            );
        }
        for key in ["kind", "name"] {
            if field(key).is_empty() {
                errors.push(field(key).invalid_as("", "must not be empty"));
            }
        }
        if field("uid").is_empty() {
            errors.push(
                field("uid").invalid_as(BadValue::Json("\"\"".to_owned()), "must not be empty"),
            );
        }
        let kind = field("kind").text();
        if (group, version, kind) == ("", "v1", "Event") {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(references.invalid_as(reference.dump("metav1.OwnerReference"), detail));
        }
        if field("controller").is_true() {
            let name = format!("{kind}/{}", field("name").text());
            match &controller {
                Some(first) => errors.push(references.invalid_struct(
                    "[]metav1.OwnerReference",
                    format!("Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"),
                )),
                None => controller = Some(name),
            }
        }
    }
}

fn split_version(api_version: &str) -> (&str, &str) {
    match api_version.split_once('/') {
        Some((_, rest)) if rest.contains('/') => ("", ""),
        Some((group, version)) => (group, version),
        None => ("", api_version),
    }
}

fn finalizers(finalizers: &At<'_>, errors: &mut Errors) {
    let items = finalizers.items();
    for finalizer in &items {
        finalizer
            .moved(finalizers.path())
            .complain(names::label_key(finalizer.text()), errors);
    }
    let has = |name: &str| items.iter().any(|finalizer| finalizer.text() == name);
    if has("orphan") && has("foregroundDeletion") {
        errors
            .push(finalizers.invalid("finalizer orphan and foregroundDeletion cannot be both set"));
    }
}

const UNQUALIFIED: &str = "name is neither a standard finalizer name nor is it fully qualified";

/// Built-in kinds take only known finalizers without a prefix; definitions are checked by the extension server, which
/// knows its own.
fn kube_finalizers(metadata: &At<'_>, errors: &mut Errors) {
    for finalizer in metadata.child("finalizers").items() {
        let known = matches!(
            finalizer.text(),
            "kubernetes"
                | "orphan"
                | "foregroundDeletion"
                | "customresourcecleanup.apiextensions.k8s.io"
        );
        if !finalizer.text().contains('/') && !known {
            errors.push(finalizer.invalid(UNQUALIFIED));
        }
    }
}

fn no_new_finalizers(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let old: BTreeSet<&str> = old.items().iter().map(At::text).collect();
    let mut added: Vec<&str> = new
        .items()
        .iter()
        .map(At::text)
        .filter(|name| !old.contains(name))
        .collect();
    added.sort_unstable();
    added.dedup();
    if !added.is_empty() {
        let list: Vec<String> = added.iter().map(|name| super::error::quote(name)).collect();
        errors.push(new.forbidden(format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            list.join(", ")
        )));
    }
}

/// Conditions as most statuses have them (`apimachinery/pkg/apis/meta/v1/validation`).
pub(super) fn conditions(conditions: &At<'_>, errors: &mut Errors) {
    const LONGEST_REASON: usize = 1024;
    const LONGEST_MESSAGE: usize = 32 * 1024;
    let mut seen = BTreeSet::new();
    for condition in conditions.items() {
        let (kind, reason) = (condition.child("type"), condition.child("reason"));
        if !seen.insert(kind.text()) {
            errors.push(FieldError::duplicate(kind.path(), kind.text()));
        }
        label_name(&kind, kind.text(), errors);
        let status = condition.child("status");
        status.known(&["False", "True", "Unknown"], errors);
        let generation = condition.child("observedGeneration");
        if generation.int() < 0 {
            errors.push(generation.invalid("must be greater than or equal to zero"));
        }
        let moment = condition.child("lastTransitionTime");
        if !moment.is_set() {
            errors.push(moment.required(""));
        }
        if reason.is_empty() {
            errors.push(reason.required(""));
        } else {
            reason.complain(names::condition_reason(reason.text()), errors);
        }
        if reason.text().len() > LONGEST_REASON {
            errors.push(FieldError::too_long(reason.path(), LONGEST_REASON));
        }
        let message = condition.child("message");
        if message.text().len() > LONGEST_MESSAGE {
            errors.push(FieldError::too_long(message.path(), LONGEST_MESSAGE));
        }
    }
}

/// A `LabelSelector`; an absent one is valid.
pub(super) fn label_selector(selector: &At<'_>, errors: &mut Errors) {
    labels(&selector.child("matchLabels"), errors);
    for expression in selector.child("matchExpressions").items() {
        let (operator, values) = (expression.child("operator"), expression.child("values"));
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => {
                errors
                    .push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                errors.push(values.forbidden(
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                ));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(operator.invalid_as(other, "not a valid selector operator")),
        }
        label_name(
            &expression.child("key"),
            expression.child("key").text(),
            errors,
        );
        for value in values.items() {
            value.complain(names::label_value(value.text()), errors);
        }
    }
}
