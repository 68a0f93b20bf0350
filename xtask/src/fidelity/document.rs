//! Documents too large and too wordy to be compared byte by byte: discovery, `OpenAPI`, tables.
//!
//! The values are compared. What describes them is a reference's own prose, in whatever words, and left out; the order of
//! keys is nobody's promise; parameters that the Swagger document shares are put where they are referred to.
use machinery::hash::hexadecimal;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

const DIGEST: &str = "sha256:";

/// A body as it is compared: if it is a JSON object, or one a line, in one way of writing; otherwise itself.
pub fn reduced(body: &[u8]) -> Vec<u8> {
    if let Some(whole) = reduced_object(body) {
        return whole;
    }
    let lines = body.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.map(|line| match reduced_object(line) {
        Some(object) => [object.as_slice(), b"\n"].concat(),
        None => line.to_vec(),
    });
    lines.collect::<Vec<_>>().concat()
}

fn reduced_object(body: &[u8]) -> Option<Vec<u8>> {
    let Ok(mut value @ Value::Object(_)) = serde_json::from_slice::<Value>(body) else {
        return None;
    };
    let shared = value.as_object_mut().and_then(|map| {
        let is_swagger = map.contains_key("swagger");
        is_swagger.then(|| map.remove("parameters")).flatten()
    });
    let shared = shared.unwrap_or_default();
    reduce(&mut value, &shared);
    serde_json::to_vec(&value).ok()
}

fn reduce(value: &mut Value, shared: &Value) {
    if let Some(place) = value["$ref"]
        .as_str()
        .and_then(|text| text.strip_prefix("#/parameters/"))
        && let Some(parameter) = shared.get(place)
    {
        *value = parameter.clone();
    }
    match value {
        Value::Object(map) => {
            let describes = |value: &Value| value.is_string();
            if map.get("description").is_some_and(describes) {
                map.remove("description");
            }
            let sorted: Map<String, Value> = std::mem::take(map).into_iter().collect();
            *map = sorted;
            map.values_mut().for_each(|value| reduce(value, shared));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| reduce(value, shared)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A digest in a body's place.
pub fn digest(body: &[u8]) -> Vec<u8> {
    if is_digest(body) {
        return body.to_vec();
    }
    format!("{DIGEST}{}", hexadecimal(&Sha256::digest(body))).into_bytes()
}

/// Whether a digest stands in a body's place.
pub fn is_digest(body: &[u8]) -> bool {
    body.starts_with(DIGEST.as_bytes())
}

#[test]
fn documents_are_compared_by_their_values() {
    let theirs = br##"{"swagger":"2.0","b":{"description":"theirs","x":1},"a":[{"$ref":"#/parameters/p-1"}],"parameters":{"p-1":{"name":"p"}}}"##;
    let ours = br#"{"a":[{"name":"p"}],"b":{"x":1,"description":"ours"},"swagger":"2.0"}"#;
    assert_eq!(reduced(theirs), reduced(ours));
    let other = br#"{"a":[{"name":"p"}],"b":{"x":2},"swagger":"2.0"}"#;
    assert_ne!(digest(&reduced(theirs)), digest(&reduced(other)));
    let named_so = br#"{"properties":{"description":{"type":"string"}}}"#;
    assert!(String::from_utf8_lossy(&reduced(named_so)).contains("description"));
    assert_eq!(reduced(b"404 page not found\n"), b"404 page not found\n");
}
