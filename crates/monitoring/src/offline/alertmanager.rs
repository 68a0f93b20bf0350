//! Configurations of Alertmanagers.

use std::collections::BTreeMap;

use super::{Placed, World};
use crate::alertmanager::acceptable::{acceptable, version_of};
use crate::api::{Alertmanager, AlertmanagerConfig};
use crate::config::alertmanager::{Inputs, base_name};
use crate::config::version::Version;
use crate::operator::workload::Workload as _;
use crate::selection::{Wanted, check_alertmanager_config};
use crate::workload::{
    ALERTMANAGER_VERSION, Settings, alertmanager_stateful_set, tls_asset_secrets,
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
                Ok(text) => {
                    let owner = format!("Alertmanager {}", alertmanager.key());
                    let secrets = self.tls_secrets(&alertmanager, &text);
                    self.file(&owner, "alertmanager.yaml", text);
                    let settings = Settings::default();
                    let made = alertmanager_stateful_set(&alertmanager, &settings, secrets, "");
                    self.workload(at, &owner, made);
                }
                Err(why) => self.problem(at, "spec", why),
            }
        }
    }

    /// How many Secrets hold the TLS material that a configuration names.
    fn tls_secrets(&self, alertmanager: &Alertmanager, text: &str) -> usize {
        let named = |file: &str| text.contains(&format!("/certs/{file}"));
        let files = self.assets.files_named(named);
        let prefix = alertmanager.prefixed();
        tls_asset_secrets(alertmanager, &Settings::default(), &prefix, &files).len()
    }

    fn alertmanager(
        &mut self,
        at: usize,
        alertmanager: &Alertmanager,
        version: &Version,
    ) -> Result<String, String> {
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
        let made = acceptable(Inputs {
            alertmanager,
            version,
            base: base.as_ref().map(|base| &base.object),
            configs: &configs,
            assets: &self.assets,
        });
        let made = made.map_err(|why| why.to_string())?;
        for one in made.left_out {
            if let Some(at) = places.get(&one.key) {
                self.refuse(*at, one.why);
            }
        }
        self.warn(at, "spec", made.warnings);
        Ok(made.text)
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
