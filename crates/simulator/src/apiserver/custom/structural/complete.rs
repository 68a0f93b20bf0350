//! What junctors say of a value must be about one whose structure is known
//! (`apiextensions-apiserver/pkg/apiserver/schema/complete.go`).

use machinery::builtin::validation::FieldError;
use serde_json::Value;

const JUNCTORS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Errors of the junctors of a schema itself; those of what is below it are not looked at.
pub(super) fn errors(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    junctors(schema, Some(schema), path, path, errors);
}

/// `validation` restricts what `structure` is the schema of; each has a path of its own.
fn junctors(
    validation: &Value,
    structure: Option<&Value>,
    at: &str,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    if let Some(not) = validation.get("not").filter(|not| not.is_object()) {
        nested(not, structure, at, &format!("{path}.not"), errors);
    }
    for junctor in JUNCTORS {
        let list = validation.get(junctor).and_then(Value::as_array);
        for (index, one) in list.into_iter().flatten().enumerate() {
            nested(
                one,
                structure,
                at,
                &format!("{path}.{junctor}[{index}]"),
                errors,
            );
        }
    }
}

fn nested(
    validation: &Value,
    structure: Option<&Value>,
    at: &str,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let Some(known) = structure else {
        errors.push(missing(at, path));
        return;
    };
    junctors(validation, structure, at, path, errors);
    if let Some(items) = validation.get("items").filter(|items| items.is_object()) {
        let of = known.get("items").filter(|items| items.is_object());
        nested(
            items,
            of,
            &format!("{at}.items"),
            &format!("{path}.items"),
            errors,
        );
    }
    let properties = validation.get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        let of = known.get("properties").and_then(|known| known.get(key));
        let step = format!(".properties[{key}]");
        nested(
            property,
            of,
            &format!("{at}{step}"),
            &format!("{path}{step}"),
            errors,
        );
    }
}

fn missing(at: &str, path: &str) -> FieldError {
    FieldError::required(at, format!("because it is defined in {path}"))
}
