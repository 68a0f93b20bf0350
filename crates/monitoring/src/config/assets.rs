//! What references to Secrets and ConfigMaps resolve to.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::file_name::file_name;
use crate::api::common::{SecretKeySelector, SecretOrConfigMap};

/// Namespace and name.
type Key = (String, String);

/// Contents of Secrets and ConfigMaps, by namespace and name.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    secrets: BTreeMap<Key, Arc<Content<Vec<u8>>>>,
    config_maps: BTreeMap<Key, Arc<Content<String>>>,
}

/// What a Secret or a ConfigMap holds, in a version.
#[derive(Debug, PartialEq)]
pub struct Content<T> {
    version: u64,
    data: BTreeMap<String, T>,
}

/// A Secret or a ConfigMap, decoded once and shared.
#[derive(Debug, Clone)]
pub enum Asset {
    /// A Secret.
    Secret(Key, Arc<Content<Vec<u8>>>),
    /// A ConfigMap.
    ConfigMap(Key, Arc<Content<String>>),
}

impl Asset {
    /// Reads a Secret or a ConfigMap; `None` for anything else.
    pub fn read(object: &Value) -> Option<Self> {
        let text = |pointer: &str| {
            let text = object.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let key = (text("/metadata/namespace"), text("/metadata/name"));
        let version = text("/metadata/resourceVersion").parse();
        let version = version.unwrap_or_default();
        let entries = |part: &str| {
            let entries = object.get(part).and_then(Value::as_object);
            entries.into_iter().flatten()
        };
        match text("/kind").as_str() {
            "Secret" => {
                let mut data = BTreeMap::new();
                for (name, value) in entries("data") {
                    let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
                    data.insert(name.clone(), bytes.unwrap_or_default());
                }
                for (name, value) in entries("stringData") {
                    let bytes = value.as_str().unwrap_or_default().as_bytes().to_vec();
                    data.insert(name.clone(), bytes);
                }
                Some(Self::Secret(key, Arc::new(Content { version, data })))
            }
            "ConfigMap" => {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let data = entries("data").map(|(name, value)| (name.clone(), text(value)));
                let data = data.collect();
                Some(Self::ConfigMap(key, Arc::new(Content { version, data })))
            }
            _ => None,
        }
    }

    /// The version that was read.
    pub fn version(&self) -> u64 {
        match self {
            Self::Secret(_, content) => content.version,
            Self::ConfigMap(_, content) => content.version,
        }
    }
}

/// Why a reference resolves to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetError {
    /// There is no such object.
    #[error("{kind} {namespace}/{name} not found")]
    Object {
        /// `secret` or `configmap`.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The object has no such key.
    #[error("key {key:?} in {kind} {namespace}/{name} not found")]
    Key {
        /// `secret` or `configmap`.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The key.
        key: String,
    },
}

impl AssetError {
    /// What is missing, in the words of a status; whoever reads it knows the namespace.
    pub fn explain(&self) -> String {
        match self {
            Self::Object { kind, name, .. } => {
                format!("unable to get {kind} {name:?}: {kind}s {name:?} not found")
            }
            Self::Key {
                kind, name, key, ..
            } => format!("key {key:?} in {kind} {name:?} not found"),
        }
    }
}

impl Assets {
    /// Takes in a Secret or a ConfigMap; anything else is ignored.
    pub fn insert(&mut self, object: &Value) {
        if let Some(asset) = Asset::read(object) {
            self.share(&asset);
        }
    }

    /// Takes in what was read before.
    pub fn share(&mut self, asset: &Asset) {
        match asset {
            Asset::Secret(key, content) => {
                self.secrets.insert(key.clone(), Arc::clone(content));
            }
            Asset::ConfigMap(key, content) => {
                self.config_maps.insert(key.clone(), Arc::clone(content));
            }
        }
    }

    /// The version of a Secret; 0 if it isn't there.
    pub fn secret_version(&self, namespace: &str, name: &str) -> u64 {
        let key = (namespace.to_owned(), name.to_owned());
        self.secrets.get(&key).map_or(0, |content| content.version)
    }

    /// The version of a ConfigMap; 0 if it isn't there.
    pub fn config_map_version(&self, namespace: &str, name: &str) -> u64 {
        let key = (namespace.to_owned(), name.to_owned());
        let found = self.config_maps.get(&key);
        found.map_or(0, |content| content.version)
    }

