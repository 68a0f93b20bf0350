//! The configuration of one Alertmanager from all that belongs to it.

use std::collections::BTreeMap;

use super::{Configuration, DEFAULT, Enforcement, LeftOut, TlsFiles, Unmade};
use crate::api::alertmanager::AlertmanagerSpec;
use crate::api::common::SecretKeySelector;
use crate::api::{Alertmanager, AlertmanagerConfig};
use crate::config::assets::{AssetError, Assets};
use crate::config::version::{Since, Version};

/// Key of the configuration in the user's Secret.
pub const USER_KEY: &str = "alertmanager.yaml";

/// The oldest version that can be configured; none of the next major version is known.
const OLDEST: Since = (0, 15, 0);

/// The version that a text names, if it can be configured.
pub fn known_version(text: &str) -> Result<Version, String> {
    let version = Version::parse(text)
        .map_err(|error| format!("failed to parse alertmanager version: {error}"))?;
    if version.major > 0 || !version.at_least(OLDEST) {
        return Err(format!("unsupported Alertmanager version {text:?}"));
    }
    Ok(version)
}

/// What a configuration is made of.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The object.
    pub alertmanager: &'a Alertmanager,
    /// The version that will read it.
    pub version: &'a Version,
    /// The AlertmanagerConfig that `alertmanagerConfiguration` names, if it is there.
    pub base: Option<&'a AlertmanagerConfig>,
    /// The selected and valid ones, by `namespace/name`.
    pub configs: &'a BTreeMap<String, AlertmanagerConfig>,
    /// What references resolve to.
    pub assets: &'a Assets,
}

/// A configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whole {
    /// The document.
    pub text: String,
    /// AlertmanagerConfigs that could not be added.
    pub left_out: Vec<LeftOut>,
    /// What the version doesn't know and was dropped.
    pub warnings: Vec<String>,
    /// The TLS material that the objects refer to.
    pub tls_files: TlsFiles,
}

/// Name of the Secret with the user's configuration.
pub fn user_secret(alertmanager: &Alertmanager) -> String {
    let given = alertmanager.spec.config_secret.clone();
    let given = given.filter(|name| !name.is_empty());
    given.unwrap_or_else(|| format!("alertmanager-{}", alertmanager.metadata.name))
}

/// Name of the AlertmanagerConfig that is the base of everything, if one is named.
pub fn base_name(alertmanager: &Alertmanager) -> Option<&str> {
    let global = alertmanager.spec.alertmanager_configuration.as_ref()?;
    global.name.as_deref()
}

/// Makes the configuration.
pub fn whole(inputs: Inputs<'_>) -> Result<Whole, Unmade> {
    let Inputs {
        alertmanager,
        version,
        base,
        configs,
        assets,
    } = inputs;
    let spec = &alertmanager.spec;
    let own = &alertmanager.metadata.namespace;
    let name = base_name(alertmanager);
    let global = spec.alertmanager_configuration.as_ref();
    if global.is_some() && name.is_none() {
        let why = "spec.alertmanagerConfiguration names no AlertmanagerConfig: set its name";
        return Err(why.to_owned().into());
    }
    if spec.alertmanager_config_selector.is_none() && name.is_none() {
        let (text, warning) = user_text(alertmanager, assets);
        return Ok(Whole {
            text,
            warnings: warning.into_iter().collect(),
            ..Whole::default()
        });
    }
    let mut made = match (name, base) {
        (Some(_), Some(base)) => {
            let defaults = global.and_then(|global| global.global.as_ref());
            let mut made = Configuration::of_object(base, defaults, version, assets)?;
            made.add_templates(global.map_or(&[], |global| &global.templates));
            made
        }
        (Some(name), None) => {
            return Err(format!("there is no AlertmanagerConfig {own}/{name}").into());
        }
        (None, _) => {
            let (text, warning) = user_text(alertmanager, assets);
            let mut made = Configuration::read(&text)?;
            made.warnings.extend(warning);
            made
        }
    };
    let left_out = made.add(configs, enforcement(spec, own), version, assets)?;
    Ok(Whole {
        text: made.text(),
        left_out,
        warnings: made.warnings().to_vec(),
        tls_files: made.tls_files().clone(),
    })
}

