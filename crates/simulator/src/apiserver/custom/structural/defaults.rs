//! Defaults of a schema when the definition is written (`apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go`).

use machinery::builtin::validation::FieldError;
use serde_json::Value;

use super::super::rules::Rules;
use super::super::schema::Schema;
use super::super::{embedded, prune, validate};
use super::children;

/// Defaults must be what the schema would accept, unknown fields included. Those of a map's values are not looked at.
pub(super) fn errors(schema: &Value, path: &str, root: bool, errors: &mut Vec<FieldError>) {
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        let field = format!("{path}.default");
        let mut compiled = Schema::of_default(schema);
        compiled.embedded |= root;
        let mut pruned = default.clone();
        if compiled.kind == "object" && !prune_default(&mut pruned, &compiled) {
            errors.push(FieldError::invalid(
                field.clone(),
                default,
                "must not have unknown fields",
            ));
        }
        let malformed = embedded::errors(&compiled, &field, default);
        let mut complaints = if malformed.is_empty() {
            validate::validate(&compiled, "", default, None)
        } else {
            Vec::new()
        };
        if malformed.is_empty()
            && complaints.is_empty()
            && let Some(rules) = Rules::compile(schema)
        {
            complaints.extend(rules.check_default(&compiled, default));
        }
        errors.extend(malformed);
        for mut error in complaints {
            error.field = match error.field.as_str() {
                "<nil>" => field.clone(),
                inner => format!("{field}.{inner}"),
            };
            errors.push(error);
        }
    }
    for (child_path, child) in children(schema, path) {
        let step = child_path.strip_prefix(path).unwrap_or_default();
        if step != ".additionalProperties" {
            self::errors(child, &child_path, false, errors);
        }
    }
}

fn prune_default(default: &mut Value, schema: &Schema) -> bool {
    let wrapped = Schema {
        properties: [("x".to_owned(), schema.clone())].into(),
        ..Schema::default()
    };
    let mut object = serde_json::json!({"x": default.clone()});
    prune::prune(&mut object, &wrapped).is_empty()
}
