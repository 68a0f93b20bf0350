//! What to write for one Alertmanager, in upstream's order (`pkg/alertmanager/operator.go`): configuration, TLS material,
//! web configuration, cluster TLS, Service, StatefulSet.

use std::collections::{BTreeMap, BTreeSet};

use runtime::{Effect, Plan};
use serde_json::Value;

use crate::api::kinds::ObjectMeta;
use crate::api::{Alertmanager, AlertmanagerConfig};
use crate::config::alertmanager::{Inputs, USER_KEY, Whole, base_name, user_secret, whole};
use crate::config::version::Version;
use crate::operator::decision::Decision;
use crate::operator::refusals::Refused;
use crate::operator::resources::SECRET;
use crate::operator::selecting::{Configuration, Selects as _};
use crate::operator::workload::Observed;
use crate::operator::{service, writes};
use crate::selection::check_alertmanager_config;
use crate::workload::{
    ALERTMANAGER_VERSION, ALERTMANAGER_WEB_CONFIG, CLUSTER_TLS, CLUSTER_TLS_KEY, ClusterTls, Data,
    WEB_CONFIG_KEY, WebConfig, alertmanager_selector, alertmanager_service,
    alertmanager_stateful_set, compressed, secret, tls_asset_secrets,
};

/// Key of the configuration in the Secret that pods mount.
const CONFIG_KEY: &str = "alertmanager.yaml.gz";

/// Decides about an Alertmanager that is to be reconciled.
pub fn decide(alertmanager: &Alertmanager, observed: &Observed<Alertmanager>) -> Decision {
    let pass = Pass {
        observed,
        alertmanager,
        refused: BTreeSet::new(),
        effects: Vec::new(),
    };
    pass.decide()
}

/// One pass over an Alertmanager that is to be reconciled.
struct Pass<'a> {
    observed: &'a Observed<Alertmanager>,
    alertmanager: &'a Alertmanager,
    refused: BTreeSet<Refused>,
    effects: Vec<Effect>,
}

