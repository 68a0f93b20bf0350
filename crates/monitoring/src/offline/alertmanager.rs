//! Configurations of Alertmanagers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Placed, World};
use crate::alertmanager::acceptable::{acceptable, version_of};
use crate::api::common::SecretKeySelector;
use crate::api::{Alertmanager, AlertmanagerConfig};
use crate::config::alertmanager::{Inputs, USER_KEY, base_name, user_secret};
use crate::config::version::Version;
use crate::operator::workload::Workload as _;
use crate::selection::{Wanted, check_alertmanager_config};
use crate::workload::{
    ALERTMANAGER_VERSION, Data, Settings, alertmanager_service, alertmanager_stateful_set,
    compressed, secret, tls_asset_secrets,
};

/// What goes with an Alertmanager.
struct Further {
    tls: Vec<Value>,
    others: Vec<Value>,
}

impl World<'_> {
    pub(super) fn alertmanagers(&mut self) {
        for Placed { at, object } in self.of_kind::<_, _>("Alertmanager") {
            let alertmanager: Alertmanager = object;
            self.teller = Some(at);
            let version = match version_of(&alertmanager.spec) {
                Ok(version) => version,
                Err(why) => {
                    self.problem(at, "spec.version", why);
                    continue;
                }
            };
            match self.alertmanager(at, &alertmanager, &version) {
                Ok(None) => {}
                Ok(Some(text)) => {
                    let owner = format!("Alertmanager {}", alertmanager.key());
                    let further = self.further(&alertmanager, &text);
                    let secrets = further.tls.len();
                    self.goes_with(at, further.tls);
                    self.goes_with(at, further.others);
                    self.file(&owner, "alertmanager.yaml", text);
                    let settings = Settings::default();
                    let made = alertmanager_stateful_set(&alertmanager, &settings, secrets, "");
                    self.workload(at, &owner, made);
                }
                Err(why) => self.problem(at, "spec", why),
            }
        }
    }

    /// What goes with an Alertmanager: the TLS material that a configuration names, the configuration and the Service.
    fn further(&self, alertmanager: &Alertmanager, text: &str) -> Further {
        let named = |file: &str| text.contains(&format!("/certs/{file}"));
        let files = self.assets.files_named(named);
        let (prefix, settings) = (alertmanager.prefixed(), Settings::default());
        let key = format!("{USER_KEY}.gz");
        let data = Data::from([(key, compressed(text).unwrap_or_default())]);
        let name = format!("{prefix}-generated");
        let mut others = vec![secret(alertmanager, &settings, &name, &data)];
        if alertmanager.spec.service_name.is_none() {
            others.push(alertmanager_service(alertmanager, &settings));
        }
        Further {
            tls: tls_asset_secrets(alertmanager, &settings, &prefix, &files),
            others,
        }
    }

    fn alertmanager(
        &mut self,
        at: usize,
        alertmanager: &Alertmanager,
        version: &Version,
    ) -> Result<Option<String>, String> {
        let own = &alertmanager.metadata.namespace;
        let name = base_name(alertmanager);
        let all = self.of_kind::<_, _>("AlertmanagerConfig");
        let (base, all): (Vec<_>, Vec<_>) =
            all.into_iter()
                .partition(|one: &Placed<AlertmanagerConfig>| {
                    let metadata = &one.object.metadata;
                    metadata.namespace == *own && Some(metadata.name.as_str()) == name
                });
        let base = base.into_iter().next();
        self.looked_at.extend(base.as_ref().map(|base| base.at));
        let wanted = Wanted::new(
            own,
            alertmanager
                .spec
                .alertmanager_config_namespace_selector
                .as_ref(),
            alertmanager.spec.alertmanager_config_selector.as_ref(),
        )?;
        let mut configs = BTreeMap::new();
        let mut places = BTreeMap::new();
        for Placed { at, object } in self.wanted(&wanted, all) {
            let scope = self.assets.within(&object.metadata.namespace);
            match check_alertmanager_config(&object, version, scope) {
                Ok(()) => {
                    places.insert(object.key(), at);
                    configs.insert(object.key(), object);
                }
                Err(refusal) => self.refuse(at, refusal),
            }
        }
        let inputs = Inputs {
            alertmanager,
            version,
            base: base.as_ref().map(|base| &base.object),
            configs: &configs,
            assets: &self.assets,
        };
        let made = match acceptable(inputs) {
            Ok(made) => made,
            Err(why) => {
                let none = BTreeMap::new();
                let alone = acceptable(Inputs {
                    configs: &none,
                    ..inputs
                });
                // Without any object it is what the user wrote.
                if alone.is_ok() || alertmanager.spec.alertmanager_configuration.is_some() {
                    return Err(why.to_string());
                }
                let reference = SecretKeySelector {
                    key: USER_KEY.to_owned(),
                    name: Some(user_secret(alertmanager)),
                    optional: None,
                };
                let why = why.to_string();
                self.problem_of_key(at, &alertmanager.metadata, Some(&reference), why);
                return Ok(None);
            }
        };
        for one in made.left_out {
            if let Some(at) = places.get(&one.key) {
                self.refuse(*at, one.why);
            }
        }
        self.warn(at, "spec", made.warnings);
        Ok(Some(made.text))
    }

    /// Configs that no Alertmanager among these takes.
    pub(super) fn configs_alone(&mut self, seen: &[usize]) {
        let Ok(version) = Version::parse(ALERTMANAGER_VERSION) else {
            return;
        };
        for Placed { at, object } in self.of_kind::<_, _>("AlertmanagerConfig") {
            let config: AlertmanagerConfig = object;
            let scope = self.assets.within(&config.metadata.namespace);
            let checked = check_alertmanager_config(&config, &version, scope);
            if let (false, Err(refusal)) = (seen.contains(&at), checked) {
                self.refuse(at, refusal);
            }
        }
    }
}
