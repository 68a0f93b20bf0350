//! From an AlertmanagerConfig to the parts of a document. Names get the prefix of the object: `namespace/name/receiver`.

mod chat;
pub(crate) mod global;
mod http;
pub(crate) mod paging;
mod receiver;
mod route;

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use super::interval;
use super::sanitize::{Fields, Refusal};
use crate::api::alertmanager_config::{AlertmanagerConfigSpec, MuteTimeInterval};
use crate::api::common::SecretKeySelector;
use crate::config::assets::{AssetError, Scope};
use crate::config::version::{Since, Version};

pub use route::Enforcement;
pub(crate) use route::child_routes;

/// Where Alertmanager finds the files of its references.
const TLS_ASSETS: &str = "/etc/alertmanager/certs/";

/// What a conversion needs besides the part itself.
#[derive(Clone, Copy)]
pub(super) struct Converter<'a> {
    /// Version of Alertmanager.
    pub(super) version: &'a Version,
    /// Assets of the namespace of the object.
    pub(super) scope: Scope<'a>,
    /// Namespace of the object.
    pub(super) namespace: &'a str,
    /// Name of the object.
    pub(super) name: &'a str,
    /// `global` of the document, where receivers find what they leave out.
    pub(super) global: Option<&'a Fields>,
    /// Where the material of TLS references is noted. Nothing else of an object makes a file: a path that a user writes may
    /// name the Secret of somebody else.
    pub(super) tls_files: &'a RefCell<TlsFiles>,
}

/// TLS material by the names of the files it is stored as.
pub type TlsFiles = BTreeMap<String, Vec<u8>>;

/// What becomes of an object.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) inhibit_rules: Vec<Value>,
    pub(super) route: Option<Value>,
    pub(super) receivers: Vec<Value>,
    pub(super) mute_time_intervals: Vec<Value>,
}

impl Converter<'_> {
    /// Everything but the namespace.
    pub(super) fn parts(self, spec: &AlertmanagerConfigSpec) -> Result<Parts, Refusal> {
        let inhibit_rules = spec.inhibit_rules.iter();
        let receivers = spec.receivers.iter();
        let intervals = spec.mute_time_intervals.iter();
        Ok(Parts {
            inhibit_rules: inhibit_rules.map(|rule| self.inhibit_rule(rule)).collect(),
            route: spec
                .route
                .as_ref()
                .map(|route| self.route(route))
                .transpose()?,
            receivers: receivers
                .map(|receiver| self.receiver(receiver))
                .collect::<Result<_, _>>()?,
            mute_time_intervals: intervals
                .map(|interval| self.interval(interval))
                .collect::<Result<_, _>>()?,
        })
    }

    fn interval(self, interval: &MuteTimeInterval) -> Result<Value, Refusal> {
        interval::document(interval, &self.prefixed(&interval.name))
    }

    fn supports(self, since: Since) -> bool {
        self.version.at_least(since)
    }

    fn prefixed(self, name: &str) -> String {
        match name {
            "" => String::new(),
            name => format!("{}/{}/{name}", self.namespace, self.name),
        }
    }

    /// The text of a key, without white space at its ends: editors put a newline there.
    fn trimmed(self, reference: &SecretKeySelector) -> Result<String, Refusal> {
        self.secret(reference).map(|text| text.trim().to_owned())
    }

    fn secret(self, reference: &SecretKeySelector) -> Result<String, Refusal> {
        self.scope
            .secret(reference)
            .map_err(|error: AssetError| error.explain())
    }

    /// The text of an optional key; the error names what was looked for.
    fn maybe_secret(
        self,
        reference: Option<&SecretKeySelector>,
        what: &str,
    ) -> Result<Option<String>, Refusal> {
        let Some(reference) = reference else {
            return Ok(None);
        };
        let text = self.secret(reference);
        text.map(Some)
            .map_err(|why| format!("failed to get {what}: {why}"))
    }
}