/// The configuration that the user wrote, or the one that sends nowhere; then a warning, if the Secret was named.
fn user_text(alertmanager: &Alertmanager, assets: &Assets) -> (String, Option<String>) {
    let secret = user_secret(alertmanager);
    let reference = SecretKeySelector {
        key: USER_KEY.to_owned(),
        name: Some(secret.clone()),
        optional: None,
    };
    let scope = assets.within(&alertmanager.metadata.namespace);
    match scope.secret(&reference) {
        Ok(text) if !text.is_empty() => (text, None),
        Ok(_) | Err(AssetError::Object { .. } | AssetError::Key { .. }) => {
            let named = alertmanager.spec.config_secret.as_deref();
            let warning = named.filter(|named| !named.is_empty()).map(|_| {
                format!(
                    "configSecret: there is no {USER_KEY} in Secret {secret:?}; alerts are sent nowhere until there is"
                )
            });
            (DEFAULT.to_owned(), warning)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::read;
    use serde_json::{Value, json};

    #[test]
    fn versions_are_known_from_the_first_that_can_be_configured_to_the_next_major_one() {
        for text in ["v0.15.0", "0.33.1", "v0.99.0"] {
            assert!(known_version(text).is_ok(), "{text}");
        }
        for text in ["v0.14.0", "0.15.0-rc.0", "v1.0.0"] {
            let why = format!("unsupported Alertmanager version {text:?}");
            assert_eq!(known_version(text), Err(why));
        }
        assert!(known_version("new").is_err());
    }

    /// The configuration of an Alertmanager beside which there is nothing.
    fn alone(alertmanager: &Alertmanager) -> Result<Whole, Unmade> {
        whole(Inputs {
            alertmanager,
            version: &known_version("v0.33.1").unwrap(),
            base: None,
            configs: &BTreeMap::new(),
            assets: &Assets::default(),
        })
    }

    #[test]
    fn a_secret_that_is_named_and_missing_is_told() {
        let warnings = |spec: Value| {
            let alertmanager = json!({"metadata": {"name": "a", "namespace": "n"}, "spec": spec});
            let alertmanager: Alertmanager = read(&alertmanager).unwrap();
            alone(&alertmanager).unwrap().warnings
        };
        let told = "configSecret: there is no alertmanager.yaml in Secret \"gone\"; alerts are sent nowhere until there is";
        for selector in [json!(null), json!({})] {
            let more = json!({"configSecret": "gone", "alertmanagerConfigSelector": selector});
            assert_eq!(warnings(more), [told]);
        }
        assert!(warnings(json!({})).is_empty());
    }

    #[test]
    fn a_base_without_a_name_is_not_passed_over() {
        let alertmanager: Alertmanager = read(&json!({
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"alertmanagerConfiguration": {"global": {"resolveTimeout": "1m"}}},
        }))
        .unwrap();
        let made = alone(&alertmanager);
        let why = "spec.alertmanagerConfiguration names no AlertmanagerConfig: set its name";
        assert_eq!(made.map_err(|unmade| unmade.why), Err(why.to_owned()));
    }

    /// A receiver named `r` of one kind of integration in a namespace.
    fn config(namespace: &str, integrations: &str, one: &Value) -> (String, AlertmanagerConfig) {
        let receivers = json!([{"name": "r", integrations: [one]}]);
        let config: AlertmanagerConfig = read(&json!({
            "metadata": {"name": "a", "namespace": namespace},
            "spec": {"route": {"receiver": "r"}, "receivers": receivers},
        }))
        .unwrap();
        (config.key(), config)
    }

    /// A path in a field of somebody else, even of another namespace, brings no key into the pod; nor does a longer name.
    #[test]
    fn only_what_tls_references_name_is_stored() {
        let mut assets = Assets::default();
        let data =
            json!({"ca.crt": "authority", "ca": "another", "tls.key": "key", "password": "p"});
        let metadata = json!({"name": "creds", "namespace": "victim"});
        assets.insert(&json!({"kind": "Secret", "metadata": metadata, "stringData": data}));
        let metadata = json!({"name": "public", "namespace": "victim"});
        let data = json!({"cert": "certificate", "cer": "another"});
        assets.insert(&json!({"kind": "ConfigMap", "metadata": metadata, "data": data}));
        let key = |key: &str| json!({"name": "creds", "key": key});
        let victim = json!({"url": "https://x/", "httpConfig": {
            "authorization": {"credentials": key("password")},
            "tlsConfig": {
                "ca": {"secret": key("ca.crt")}, "keySecret": key("tls.key"),
                "cert": {"configMap": {"name": "public", "key": "cert"}},
            },
        }});
        let path = "/etc/alertmanager/certs/0_victim_creds_password";
        let evil = json!({"botTokenFile": path, "apiURL": "https://evil", "chatID": 1});
        let alertmanager: Alertmanager = read(&json!({
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"alertmanagerConfigSelector": {}},
        }))
        .unwrap();
        let made = whole(Inputs {
            alertmanager: &alertmanager,
            version: &known_version("v0.33.1").unwrap(),
            base: None,
            configs: &BTreeMap::from([
                config("evil", "telegramConfigs", &evil),
                config("victim", "webhookConfigs", &victim),
            ]),
            assets: &assets,
        })
        .unwrap();
        assert_eq!(made.left_out, []);
        assert!(made.text.contains(path), "{}", made.text);
        let expected = [
            ("0_victim_creds_ca.crt", "authority"),
            ("0_victim_creds_tls.key", "key"),
            ("1_victim_public_cert", "certificate"),
        ];
        let expected = expected.map(|(file, text)| (file.to_owned(), text.into()));
        assert_eq!(made.tls_files, expected.into());
    }
}
