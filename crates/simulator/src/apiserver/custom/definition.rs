//! Checks of a definition's spec, in the order and words of
//! `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`.

use std::collections::BTreeSet;

use machinery::builtin::validation::{BadValue, ErrorKind, FieldError};
use machinery::names;
use serde_json::{Value, json};

use super::structural;

const COLUMN_TYPES: &str = "boolean,date,integer,number,string";
const COLUMN_FORMATS: [&str; 10] = [
    "",
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
    "binary",
];

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
    errors.extend(spec_errors(new));
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

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
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

fn spec_errors(definition: &Value) -> Vec<FieldError> {
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
        errors.extend(version_errors(version, &path, &shared, index));
    }
    errors.extend(version_set(&list));
    errors.extend(name_errors(definition));
    if let Some(first) = list.first() {
        errors.extend(hoisted_errors(first, &shared));
    }
    errors.extend(conversion(definition));
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

/// Which parts all versions have in common: the server moves them to the top of its internal form, and reports errors
/// in them there.
struct Shared {
    schema: bool,
    subresources: bool,
    columns: bool,
    selectable: bool,
}

impl Shared {
    fn of(versions: &[&Value]) -> Self {
        let same = |key: &str| {
            versions
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if a.get(key) == b.get(key)))
        };
        Self {
            schema: same("schema"),
            subresources: same("subresources"),
            columns: same("additionalPrinterColumns"),
            selectable: same("selectableFields"),
        }
    }
}

fn version_errors(version: &Value, path: &str, shared: &Shared, index: usize) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Some(warning) = version.get("deprecationWarning").and_then(Value::as_str) {
        let complaint = if !flag(version, "deprecated") {
            Some("can only be set for deprecated versions")
        } else if warning.is_empty() {
            Some("must not be an empty string")
        } else if warning.len() > 256 {
            Some("must be <= 256 characters long")
        } else {
            None
        };
        if let Some(complaint) = complaint {
            errors.push(FieldError::invalid(
                format!("{path}.deprecationWarning"),
                warning,
                complaint,
            ));
        }
    }
    if !shared.schema {
        errors.extend(schema_errors(
            version,
            &format!("{path}.schema.openAPIV3Schema"),
        ));
    }
    if !shared.subresources {
        errors.extend(subresource_errors(version, &format!("{path}.subresources")));
    }
    if !shared.columns {
        errors.extend(column_errors(
            version,
            &format!("{path}.additionalPrinterColumns"),
        ));
    }
    if !shared.selectable || !shared.schema {
        errors.extend(selectable_errors(
            version,
            &format!("spec.versions[{index}].selectableFields"),
        ));
    }
    errors
}

fn hoisted_errors(first: &Value, shared: &Shared) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if shared.schema {
        errors.extend(schema_errors(first, "spec.validation.openAPIV3Schema"));
    }
    if shared.subresources {
        errors.extend(subresource_errors(first, "spec.subresources"));
    }
    if shared.columns {
        errors.extend(column_errors(first, "spec.additionalPrinterColumns"));
    }
    if shared.selectable && shared.schema {
        errors.extend(selectable_errors(first, "spec.selectableFields"));
    }
    errors
}

fn schema_errors(version: &Value, path: &str) -> Vec<FieldError> {
    version
        .pointer("/schema/openAPIV3Schema")
        .filter(|schema| !schema.is_null())
        .map_or_else(Vec::new, |schema| structural::errors(schema, path))
}

