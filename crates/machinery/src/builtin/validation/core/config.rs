//! `ConfigMaps` and Secrets.

use base64::Engine as _;

use crate::builtin::validation::FieldError;
use crate::builtin::validation::read::{At, Errors};
use crate::{decode, names};

/// What the data of a ConfigMap or Secret may weigh.
const LIMIT: usize = 1024 * 1024;
const FIXED: &str = "field is immutable when `immutable` is set";

fn bytes(value: &At<'_>) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD
        .decode(value.text())
        .unwrap_or_default()
}

/// Keys and size of a ConfigMap.
pub fn config_map(object: &At<'_>, errors: &mut Errors) {
    let (data, binary) = (object.child("data"), object.child("binaryData"));
    let mut size = 0;
    for (key, value) in data.entries() {
        key_name(key, &value, errors);
        if binary.has(key) {
            errors.push(value.invalid_as(key, "duplicate of key present in binaryData"));
        }
        size += value.text().len();
    }
    for (key, value) in binary.entries() {
        key_name(key, &value, errors);
        size += bytes(&value).len();
    }
    if size > LIMIT {
        errors.push(FieldError::too_long("[]", LIMIT));
    }
}

/// An updated ConfigMap; an immutable one stays as it is.
pub fn config_map_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    if is_fixed(new, old, errors) {
        let (data, before) = (new.child("data"), old.child("data"));
        // A ConfigMap without data has an empty map of them by default.
        if !(data.is_empty() && before.is_empty()) {
            unchanged(&data, &before, errors);
        }
        unchanged(&new.child("binaryData"), &old.child("binaryData"), errors);
    }
    super::meta::builtin_create(new, super::NameRule::Subdomain, true, errors);
    config_map(new, errors);
}

fn key_name(key: &str, at: &At<'_>, errors: &mut Errors) {
    errors.extend(
        names::config_map_key(key)
            .into_iter()
            .map(|complaint| at.invalid_as(key, complaint)),
    );
}

/// Whether the object is to stay as it is, which can't be taken back.
fn is_fixed(new: &At<'_>, old: &At<'_>, errors: &mut Errors) -> bool {
    let fixed = old.child("immutable").is_true();
    if fixed && !new.child("immutable").is_true() {
        errors.push(new.child("immutable").forbidden(FIXED));
    }
    fixed
}

fn unchanged(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    if new.value() != old.value() {
        errors.push(new.forbidden(FIXED));
    }
}

/// Keys, size and what the type of a Secret requires.
pub fn secret(object: &At<'_>, errors: &mut Errors) {
    let data = object.child("data");
    let mut size = 0;
    for (key, value) in data.entries() {
        key_name(key, &value, errors);
        size += bytes(&value).len();
    }
    if size > LIMIT {
        errors.push(FieldError::too_long(data.path(), LIMIT));
    }
    let require = |key: &str, errors: &mut Errors| {
        if !data.has(key) {
            errors.push(data.key(key).required(""));
        }
    };
    match object.child("type").text() {
        "kubernetes.io/service-account-token" => {
            let name = object
                .child("metadata")
                .child("annotations")
                .key("kubernetes.io/service-account.name");
            if name.is_empty() {
                errors.push(name.required(""));
            }
        }
        "kubernetes.io/dockercfg" => docker_config(&data, ".dockercfg", errors),
        "kubernetes.io/dockerconfigjson" => docker_config(&data, ".dockerconfigjson", errors),
        "kubernetes.io/basic-auth" if !data.has("username") && !data.has("password") => {
            require("username", errors);
            require("password", errors);
        }
        "kubernetes.io/ssh-auth" if data.key("ssh-privatekey").is_empty() => {
            errors.push(data.key("ssh-privatekey").required(""));
        }
        "kubernetes.io/tls" => {
            require("tls.crt", errors);
            require("tls.key", errors);
        }
        _ => {}
    }
}

fn docker_config(data: &At<'_>, key: &str, errors: &mut Errors) {
    let config = data.key(key);
    if !data.has(key) {
        errors.push(config.required(""));
        return;
    }
    // As `encoding/json` reads it into a map.
    let detail = match decode::decode_untyped(&bytes(&config)) {
        Err(error) => error.to_string(),
        Ok(read) if read.value.is_object() || read.value.is_null() => return,
        Ok(read) => format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            decode::json_word(&read.value)
        ),
    };
    errors.push(config.invalid_as("<secret contents redacted>", detail));
}

/// An updated Secret; its type never changes.
pub fn secret_update(new: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    new.child("type")
        .immutable(old.child("type").value(), "string", errors);
    if is_fixed(new, old, errors) {
        unchanged(&new.child("data"), &old.child("data"), errors);
    }
    super::meta::builtin_create(new, super::NameRule::Subdomain, true, errors);
    secret(new, errors);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn update(new: &Value, old: &Value) -> Vec<String> {
        let mut errors = Errors::new();
        let named = |object: &Value| {
            let mut object = object.clone();
            object["metadata"] = json!({"name": "a", "namespace": "n", "resourceVersion": "1"});
            object
        };
        let (new, old) = (named(new), named(old));
        config_map_update(&At::new("", &new), &At::new("", &old), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    /// As kube-apiserver 1.36.3 answers.
    #[test]
    fn of_an_immutable_config_map_empty_data_are_no_data_and_empty_binary_data_are_some() {
        let old = json!({"immutable": true});
        let refused = |field: &str| format!("{field}: Forbidden: {FIXED}");
        assert!(update(&json!({"immutable": true, "data": {}}), &old).is_empty());
        assert_eq!(
            update(&json!({"immutable": true, "binaryData": {}}), &old),
            [refused("binaryData")]
        );
        assert_eq!(
            update(&json!({"immutable": true, "data": {"a": ""}}), &old),
            [refused("data")]
        );
        assert_eq!(update(&json!({}), &old), [refused("immutable")]);
    }

    #[test]
    fn a_key_without_a_value_is_a_key() {
        let object = json!({"data": {"a": "1"}, "binaryData": {"a": null}});
        let mut errors = Errors::new();
        config_map(&At::new("", &object), &mut errors);
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        let expected = r#"data[a]: Invalid value: "a": duplicate of key present in binaryData"#;
        assert_eq!(errors, [expected]);
    }
}
