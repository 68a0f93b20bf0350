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
        if binary.key(key).is_set() {
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
    immutable(new, old, &["data", "binaryData"], errors);
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

fn immutable(new: &At<'_>, old: &At<'_>, fields: &[&str], errors: &mut Errors) {
    if !old.child("immutable").is_true() {
        return;
    }
    if !new.child("immutable").is_true() {
        errors.push(new.child("immutable").forbidden(FIXED));
    }
    for field in fields {
        if new.child(field).value() != old.child(field).value() {
            errors.push(new.child(field).forbidden(FIXED));
        }
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
        if !data.key(key).is_set() {
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
        "kubernetes.io/dockercfg" => docker_config(&data.key(".dockercfg"), errors),
        "kubernetes.io/dockerconfigjson" => docker_config(&data.key(".dockerconfigjson"), errors),
        "kubernetes.io/basic-auth"
            if !data.key("username").is_set() && !data.key("password").is_set() =>
        {
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

fn docker_config(config: &At<'_>, errors: &mut Errors) {
    if !config.is_set() {
        errors.push(config.required(""));
        return;
    }
    // As `encoding/json` reads it into a map.
    let detail = match decode::decode_untyped(&bytes(config)) {
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
    immutable(new, old, &["data"], errors);
    super::meta::builtin_create(new, super::NameRule::Subdomain, true, errors);
    secret(new, errors);
}
