//! Objects as clients send them.

use anyhow::Result;
use http::Method;
use serde_json::Value;

use super::server::{Kind, Server};
use super::{OBJECT_WORDS, variant};
use crate::fuzz::Target;

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// Kind, media type and query of each variant.
const VARIANTS: [(Kind, &str, &str); 10] = [
    (Kind::ConfigMap, JSON, ""),
    (Kind::Deployment, JSON, ""),
    (Kind::ConfigMap, YAML, ""),
    (Kind::Deployment, YAML, ""),
    (Kind::Gadget, JSON, ""),
    (Kind::ConfigMap, "application/vnd.kubernetes.protobuf", ""),
    (Kind::Service, JSON, ""),
    (Kind::Job, JSON, ""),
    (Kind::Deployment, JSON, "?fieldValidation=Strict"),
    (Kind::Gadget, YAML, "?fieldValidation=Strict"),
];

/// The target.
#[derive(Default)]
pub struct Bodies(Option<Server>);

impl Target for Bodies {
    fn name(&self) -> &'static str {
        "bodies"
    }

    fn words(&self) -> &'static [&'static str] {
        OBJECT_WORDS
    }

    fn run(&mut self, input: &[u8]) -> Result<String> {
        let (number, bytes) = variant(input, VARIANTS.len());
        let (kind, media, query) = VARIANTS[number];
        let server = Server::next(&mut self.0);
        let collection = server.collection(kind);
        let made = server.send(Method::POST, &format!("{collection}{query}"), media, bytes);
        if made.code == 201 {
            let name = made.body.pointer("/metadata/name").and_then(Value::as_str);
            let path = format!("{collection}/{}", name.unwrap_or_default());
            server.holds(&path, &made)?;
        }
        Ok(format!("{} {kind:?} {media}", made.outcome()))
    }
}
