//! Server-side applies, to an object of another manager or to none.

use anyhow::{Result, ensure};
use http::Method;

use super::server::{Kind, Server};
use super::{OBJECT_WORDS, variant};
use crate::fuzz::Target;

/// Kind, whether it is there before, and whether conflicts are overridden, of each variant.
const VARIANTS: [(Kind, bool, bool); 9] = [
    (Kind::ConfigMap, true, false),
    (Kind::Deployment, true, false),
    (Kind::Gadget, true, false),
    (Kind::Service, true, false),
    (Kind::ConfigMap, true, true),
    (Kind::Deployment, true, true),
    (Kind::Gadget, true, true),
    (Kind::Deployment, false, false),
    (Kind::Gadget, false, false),
];

/// The target.
#[derive(Default)]
pub struct Applies(Option<Server>);

impl Target for Applies {
    fn name(&self) -> &'static str {
        "apply"
    }

    fn words(&self) -> &'static [&'static str] {
        OBJECT_WORDS
    }

    fn run(&mut self, input: &[u8]) -> Result<String> {
        let (number, bytes) = variant(input, VARIANTS.len());
        let (kind, there, force) = VARIANTS[number];
        let server = Server::next(&mut self.0);
        let path = if there {
            server.subject(kind)?
        } else {
            format!("{}/subject", server.collection(kind))
        };
        let url = format!("{path}?fieldManager=fuzz&force={force}");
        let media = "application/apply-patch+yaml";
        let applied = server.send(Method::PATCH, &url, media, bytes);
        if applied.code < 300 {
            let again = server.send(Method::PATCH, &url, media, bytes);
            // A resourceVersion is a precondition, which holds once.
            ensure!(
                again.code == 409 || again.code == 200 && again.version() == applied.version(),
                "an apply changed something the second time: {} was {}, {} is {}",
                applied.code,
                applied.body,
                again.code,
                again.body
            );
            if again.code == 200 {
                server.holds(&path, &again)?;
            }
        }
        Ok(format!("{} {kind:?} {there} {force}", applied.outcome()))
    }
}
