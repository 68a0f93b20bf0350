//! Configurations and rule files of Thanos Ruler.

use super::prometheus::Ruler;
use super::{Placed, World};
use crate::api::ThanosRuler;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::config::prometheus::{DEFAULT_VERSION, ruler_remote_write};
use crate::config::version::Version;
use crate::operator::workload::Workload as _;
use crate::preflight::{ruler, web::Server};
use crate::promql;
use crate::rules::{Format, Reader, config_map_names};
use crate::selection::{Check, Refusal, check_remote_write};
use crate::workload::{
    Settings, THANOS_VERSION, ThanosRulerInput, thanos_ruler_service, thanos_ruler_stateful_set,
};

impl World<'_> {
    pub(super) fn rulers(&mut self) {
        for Placed { at, object } in self.of_kind::<_, _>("ThanosRuler") {
            let ruler: ThanosRuler = object;
            self.teller = Some(at);
            let spec = &ruler.spec;
            let Some(version) = self.version(at, spec.version.as_deref(), THANOS_VERSION) else {
                continue;
            };
            let owner = format!("ThanosRuler {}", ruler.key());
            if let Err(refusal) = self.check_remote_write(&ruler) {
                self.refuse(at, refusal);
                continue;
            }
            match ruler_remote_write(&ruler, &version, &self.assets) {
                Ok(made) if !spec.remote_write.is_empty() => {
                    self.warn(at, "spec.remoteWrite", made.warnings);
                    if let Err(why) = ruler::check(&made.text, &version) {
                        self.refuse(at, why);
                    }
                    self.file(&owner, "remote-write.yaml", made.text);
                }
                Ok(_) => {}
                Err(error) => self.problem(at, "spec.remoteWrite", error.to_string()),
            }
            let web = spec.web.as_ref().map_or((None, None), |web| {
                (web.tls_config.as_ref(), web.http_config.as_ref())
            });
            self.web((at, &owner), (Server::ThanosRuler, &version), web);
            let prefix = ruler.prefixed();
            let maps = self.rule_files(&Ruler {
                at,
                owner: owner.clone(),
                metadata: &ruler.metadata,
                prefix: &prefix,
                namespaces: spec.rule_namespace_selector.as_ref(),
                rules: spec.rule_selector.as_ref(),
                label: spec.enforced_namespace_label.as_deref(),
                excluded: &spec.excluded_from_enforcement,
                reader: Reader {
                    format: Format::Thanos,
                    version: &version,
                    options: promql::Options::default(),
                },
            });
            if spec.service_name.is_none() {
                let service = thanos_ruler_service(&ruler, &Settings::default());
                self.goes_with(at, [service]);
            }
            let made = thanos_ruler_stateful_set(ThanosRulerInput {
                ruler: &ruler,
                settings: &Settings::default(),
                rule_config_maps: &config_map_names(&prefix, maps, 0),
                tls_secrets: 1,
                input_hash: "",
            });
            self.workload(at, &owner, made);
        }
    }

    fn check_remote_write(&self, ruler: &ThanosRuler) -> Result<(), Refusal> {
        let version = Version::parse(DEFAULT_VERSION).map_err(|error| error.to_string())?;
        check_remote_write(
            &ruler.spec.remote_write,
            Check {
                common: &CommonPrometheusFields::default(),
                version: &version,
                scope: self.assets.within(&ruler.metadata.namespace),
            },
        )
    }
}