impl Pass<'_> {
    fn decide(mut self) -> Decision {
        let outcome = self.write();
        let untold = self.refused.difference(&self.observed.told);
        let mut effects: Vec<Effect> = untold.map(Refused::event).collect();
        effects.append(&mut self.effects);
        Decision {
            outcome: outcome.map(|()| Plan::of(effects)),
            refused: self.refused,
            remark: None,
        }
    }

    fn write(&mut self) -> Result<(), String> {
        self.alertmanager
            .wanted(Configuration::AlertmanagerConfig)?;
        let made = self.configuration()?;
        self.put_configuration(&made)?;
        let tls_secrets = self.tls_material(&made);
        self.web_config()?;
        self.cluster_tls()?;
        self.service()?;
        let settings = &self.observed.settings;
        let built = alertmanager_stateful_set(self.alertmanager, settings, tls_secrets, "");
        let built = built.map_err(|error| error.to_string())?;
        let stored = &self.observed.stored.stateful_sets;
        let writes = writes::put_stateful_set(stored, &self.observed.pods, &built.object);
        self.effects.extend(writes);
        Ok(())
    }

    fn prefix(&self) -> String {
        format!("alertmanager-{}", self.alertmanager.metadata.name)
    }

    fn put_secret(&mut self, name: &str, data: &Data) {
        let wanted = secret(self.alertmanager, &self.observed.settings, name, data);
        let stored = &self.observed.stored.secrets;
        self.effects
            .extend(writes::put_data(&SECRET, stored, &wanted));
    }

    fn configuration(&mut self) -> Result<Whole, String> {
        let given = self.alertmanager.spec.version.as_deref();
        let given = given.filter(|version| !version.is_empty());
        let version = Version::parse(given.unwrap_or(ALERTMANAGER_VERSION))
            .map_err(|error| format!("failed to parse alertmanager version: {error}"))?;
        let (configs, references) = self.valid(&version);
        let base = match &self.observed.candidates.base {
            Some(candidate) => Some(candidate.object.as_ref().map_err(Clone::clone)?),
            None => None,
        };
        let made = whole(Inputs {
            alertmanager: self.alertmanager,
            version: &version,
            base,
            configs: &configs,
            assets: &self.observed.assets,
        })?;
        for one in &made.left_out {
            if let Some(reference) = references.get(&one.key) {
                self.refused.insert(Refused {
                    reference: reference.clone(),
                    why: one.why.clone(),
                });
            }
        }
        Ok(made)
    }

    /// The selected objects that can be used, and what Events call them. The base of everything isn't among them.
    fn valid(
        &mut self,
        version: &Version,
    ) -> (
        BTreeMap<String, AlertmanagerConfig>,
        BTreeMap<String, runtime::ObjectReference>,
    ) {
        let own = &self.alertmanager.metadata.namespace;
        let base = base_name(self.alertmanager);
        let mut configs = BTreeMap::new();
        let mut references = BTreeMap::new();
        for candidate in &self.observed.candidates.configs {
            let reference = &candidate.reference;
            if reference.namespace == *own && Some(reference.name.as_str()) == base {
                continue;
            }
            let checked = candidate.object.clone().and_then(|config| {
                let scope = self.observed.assets.within(&reference.namespace);
                check_alertmanager_config(&config, version, scope).map(|()| config)
            });
            match checked {
                Ok(config) => {
                    references.insert(config.key(), reference.clone());
                    configs.insert(config.key(), config);
                }
                Err(why) => {
                    self.refused.insert(Refused {
                        reference: reference.clone(),
                        why,
                    });
                }
            }
        }
        (configs, references)
    }

    /// The Secret that pods mount: the configuration, and what else the user's Secret holds.
    fn put_configuration(&mut self, made: &Whole) -> Result<(), String> {
        let own = &self.alertmanager.metadata.namespace;
        let mut data = Data::new();
        if base_name(self.alertmanager).is_none() {
            let user = user_secret(self.alertmanager);
            let user = self.observed.assets.secret_data(own, &user);
            data.extend(user.cloned().unwrap_or_default());
            data.remove(USER_KEY);
        }
        let bytes = compressed(&made.text).map_err(|error| error.to_string())?;
        data.insert(CONFIG_KEY.to_owned(), bytes);
        self.put_secret(&format!("{}-generated", self.prefix()), &data);
        Ok(())
    }

    /// TLS material that the configuration names; how many Secrets hold it.
    fn tls_material(&mut self, made: &Whole) -> usize {
        let named = |file: &str| made.text.contains(&format!("/certs/{file}"));
        let files = self.observed.assets.files_named(named);
        let prefix = self.prefix();
        let settings = &self.observed.settings;
        let wanted = tls_asset_secrets(self.alertmanager, settings, &prefix, &files);
        let count = wanted.len();
        let stored = &self.observed.stored.secrets;
        let prefix = format!("{prefix}-tls-assets-");
        self.effects
            .extend(writes::put_numbered(&SECRET, stored, &prefix, &wanted));
        count
    }

    fn web_config(&mut self) -> Result<(), String> {
        let name = format!("{}-web-config", self.prefix());
        let web = self.alertmanager.spec.web.as_ref();
        let config = WebConfig::new(
            ALERTMANAGER_WEB_CONFIG,
            &name,
            web.and_then(|web| web.tls_config.as_ref()),
            web.and_then(|web| web.http_config.as_ref()),
        );
        let text = config.map_err(|error| error.to_string())?.text();
        let data = Data::from([(WEB_CONFIG_KEY.to_owned(), text.into_bytes())]);
        self.put_secret(&name, &data);
        Ok(())
    }

    fn cluster_tls(&mut self) -> Result<(), String> {
        let spec = &self.alertmanager.spec;
        let name = &self.alertmanager.metadata.name;
        let made = ClusterTls::new(CLUSTER_TLS, name, spec.cluster_tls.as_ref());
        let made = made.map_err(|error| error.to_string())?;
        let data = Data::from([(CLUSTER_TLS_KEY.to_owned(), made.text().into_bytes())]);
        self.put_secret(made.secret(), &data);
        Ok(())
    }

    fn service(&mut self) -> Result<(), String> {
        let stored = self.observed.stored.service.as_ref();
        let Some(name) = self.alertmanager.spec.service_name.as_deref() else {
            let wanted: Value = alertmanager_service(self.alertmanager, &self.observed.settings);
            self.effects.extend(writes::put_service(stored, &wanted));
            return Ok(());
        };
        let ObjectMeta {
            name: own,
            namespace,
            ..
        } = &self.alertmanager.metadata;
        service::check_named(stored, namespace, name, &alertmanager_selector(own))
    }
}
