//! `ConfigMap`s of rule files as they are kept and compared: with a digest in place of what they hold. Of many rules they hold
//! megabytes, of which every pass asks no more than whether they are still as wanted.

use std::sync::Arc;

use machinery::hash::hexadecimal;
use runtime::{Meta, Packed, Projection, ResourceRef, Whole};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The only key of data that is a digest.
const DIGEST: &str = "sha256";

/// SHA-256.
pub type Digest = [u8; 32];

/// A rule file, compressed, and what tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    text: Packed,
    digest: Digest,
}

impl RuleText {
    /// The file with this text.
    pub fn new(text: &str) -> Self {
        Self {
            text: Packed::new(text.as_bytes()),
            digest: digest(text),
        }
    }

    /// Bytes of its text.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether it has no text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Its text.
    pub fn text(&self) -> String {
        // It was text before.
        String::from_utf8(self.text.unpacked()).unwrap_or_default()
    }

    /// The digest of its text.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// What stands in place of files: by name, with the digests of their texts, in the order of their names. None are none.
pub fn data<'a>(files: impl IntoIterator<Item = (&'a str, Digest)>) -> Value {
    let mut all = Sha256::new();
    let mut any = false;
    for (name, digest) in files {
        any = true;
        all.update(name.len().to_le_bytes());
        all.update(name.as_bytes());
        all.update(digest);
    }
    if !any {
        return json!({});
    }
    json!({ DIGEST: hexadecimal(&all.finalize()) })
}

/// A `ConfigMap` with a digest in place of its data.
pub fn outlined(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        let held = fields.get("data").and_then(Value::as_object);
        let digests = data(held.into_iter().flat_map(texts));
        fields.insert("data".to_owned(), digests);
    }
    object
}

fn texts(held: &Map<String, Value>) -> impl Iterator<Item = (&str, Digest)> {
    let texts = held
        .iter()
        .filter_map(|(name, text)| Some((name, text.as_str()?)));
    texts.map(|(name, text)| (name.as_str(), digest(text)))
}

/// A `ConfigMap` as caches keep it.
#[derive(Debug)]
pub struct Outline {
    whole: Whole,
}

impl Outline {
    /// The object with a digest in place of its data.
    pub fn value(&self) -> Value {
        self.whole.value()
    }
}

impl Projection for Outline {
    fn meta(&self) -> &Meta {
        self.whole.meta()
    }

    fn complete(&mut self, resource: &Arc<ResourceRef>) {
        self.whole.complete(resource);
    }
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = outlined(Value::deserialize(deserializer)?);
        let whole = Whole::deserialize(object).map_err(D::Error::custom)?;
        Ok(Self { whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_map(data: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
    }

    #[test]
    fn equal_contents_have_equal_outlines_and_others_dont() {
        let files = [
            ("a.yaml", "groups: []\n"),
            ("b.yaml", "x".repeat(999).leak()),
        ];
        let kept = files.map(|(name, text)| (name, RuleText::new(text)));
        let wanted = data(kept.iter().map(|(name, file)| (*name, file.digest())));
        let stored: Map<String, Value> = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), json!(text)))
            .collect();
        assert_eq!(outlined(config_map(&json!(stored))), config_map(&wanted));
        for other in [
            json!({"a.yaml": "groups: []\n"}),
            json!({"a.yaml": files[1].1, "b.yaml": files[0].1}),
            json!({"a.yaml": "groups: []", "b.yaml": files[1].1}),
            // Whoever writes the digest itself wrote another text.
            wanted.clone(),
            json!({}),
            Value::Null,
        ] {
            assert_ne!(outlined(config_map(&other))["data"], wanted, "{other}");
        }
        assert_eq!(outlined(config_map(&Value::Null)), config_map(&json!({})));
        let texts = kept.map(|(name, file)| (name, file.text()));
        assert_eq!(
            texts.each_ref().map(|(name, text)| (*name, text.as_str())),
            files
        );
    }

    #[test]
    fn a_cache_keeps_no_text() {
        let text = "- alert: A\n".repeat(5000);
        let outline: Outline =
            serde_json::from_value(config_map(&json!({"a.yaml": text}))).unwrap();
        let wanted = data([("a.yaml", RuleText::new(&text).digest())]);
        assert_eq!(outline.value(), config_map(&wanted));
    }
}
