//! Configurations of Alertmanagers.

use std::collections::BTreeMap;

use super::{Placed, World};
use crate::api::alertmanager::AlertmanagerSpec;
use crate::api::common::SecretKeySelector;
use crate::api::{Alertmanager, AlertmanagerConfig};
use crate::config::alertmanager::{Configuration, DEFAULT, Enforcement};
use crate::config::assets::AssetError;
use crate::config::version::Version;
use crate::selection::{Wanted, check_alertmanager_config};

/// The version of Alertmanager if none is set.
const VERSION: &str = "v0.33.1";

impl World<'_> {
    pub(super) fn alertmanagers(&mut self) {
        for Placed { at, object } in self.of_kind::<_, _>("Alertmanager") {
            let alertmanager: Alertmanager = object;
            let Some(version) = self.version(at, alertmanager.spec.version.as_deref(), VERSION)
            else {
                continue;
            };
            match self.alertmanager(&alertmanager, &version) {
                Ok(text) => {
                    let owner = format!("Alertmanager {}", alertmanager.key());
                    self.file(&owner, "alertmanager.yaml", text);
                }
                Err(why) => self.problem(at, "spec", why),
            }
        }
    }

    fn alertmanager(
        &mut self,
        alertmanager: &Alertmanager,
        version: &Version,
    ) -> Result<String, String> {
        let spec = &alertmanager.spec;
        let own = &alertmanager.metadata.namespace;
        let global = spec.alertmanager_configuration.as_ref();
        let name = global.and_then(|global| global.name.clone());
        if spec.alertmanager_config_selector.is_none() && name.is_none() {
            return Ok(self.secret(alertmanager));
        }
        let all = self.of_kind::<_, _>("AlertmanagerConfig");
        let (base, all): (Vec<_>, Vec<_>) =
            all.into_iter()
                .partition(|one: &Placed<AlertmanagerConfig>| {
                    let metadata = &one.object.metadata;
                    metadata.namespace == *own && Some(&metadata.name) == name.as_ref()
                });
        let mut made = match (&name, base.into_iter().next()) {
            (Some(_), Some(base)) => {
                self.looked_at.push(base.at);
                let defaults = global.and_then(|global| global.global.as_ref());
                let mut made =
                    Configuration::of_object(&base.object, defaults, version, &self.assets)?;
                made.add_templates(global.map_or(&[], |global| &global.templates));
                made
            }
            (Some(name), None) => {
                return Err(format!("there is no AlertmanagerConfig {own}/{name}"));
            }
            (None, _) => Configuration::read(&self.secret(alertmanager))?,
        };
        let wanted = Wanted::new(
            own,
            spec.alertmanager_config_namespace_selector.as_ref(),
            spec.alertmanager_config_selector.as_ref(),
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
        let left_out = made.add(&configs, enforcement(spec, own), version, &self.assets)?;
        for one in left_out {
            if let Some(at) = places.get(&one.key) {
                self.refuse(*at, one.why);
            }
        }
        self.out.warnings.extend(made.warnings().to_vec());
        Ok(made.text())
    }

    /// The configuration that the user wrote, or the one that sends nowhere.
    fn secret(&self, alertmanager: &Alertmanager) -> String {
        let given = alertmanager.spec.config_secret.clone();
        let given = given.filter(|name| !name.is_empty());
        let reference = SecretKeySelector {
            key: "alertmanager.yaml".to_owned(),
            name: Some(
                given.unwrap_or_else(|| format!("alertmanager-{}", alertmanager.metadata.name)),
            ),
            optional: None,
        };
        let scope = self.assets.within(&alertmanager.metadata.namespace);
        match scope.secret(&reference) {
            Ok(text) if !text.is_empty() => text,
            Ok(_) | Err(AssetError::Object { .. } | AssetError::Key { .. }) => DEFAULT.to_owned(),
        }
    }

    /// Configs that no Alertmanager among these takes.
    pub(super) fn configs_alone(&mut self, seen: &[usize]) {
        let Ok(version) = Version::parse(VERSION) else {
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

fn enforcement<'a>(spec: &AlertmanagerSpec, own: &'a str) -> Enforcement<'a> {
    let strategy = spec.alertmanager_config_matcher_strategy.as_ref();
    match strategy.and_then(|strategy| strategy.r#type.as_deref()) {
        Some("None") => Enforcement::None,
        Some("OnNamespaceExceptForAlertmanagerNamespace") => Enforcement::OnOtherNamespaces(own),
        _ => Enforcement::OnNamespace,
    }
}
