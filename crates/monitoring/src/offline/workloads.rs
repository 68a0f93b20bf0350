//! What runs the pods of workloads: `StatefulSet`s, and the DaemonSet of an agent on every node.

use machinery::{meta, yaml};
use serde_json::Value;

use super::World;
use crate::api::kinds::Object;
use crate::api::workload::{WebHttpConfig, WebTlsConfig};
use crate::config::prometheus::Generated;
use crate::config::version::Version;
use crate::operator::pass::FEWER_JOBS;
use crate::operator::refusals::fits;
use crate::operator::scraping::CONFIG_KEY;
use crate::operator::workload::Workload;
use crate::preflight::web::{self, Server};
use crate::workload::{
    Built, Data, INPUT_HASH, Secrets, Settings, WEB_CONFIG_KEY, WebConfig, WorkloadError,
    compressed, configuration_secrets, mounted_further, tls_asset_secrets,
};

impl World<'_> {
    /// Adds a workload, or tells why there is none.
    pub(super) fn workload(&mut self, at: usize, owner: &str, made: Result<Built, WorkloadError>) {
        match made {
            Ok(Built {
                mut object,
                warnings,
            }) => {
                self.warn(at, "spec", warnings);
                leave_out_what_is_unknown(&mut object);
                let name = format!("{} {}", meta::kind(&object), meta::name(&object));
                self.file(owner, &name, yaml::to_string(&object));
            }
            Err(error) => self.problem(at, "spec", error.to_string()),
        }
    }

    /// Adds the web configuration, if there is one, and tells why the program of a version wouldn't serve with it. What is
    /// incomplete is told of the pods.
    pub(super) fn web(
        &mut self,
        (at, owner): (usize, &str),
        (server, version): (Server, &Version),
        (tls, http): (Option<&WebTlsConfig>, Option<&WebHttpConfig>),
    ) {
        let Ok(config) = WebConfig::new(server.folder(), "", tls, http) else {
            return;
        };
        let text = config.text();
        if let Err(why) = web::check(&text, server, version) {
            self.refuse(at, why);
        }
        if !text.is_empty() && server.reads(version) {
            self.file(owner, WEB_CONFIG_KEY, text);
        }
    }

    /// Tells what is wrong with the Secrets of a server or an agent; how many its pods mount.
    pub(super) fn secrets<S: Default, T: Default>(
        &mut self,
        at: usize,
        owner: &Object<S, T>,
        made: &Generated,
    ) -> Secrets
    where
        Object<S, T>: Workload,
    {
        let (settings, prefix) = (Settings::default(), owner.prefixed());
        let files = made.tls_files.iter();
        let files: Data = files
            .map(|(name, text)| (name.clone(), text.clone().into_bytes()))
            .collect();
        let tls = tls_asset_secrets(owner, &settings, &prefix, &files);
        let counted = Secrets {
            tls: tls.len(),
            configuration: 0,
        };
        self.goes_with(at, tls);
        // Who can't pack it writes no configuration at all.
        let bytes = compressed(&made.text).unwrap_or_default();
        let secret = (owner.metadata().namespace.as_str(), prefix.as_str());
        if let Err(why) = fits(secret, bytes.len(), FEWER_JOBS) {
            self.problem(at, "spec", why);
            return counted;
        }
        let parts = configuration_secrets(owner, &settings, (&prefix, CONFIG_KEY), &bytes);
        let configuration = mounted_further(parts.len(), []);
        self.goes_with(at, parts);
        Secrets {
            configuration,
            ..counted
        }
    }
}

/// An owner has a UID from the server alone, and the digest is of what is stored.
fn leave_out_what_is_unknown(object: &mut Value) {
    meta::remove_annotation(object, INPUT_HASH);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
    }
}