    /// Keys and values of a Secret.
    pub fn secret_data(&self, namespace: &str, name: &str) -> Option<&BTreeMap<String, Vec<u8>>> {
        let found = self.secrets.get(&(namespace.to_owned(), name.to_owned()));
        found.map(|content| &content.data)
    }

    /// The view from a namespace: references never leave it.
    pub fn within<'a>(&'a self, namespace: &'a str) -> Scope<'a> {
        Scope {
            assets: self,
            namespace,
        }
    }
}

/// The assets of one namespace.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    assets: &'a Assets,
    namespace: &'a str,
}

impl Scope<'_> {
    /// The bytes of a key of a Secret, as text.
    pub fn secret(&self, reference: &SecretKeySelector) -> Result<String, AssetError> {
        let bytes = self.bytes(reference)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The bytes of a key of a Secret.
    pub fn bytes(&self, reference: &SecretKeySelector) -> Result<&[u8], AssetError> {
        let name = reference.name.clone().unwrap_or_default();
        let object = (self.namespace.to_owned(), name.clone());
        let content = self
            .assets
            .secrets
            .get(&object)
            .ok_or_else(|| self.no_object("secret", &name))?;
        let found = content.data.get(&key(reference));
        found
            .map(Vec::as_slice)
            .ok_or_else(|| self.no_key("secret", &name, reference))
    }

    /// The bytes of a key of a Secret, as text, if one is named; one that may be missing counts as not named then.
    pub fn maybe_secret(
        &self,
        reference: Option<&SecretKeySelector>,
    ) -> Result<Option<String>, AssetError> {
        let Some(reference) = reference else {
            return Ok(None);
        };
        match self.secret(reference) {
            Ok(text) => Ok(Some(text)),
            Err(_) if reference.optional == Some(true) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The text of a key of a ConfigMap.
    pub fn config_map(&self, reference: &SecretKeySelector) -> Result<String, AssetError> {
        let name = reference.name.clone().unwrap_or_default();
        let object = (self.namespace.to_owned(), name.clone());
        let content = self
            .assets
            .config_maps
            .get(&object)
            .ok_or_else(|| self.no_object("configmap", &name))?;
        let found = content.data.get(&key(reference));
        found
            .cloned()
            .ok_or_else(|| self.no_key("configmap", &name, reference))
    }

    /// The text of either; empty if neither is named.
    pub fn text(&self, reference: &SecretOrConfigMap) -> Result<String, AssetError> {
        match (&reference.secret, &reference.config_map) {
            (Some(secret), _) => self.secret(secret),
            (None, Some(config_map)) => self.config_map(config_map),
            (None, None) => Ok(String::new()),
        }
    }

    /// The file an asset is stored as.
    pub fn file_name(&self, reference: &SecretOrConfigMap) -> String {
        match (&reference.secret, &reference.config_map) {
            (Some(secret), _) => self.secret_file_name(secret),
            (None, Some(config_map)) => self.named(1, config_map),
            (None, None) => self.named(1, &SecretKeySelector::default()),
        }
    }

    /// The file a key of a Secret is stored as.
    pub fn secret_file_name(&self, reference: &SecretKeySelector) -> String {
        self.named(0, reference)
    }

    fn named(&self, from: u8, reference: &SecretKeySelector) -> String {
        let name = reference.name.as_deref().unwrap_or_default();
        stored_as(from, self.namespace, name, &key(reference))
    }

    fn no_object(&self, kind: &'static str, name: &str) -> AssetError {
        AssetError::Object {
            kind,
            namespace: self.namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    fn no_key(&self, kind: &'static str, name: &str, reference: &SecretKeySelector) -> AssetError {
        AssetError::Key {
            kind,
            namespace: self.namespace.to_owned(),
            name: name.to_owned(),
            key: key(reference),
        }
    }
}

fn key(reference: &SecretKeySelector) -> String {
    reference.key.clone()
}

/// The file a key is stored as: `<from>_<namespace>_<object>_<key>`, from 0 for a Secret, 1 for a ConfigMap.
fn stored_as(from: u8, namespace: &str, object: &str, key: &str) -> String {
    file_name(&format!("{from}_{namespace}_{object}_{key}"), "")
}
