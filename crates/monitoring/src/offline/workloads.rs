//! What runs the pods of workloads: `StatefulSet`s, and the DaemonSet of an agent on every node.

use machinery::{meta, yaml};
use serde_json::Value;

use super::World;
use crate::api::kinds::Object;
use crate::config::prometheus::Generated;
use crate::operator::scraping::CONFIG_KEY;
use crate::operator::workload::Workload;
use crate::workload::{
    Built, Data, INPUT_HASH, Secrets, Settings, WorkloadError, compressed, configuration_secrets,
    mounted_further, tls_asset_secrets,
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
}

/// An owner has a UID from the server alone, and the digest is of what is stored.
fn leave_out_what_is_unknown(object: &mut Value) {
    meta::remove_annotation(object, INPUT_HASH);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
    }
}

/// How many Secrets the pods of a server or an agent mount, and the Secrets.
pub(super) fn secrets<S: Default, T: Default>(
    owner: &Object<S, T>,
    made: &Generated,
) -> (Secrets, Vec<Value>)
where
    Object<S, T>: Workload,
{
    let (settings, prefix) = (Settings::default(), owner.prefixed());
    let files = made.tls_files.iter();
    let files: Data = files
        .map(|(name, text)| (name.clone(), text.clone().into_bytes()))
        .collect();
    // Who can't pack it writes no configuration at all.
    let bytes = compressed(&made.text).unwrap_or_default();
    let parts = configuration_secrets(owner, &settings, (&prefix, CONFIG_KEY), &bytes);
    let tls = tls_asset_secrets(owner, &settings, &prefix, &files);
    let counted = Secrets {
        tls: tls.len(),
        configuration: mounted_further(parts.len(), []),
    };
    (counted, [parts, tls].concat())
}
