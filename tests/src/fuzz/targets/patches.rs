//! The three patches, of an object that is there.

use anyhow::{Result, ensure};
use http::Method;

use super::server::{Kind, Server};
use super::{OBJECT_WORDS, variant};
use crate::fuzz::Target;

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// Kind and media type of each variant.
const VARIANTS: [(Kind, &str); 9] = [
    (Kind::ConfigMap, JSON),
    (Kind::Deployment, JSON),
    (Kind::ConfigMap, MERGE),
    (Kind::Deployment, MERGE),
    (Kind::Deployment, STRATEGIC),
    (Kind::Service, STRATEGIC),
    (Kind::Gadget, JSON),
    (Kind::Gadget, MERGE),
    (Kind::ConfigMap, STRATEGIC),
];

/// The target.
#[derive(Default)]
pub struct Patches(Option<Server>);

impl Target for Patches {
    fn name(&self) -> &'static str {
        "patches"
    }

    fn words(&self) -> &'static [&'static str] {
        OBJECT_WORDS
    }

    fn run(&mut self, input: &[u8]) -> Result<String> {
        let (number, bytes) = variant(input, VARIANTS.len());
        let (kind, media) = VARIANTS[number];
        let server = Server::next(&mut self.0);
        let path = server.subject(kind)?;
        let patched = server.send(Method::PATCH, &path, media, bytes);
        if patched.code == 200 {
            server.holds(&path, &patched)?;
        }
        if patched.code == 200 && media == MERGE {
            let again = server.send(Method::PATCH, &path, media, bytes);
            // A resourceVersion in a patch is a precondition, which holds once.
            ensure!(
                again.code == 409 || again.code == 200 && again.version() == patched.version(),
                "a merge patch changed something the second time: {} {}",
                again.code,
                again.body
            );
        }
        Ok(format!("{} {kind:?} {media}", patched.outcome()))
    }
}