fn subresource_errors(version: &Value, path: &str) -> Vec<FieldError> {
    let Some(scale) = version
        .pointer("/subresources/scale")
        .filter(|scale| !scale.is_null())
    else {
        return Vec::new();
    };
    let mut errors = Vec::new();
    for (key, root) in [
        ("specReplicasPath", ".spec"),
        ("statusReplicasPath", ".status"),
    ] {
        let value = text(scale, &format!("/{key}"));
        let field = format!("{path}.scale.{key}");
        if value.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if let Some(error) = simple_path(value, &field) {
            errors.push(error);
        } else if !value.starts_with(&format!("{root}.")) {
            errors.push(FieldError::invalid(
                field,
                value,
                format!("should be a json path under {root}"),
            ));
        }
    }
    let selector = text(scale, "/labelSelectorPath");
    if !selector.is_empty() {
        let field = format!("{path}.scale.labelSelectorPath");
        if let Some(error) = simple_path(selector, &field) {
            errors.push(error);
        } else if !selector.starts_with(".spec.") && !selector.starts_with(".status.") {
            let detail = "should be a json path under either .spec or .status";
            errors.push(FieldError::invalid(field, selector, detail));
        }
    }
    errors
}

fn simple_path(path: &str, field: &str) -> Option<FieldError> {
    if !path.starts_with('.') {
        return Some(FieldError::invalid(
            field,
            path,
            "must be a simple json path starting with .",
        ));
    }
    let brackets = path.contains(['[', ']', '(', ')', '{', '}', '*', '?', '\'', '"', ' '])
        || path.ends_with('.');
    brackets.then(|| FieldError::invalid(field, path, "must be a json path in the dot notation"))
}

fn column_errors(version: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let columns = version
        .get("additionalPrinterColumns")
        .and_then(Value::as_array);
    for (index, column) in columns.into_iter().flatten().enumerate() {
        let path = format!("{path}[{index}]");
        if text(column, "/name").is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        let kind = text(column, "/type");
        let detail = format!("must be one of {COLUMN_TYPES}");
        if kind.is_empty() {
            errors.push(FieldError::required(format!("{path}.type"), detail));
        } else if !COLUMN_TYPES.split(',').any(|known| known == kind) {
            errors.push(FieldError::invalid(format!("{path}.type"), kind, detail));
        }
        let format = text(column, "/format");
        if !COLUMN_FORMATS.contains(&format) {
            let detail =
                "must be one of binary,byte,date,date-time,double,float,int32,int64,password";
            errors.push(FieldError::invalid(
                format!("{path}.format"),
                format,
                detail,
            ));
        }
        let json_path = text(column, "/jsonPath");
        if json_path.is_empty() {
            errors.push(FieldError::required(format!("{path}.JSONPath"), ""));
        } else if !json_path.starts_with('.') {
            let detail = "must be a simple json path starting with .";
            errors.push(FieldError::invalid(
                format!("{path}.JSONPath"),
                json_path,
                detail,
            ));
        }
    }
    errors
}

