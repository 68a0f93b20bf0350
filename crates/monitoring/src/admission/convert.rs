//! Conversions of `apiextensions.k8s.io`, answered as controller-runtime does (`pkg/webhook/conversion/conversion.go`).

use serde_json::{Value, json};

use super::Answer;
use crate::api::conversion::{KIND, Version, convert};

/// Answers a request.
pub(super) fn answer(body: &[u8]) -> Answer {
    let review: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(request) = review.get("request").filter(|request| request.is_object()) else {
        return Answer::failure(400, "");
    };
    let (converted, result) = match all(request) {
        Ok(objects) => (objects, json!({"metadata": {}, "status": "Success"})),
        Err(message) => (
            Vec::new(),
            json!({"metadata": {}, "status": "Failure", "message": message}),
        ),
    };
    let of = |key: &str| review.get(key).cloned().unwrap_or_default();
    Answer::json(&json!({
        "apiVersion": of("apiVersion"),
        "kind": of("kind"),
        "response": {
            "uid": request.get("uid").cloned().unwrap_or_default(),
            "convertedObjects": converted,
            "result": result,
        },
    }))
}

/// All objects converted, or why one can't be.
fn all(request: &Value) -> Result<Vec<Value>, String> {
    let desired = request.get("desiredAPIVersion").and_then(Value::as_str);
    let desired = desired.unwrap_or_default();
    let objects = request.get("objects").and_then(Value::as_array);
    let objects = objects.into_iter().flatten();
    objects.map(|object| one(object, desired)).collect()
}

fn one(object: &Value, desired: &str) -> Result<Value, String> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if kind != KIND {
        return Err(format!("kind {kind:?} can't be converted, only {KIND} can"));
    }
    let known = |api_version: &str| {
        Version::of(api_version)
            .ok_or_else(|| format!("no kind {KIND:?} is registered for version {api_version:?}"))
    };
    let (from, to) = (known(api_version)?, known(desired)?);
    if from == to {
        return Err(format!(
            "conversion is not allowed between same type *{}.{KIND}",
            to.name()
        ));
    }
    Ok(convert(object.clone(), to))
}
