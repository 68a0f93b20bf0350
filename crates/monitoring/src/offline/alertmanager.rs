//! Configurations of Alertmanagers.

use std::collections::BTreeMap;

use super::{Placed, World};
use crate::alertmanager::acceptable::{acceptable, version_of};
use crate::alertmanager::decide::generated;
use crate::api::common::SecretKeySelector;
use crate::api::{Alertmanager, AlertmanagerConfig};
use crate::config::alertmanager::{Culprit, Inputs, USER_KEY, Whole, base_name, user_secret};
use crate::config::version::Version;
use crate::operator::workload::Workload as _;
use crate::preflight::web::Server;
use crate::selection::{Wanted, check_alertmanager_config};
use crate::workload::{
    ALERTMANAGER_VERSION, Settings, alertmanager_service, alertmanager_stateful_set, secret,
    tls_asset_secrets,
};

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
                Ok(Some(made)) => {
                    let owner = format!("Alertmanager {}", alertmanager.key());
                    let secrets = self.further(at, &alertmanager, &made);
                    self.file(&owner, "alertmanager.yaml", made.text);
                    self.web(
                        (at, &owner),
                        (Server::Alertmanager, &version),
                        alertmanager.spec.web.as_ref().map_or((None, None), |web| {
                            (web.tls_config.as_ref(), web.http_config.as_ref())
                        }),
                    );
                    let settings = Settings::default();
                    let made = alertmanager_stateful_set(&alertmanager, &settings, secrets, "");
                    self.workload(at, &owner, made);
                }
                Err(why) => self.problem(at, "spec", why),
            }
        }
    }

    /// Tells what is wrong with what goes with an Alertmanager: the TLS material that a configuration names, the
    /// configuration and the Service. How many Secrets have TLS material.
    fn further(&mut self, at: usize, alertmanager: &Alertmanager, made: &Whole) -> usize {
        let (prefix, settings) = (alertmanager.prefixed(), Settings::default());
        let tls = tls_asset_secrets(alertmanager, &settings, &prefix, &made.tls_files);
        let count = tls.len();
        self.goes_with(at, tls);
        match generated(alertmanager, &self.assets, &made.text) {
            Ok((name, data)) => {
                self.goes_with(at, [secret(alertmanager, &settings, &name, &data)]);
            }
            Err(why) => self.problem(at, "spec", why),
        }
        if alertmanager.spec.service_name.is_none() {
            self.goes_with(at, [alertmanager_service(alertmanager, &settings)]);
        }
        count
    }

    fn alertmanager(
        &mut self,
        at: usize,
        alertmanager: &Alertmanager,
        version: &Version,
    ) -> Result<Option<Whole>, String> {
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
                Err(refusal) => self.refuse(at, refusal.to_string()),
            }
        }
        let inputs = Inputs {
            alertmanager,
            version,
            base: base.as_ref().map(|base| &base.object),
            configs: &configs,
            assets: &self.assets,
        };
        let mut made = match acceptable(inputs) {
            Ok(made) => made,
            Err(refused) => {
                let none = BTreeMap::new();
                let alone = acceptable(Inputs {
                    configs: &none,
                    ..inputs
                });
                let base = base.map(|base| base.at);
                // Without any object it is what the user wrote.
                if alone.is_err() && alertmanager.spec.alertmanager_configuration.is_none() {
                    self.users_own(at, alertmanager, refused.why);
                } else if let (Culprit::Base, Some(base)) = (refused.of, base) {
                    self.refuse(base, refused.why);
                } else {
                    self.refuse(at, refused.why);
                }
                return Ok(None);
            }
        };
        for one in std::mem::take(&mut made.left_out) {
            if let Some(at) = places.get(&one.key) {
                self.refuse(*at, one.why);
            }
        }
        self.warn(at, "spec", std::mem::take(&mut made.warnings));
        Ok(Some(made))
    }

    /// Tells what is wrong with the configuration in the Secret of the user.
    fn users_own(&mut self, at: usize, alertmanager: &Alertmanager, why: String) {
        let reference = SecretKeySelector {
            key: USER_KEY.to_owned(),
            name: Some(user_secret(alertmanager)),
            optional: None,
        };
        self.problem_of_key(at, &alertmanager.metadata, Some(&reference), why);
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
                self.refuse(at, refusal.to_string());
            }
        }
    }
}