fn selectable_errors(version: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    let schema = version
        .pointer("/schema/openAPIV3Schema")
        .unwrap_or(&Value::Null);
    let fields = version.get("selectableFields").and_then(Value::as_array);
    for (index, field) in fields.into_iter().flatten().enumerate() {
        let json_path = text(field, "/jsonPath");
        let path = format!("{path}[{index}].jsonPath");
        if json_path.is_empty() {
            errors.push(FieldError::required(path, ""));
            continue;
        }
        let found = json_path
            .trim_start_matches('.')
            .split('.')
            .try_fold(schema, |schema, key| schema.get("properties")?.get(key));
        if json_path.starts_with(".metadata") {
            errors.push(FieldError::invalid(
                &path,
                json_path,
                "must not point to fields in metadata",
            ));
        }
        if !matches!(
            found.map(|schema| text(schema, "/type")),
            Some("string" | "boolean" | "integer")
        ) {
            let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            errors.push(FieldError::invalid(&path, json_path, detail));
        }
        if !seen.insert(json_path) {
            errors.push(FieldError::duplicate(&path, json_path));
        }
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

fn name_errors(definition: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let names = definition.pointer("/spec/names").unwrap_or(&Value::Null);
    let fields = ["plural", "singular", "kind", "listKind"];
    for field in fields {
        if text(names, &format!("/{field}")).is_empty() {
            errors.push(FieldError::required(format!("spec.names.{field}"), ""));
        }
    }
    for field in fields {
        let value = text(names, &format!("/{field}"));
        let mixed = field.to_lowercase().ends_with("kind");
        let complaints = names::dns1035_label(&if mixed {
            value.to_lowercase()
        } else {
            value.to_owned()
        });
        if !value.is_empty() && !complaints.is_empty() {
            let prefix = if mixed {
                "may have mixed case, but should otherwise match: "
            } else {
                ""
            };
            let detail = format!("{prefix}{}", complaints.join(","));
            errors.push(FieldError::invalid(
                format!("spec.names.{field}"),
                value,
                detail,
            ));
        }
    }
    let (kind, list_kind) = (text(names, "/kind"), text(names, "/listKind"));
    for field in ["shortNames", "categories"] {
        if field == "categories" && !kind.is_empty() && kind == list_kind {
            let detail = "kind and listKind may not be the same";
            errors.push(FieldError::invalid(
                "spec.names.listKind",
                list_kind,
                detail,
            ));
        }
        let list = names.get(field).and_then(Value::as_array);
        for (index, name) in list
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .enumerate()
        {
            let complaints = names::dns1035_label(name);
            if !complaints.is_empty() {
                errors.push(FieldError::invalid(
                    format!("spec.names.{field}[{index}]"),
                    name,
                    complaints.join(","),
                ));
            }
        }
    }
    errors
}

/// Conversion webhooks are not there yet: a definition with one is refused.
fn conversion(definition: &Value) -> Vec<FieldError> {
    let conversion = definition
        .pointer("/spec/conversion")
        .unwrap_or(&Value::Null);
    match text(conversion, "/strategy") {
        "Webhook" if conversion.pointer("/webhook/clientConfig").is_none() => {
            let mut errors = vec![FieldError::required(
                "spec.conversion.webhookClientConfig",
                "required when strategy is set to Webhook",
            )];
            if conversion
                .pointer("/webhook/conversionReviewVersions")
                .is_none_or(Value::is_null)
            {
                errors.push(FieldError::required(
                    "spec.conversion.conversionReviewVersions",
                    "",
                ));
            }
            errors
        }
        "Webhook" => vec![FieldError::forbidden(
            "spec.conversion.strategy",
            "conversion webhooks are not supported by this version of Carrick",
        )],
        "" | "None" => Vec::new(),
        other => vec![FieldError::not_supported(
            "spec.conversion.strategy",
            other,
            &["None", "Webhook"],
        )],
    }
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
    let known: BTreeSet<&str> = versions(definition)
        .iter()
        .map(|version| text(version, "/name"))
        .collect();
    let missing = list.iter().enumerate().filter_map(|(index, version)| {
        let name = version.as_str().filter(|name| !known.contains(name))?;
        let detail = format!(
            "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions \
             until a storage migration ensures no data remains persisted in {name} and removes {name} from \
             status.storedVersions"
        );
        Some(FieldError::invalid(format!("status.storedVersions[{index}]"), name, detail))
    });
    missing.collect()
}

/// Groups of Kubernetes itself need an annotation.
fn approval(definition: &Value) -> Option<FieldError> {
    let group = text(definition, "/spec/group");
    let protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|suffix| group == *suffix || group.ends_with(&format!(".{suffix}")));
    if !protected {
        return None;
    }
    let field = "metadata.annotations[api-approved.kubernetes.io]";
    let value = text(
        definition,
        "/metadata/annotations/api-approved.kubernetes.io",
    );
    if value.is_empty() {
        let detail = "protected groups must have approval annotation \"api-approved.kubernetes.io\", \
                      see https://github.com/kubernetes/enhancements/pull/1111";
        return Some(FieldError::required(field, detail));
    }
    if value.starts_with("unapproved") || value.contains("://") {
        return None;
    }
    let detail = "protected groups must have approval annotation \"api-approved.kubernetes.io\" with either a URL or a \
                  reason starting with \"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111";
    Some(FieldError::invalid(field, value, detail))
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
