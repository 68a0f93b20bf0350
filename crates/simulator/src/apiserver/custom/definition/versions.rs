//! Checks of one version: its schema, subresources, printer columns and selectable fields.

use std::collections::BTreeSet;

use machinery::builtin::validation::FieldError;
use serde_json::Value;

use super::super::field_path::walk;
use super::super::structural;
use super::{flag, text};

const COLUMN_TYPES: &str = "boolean,date,integer,number,string";
const COLUMN_FORMATS: [&str; 9] = [
    "",
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
];

/// Which parts all versions have in common: the server moves them to the top of its internal form, and reports errors
/// in them there.
pub(super) struct Shared(BTreeSet<&'static str>);

impl Shared {
    pub(super) fn of(versions: &[&Value]) -> Self {
        let same = |key: &&str| {
            versions
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if a.get(*key) == b.get(*key)))
        };
        let parts = [
            "schema",
            "subresources",
            "additionalPrinterColumns",
            "selectableFields",
        ];
        Self(parts.into_iter().filter(same).collect())
    }

    fn has(&self, part: &str) -> bool {
        self.0.contains(part)
    }
}

/// Errors in what is the version's own; `unchanged` if its schema was accepted before.
pub(super) fn version_errors(
    version: &Value,
    path: &str,
    shared: &Shared,
    unchanged: bool,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Some(warning) = version.get("deprecationWarning").and_then(Value::as_str) {
        for complaint in warning_complaints(warning, flag(version, "deprecated")) {
            let field = format!("{path}.deprecationWarning");
            errors.push(FieldError::invalid(field, warning, complaint));
        }
    }
    if !shared.has("schema") {
        errors.extend(schema_errors(
            version,
            &format!("{path}.schema.openAPIV3Schema"),
            unchanged,
            has_status(version),
        ));
    }
    if !shared.has("subresources") {
        errors.extend(subresource_errors(version, &format!("{path}.subresources")));
    }
    if !shared.has("additionalPrinterColumns") {
        errors.extend(column_errors(
            version,
            &format!("{path}.additionalPrinterColumns"),
        ));
    }
    if !shared.has("selectableFields") {
        errors.extend(selectable_errors(
            version,
            &format!("{path}.selectableFields"),
        ));
    }
    errors
}

/// What is wrong with the text of a warning.
fn warning_complaints(warning: &str, deprecated: bool) -> Vec<String> {
    if !deprecated {
        return vec!["can only be set for deprecated versions".to_owned()];
    }
    let mut complaints = Vec::new();
    if warning.len() > 256 {
        complaints.push("must be <= 256 characters long".to_owned());
    }
    if warning.is_empty() {
        complaints.push("must not be an empty string".to_owned());
    }
    let hidden = |c: char| c != ' ' && (c.is_control() || c.is_whitespace());
    if let Some((index, _)) = warning.char_indices().find(|(_, c)| hidden(*c)) {
        complaints.push(format!(
            "must only contain printable UTF-8 characters; non-printable character found at index {index}"
        ));
    }
    complaints
}

/// Errors in what all versions share.
pub(super) fn hoisted_errors(
    first: &Value,
    shared: &Shared,
    unchanged: bool,
    any_status: bool,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if shared.has("schema") {
        errors.extend(schema_errors(
            first,
            "spec.validation.openAPIV3Schema",
            unchanged,
            any_status,
        ));
    }
    if shared.has("subresources") {
        errors.extend(subresource_errors(first, "spec.subresources"));
    }
    if shared.has("additionalPrinterColumns") {
        errors.extend(column_errors(first, "spec.additionalPrinterColumns"));
    }
    if shared.has("selectableFields") {
        let field = "spec.selectableFields";
        let fields = first.get("selectableFields").and_then(Value::as_array);
        if shared.has("schema") {
            errors.extend(selectable_errors(first, field));
        } else if fields.is_some_and(|fields| !fields.is_empty()) {
            // At the top of the internal form the schema is missed then.
            let detail = "may only be set when validations.schema is included";
            errors.push(FieldError::invalid(field, "", detail));
        }
    }
    errors
}

/// Whether a version's status has an endpoint of its own.
pub(super) fn has_status(version: &Value) -> bool {
    let status = version.pointer("/subresources/status");
    status.is_some_and(|status| !status.is_null())
}

fn schema_errors(version: &Value, path: &str, unchanged: bool, status: bool) -> Vec<FieldError> {
    version
        .pointer("/schema/openAPIV3Schema")
        .filter(|schema| !schema.is_null())
        .map_or_else(Vec::new, |schema| {
            structural::errors(schema, path, unchanged, status)
        })
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
    let detail = "must be a simple json path starting with .";
    (!path.starts_with('.')).then(|| FieldError::invalid(field, path, detail))
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
            let detail = "must be one of byte,date,date-time,double,float,int32,int64,password";
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

/// Selectable fields of a version.
const MOST_SELECTABLE: usize = 8;

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
        let (found, of) = match walk(json_path, schema, false) {
            Ok(found) => found,
            Err(error) => {
                let detail = format!("is an invalid path: {error}");
                errors.push(FieldError::invalid(path, json_path, detail));
                continue;
            }
        };
        if found.split(['.', '[']).next() == Some("metadata") {
            errors.push(FieldError::invalid(
                &path,
                json_path,
                "must not point to fields in metadata",
            ));
        }
        if !matches!(text(of, "/type"), "string" | "boolean" | "integer") {
            let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            errors.push(FieldError::invalid(&path, json_path, detail));
        }
        if !seen.insert(found) {
            errors.push(FieldError::duplicate(&path, json_path));
        }
    }
    if seen.len() > MOST_SELECTABLE {
        errors.push(FieldError::too_many(path, seen.len(), MOST_SELECTABLE));
    }
    errors
}
