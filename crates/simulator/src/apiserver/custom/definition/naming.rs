//! Checks of a definition's names and of the right to use a group of Kubernetes itself.

use machinery::builtin::validation::FieldError;
use machinery::names;
use serde_json::Value;

use super::text;

/// Errors in `spec.names`.
pub(super) fn name_errors(definition: &Value) -> Vec<FieldError> {
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

/// Groups of Kubernetes itself need an annotation.
pub(super) fn approval(definition: &Value) -> Option<FieldError> {
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
