//! What Secrets hold, as text.

use std::collections::BTreeMap;

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Parts of files that are too large for one Secret, by the keys under which Secrets hold them: the name of the file and a
/// digest.
pub type Parts = BTreeMap<String, Vec<u8>>;

/// What a Secret holds under keys that begin as those of parts of a file do.
pub fn parts_of(secret: &Value, file: &str) -> Parts {
    let data = secret.get("data").and_then(Value::as_object);
    let part = |(key, value): (&String, &Value)| {
        let digest = key.strip_prefix(file)?.strip_prefix('.')?;
        if digest == "parts" {
            return None;
        }
        let bytes = STANDARD.decode(value.as_str()?).ok()?;
        Some((key.clone(), bytes))
    };
    data.into_iter().flatten().filter_map(part).collect()
}

/// What a Secret holds under a key, with the further parts that it names, decompressed if the key ends as compressed files
/// do; empty without it, or without a part.
pub fn text_of(secret: &Value, key: &str, parts: &Parts) -> String {
    let bytes = |key: &str| {
        let held = secret.get("data").and_then(|data| data.get(key));
        STANDARD.decode(held.and_then(Value::as_str)?).ok()
    };
    let joined = || {
        let mut whole = bytes(key)?;
        let list = String::from_utf8(bytes(&format!("{key}.parts")).unwrap_or_default()).ok()?;
        for digest in list.lines() {
            whole.extend_from_slice(parts.get(&format!("{key}.{digest}"))?);
        }
        plain(key, whole)
    };
    joined().unwrap_or_default()
}

/// The text that bytes under a key of a Secret stand for; `None` if it is none.
fn plain(key: &str, bytes: Vec<u8>) -> Option<String> {
    if !key.ends_with(".gz") || bytes.is_empty() {
        return String::from_utf8(bytes).ok();
    }
    let mut text = String::new();
    let mut packed = flate2::read::GzDecoder::new(bytes.as_slice());
    packed.read_to_string(&mut text).ok()?;
    Some(text)
}

/// Replaces what a Secret holds by the texts it stands for. Other objects stay as they are.
pub fn in_place(object: &mut Value) {
    if object.get("kind").and_then(Value::as_str) != Some("Secret") {
        return;
    }
    let data = object.get_mut("data").and_then(Value::as_object_mut);
    for (key, value) in data.into_iter().flatten() {
        let bytes = value.as_str().and_then(|data| STANDARD.decode(data).ok());
        if let Some(text) = bytes.and_then(|bytes| plain(key, bytes)) {
            *value = text.into();
        }
    }
}
