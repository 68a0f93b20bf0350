//! What Secrets hold, as text.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What a Secret holds under a key, decompressed if the key ends as compressed files do; empty without it.
pub fn text_of(secret: &Value, key: &str) -> String {
    let held = secret.get("data").and_then(|data| data.get(key));
    held.and_then(Value::as_str)
        .and_then(|data| plain(key, data))
        .unwrap_or_default()
}

/// The text that a value of a Secret stands for; `None` if it is none.
fn plain(key: &str, data: &str) -> Option<String> {
    let bytes = STANDARD.decode(data).ok()?;
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
        if let Some(text) = value.as_str().and_then(|data| plain(key, data)) {
            *value = text.into();
        }
    }
}
