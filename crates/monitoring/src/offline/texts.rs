//! What users write in the programs' own syntax into Secrets: what is wrong with it is told of the Secret and its key.

use serde_json::Value;

use super::World;
use crate::api::common::SecretKeySelector;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::kinds::ObjectMeta;
use crate::api::{Prometheus, PrometheusAgent};
use crate::config::prometheus::Additional;
use crate::config::version::Version;
use crate::operator::scraping::reader;
use crate::preflight::{Fault, Global, Reader};

/// Says whether a text can be read.
type Reads = fn(&Reader, &str, &Global) -> Result<(), Fault>;

/// What texts are read with.
pub(super) struct With<'a> {
    /// Place of the workload.
    pub(super) at: usize,
    pub(super) metadata: &'a ObjectMeta,
    /// What it says, as all servers may.
    pub(super) common: &'a CommonPrometheusFields,
    pub(super) version: &'a Version,
    /// The configuration without them, from whose head they take what they don't say.
    pub(super) head: &'a str,
}

fn jobs(reader: &Reader, text: &str, global: &Global) -> Result<(), Fault> {
    reader.additional_jobs(text, global).map(|_| ())
}

impl World<'_> {
    /// The texts of a server; those that can't be read are told and left out.
    pub(super) fn of_server(&mut self, server: &Prometheus, with: &With<'_>) -> Additional {
        let spec = &server.spec;
        let mut text = |field: &str, reference: Option<&SecretKeySelector>, reads: Reads| {
            self.text(with, field, reference, reads)
        };
        Additional {
            scrape_configs: text(
                "additionalScrapeConfigs",
                spec.common.additional_scrape_configs.as_ref(),
                jobs,
            ),
            alert_relabel_configs: text(
                "additionalAlertRelabelConfigs",
                spec.additional_alert_relabel_configs.as_ref(),
                Reader::additional_relabelings,
            ),
            alertmanager_configs: text(
                "additionalAlertManagerConfigs",
                spec.additional_alert_manager_configs.as_ref(),
                Reader::additional_alertmanagers,
            ),
        }
    }

    /// The texts of an agent, which has jobs alone.
    pub(super) fn of_agent(&mut self, agent: &PrometheusAgent, with: &With<'_>) -> Additional {
        let reference = agent.spec.common.additional_scrape_configs.as_ref();
        Additional {
            scrape_configs: self.text(with, "additionalScrapeConfigs", reference, jobs),
            ..Additional::default()
        }
    }

    fn text(
        &mut self,
        with: &With<'_>,
        field: &str,
        reference: Option<&SecretKeySelector>,
        reads: Reads,
    ) -> Option<String> {
        let scope = self.assets.within(&with.metadata.namespace);
        let text = match scope.maybe_secret(reference) {
            Ok(text) => text?,
            Err(error) => {
                self.problem(with.at, &format!("spec.{field}"), error.explain());
                return None;
            }
        };
        let global = Global::of_text(with.head);
        match reads(&reader(with.common, with.version), &text, &global) {
            Ok(()) => Some(text),
            Err(fault) => {
                let why = format!(
                    "spec.{field}: Prometheus {} would refuse it: {fault}",
                    with.version
                );
                self.problem_of_key(with.at, with.metadata, reference, why);
                None
            }
        }
    }

    /// Notes what is wrong with a key of a Secret, of which `at` is told if the Secret isn't among the objects.
    pub(super) fn problem_of_key(
        &mut self,
        at: usize,
        metadata: &ObjectMeta,
        reference: Option<&SecretKeySelector>,
        why: String,
    ) {
        let found = reference.and_then(|reference| {
            self.key_of(
                &metadata.namespace,
                reference.name.as_deref()?,
                &reference.key,
            )
        });
        match found {
            Some((secret, path)) => {
                let text = format!("{}/{}: {why}", metadata.namespace, metadata.name);
                self.problem(secret, &path, text);
            }
            None => self.problem(at, "spec", why),
        }
    }

    /// The place of a Secret among the objects, and the path of a key in it.
    fn key_of(&self, namespace: &str, name: &str, key: &str) -> Option<(usize, String)> {
        let is = |object: &Value, pointer: &str, text: &str| {
            object.pointer(pointer).and_then(Value::as_str) == Some(text)
        };
        // The last one counts, as when they are applied one after the other.
        let at = self.objects.iter().rposition(|object| {
            is(object, "/kind", "Secret")
                && is(object, "/metadata/name", name)
                && is(object, "/metadata/namespace", namespace)
        })?;
        let has = |data: &&str| {
            let data = self.objects.get(at).and_then(|object| object.get(*data));
            data.is_some_and(|data| data.get(key).is_some())
        };
        let data = ["stringData", "data"].into_iter().find(has)?;
        Some((at, format!("{data}.{key}")))
    }
}
