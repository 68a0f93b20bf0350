//! The Alertmanager configuration (upstream's `pkg/alertmanager/amcfg.go`): a base, and AlertmanagerConfigs added to it.
//!
//! The document is kept as it is read, so that fields which nobody here knows stay. An object that can't be added is left out
//! with a reason; the parts of the others are the same without it.

mod block;
pub(crate) mod convert;
pub(crate) mod interval;
mod print;
mod root;
pub mod sanitize;
pub(crate) mod texts;
mod whole;

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::convert::{Converter, Parts};
use self::sanitize::{Fields, Part, Refusal, sanitize};
use crate::api::AlertmanagerConfig;
use crate::api::alertmanager::AlertmanagerGlobalConfig;
use crate::api::common::SecretOrConfigMap;
use crate::config::assets::Assets;
use crate::config::version::Version;
use crate::redact;
use crate::selection::{check_alertmanager_config, check_global_client, check_global_config};

pub use self::convert::{Enforcement, TlsFiles};
pub use self::whole::{Inputs, USER_KEY, Whole, base_name, known_version, user_secret, whole};

/// What stands in for a configuration that isn't there: alerts go nowhere.
pub const DEFAULT: &str = "route:\n  receiver: 'null'\nreceivers:\n- name: 'null'";

/// Where templates are mounted.
const TEMPLATES: &str = "/etc/alertmanager/templates";

/// An Alertmanager configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    document: Fields,
    warnings: Vec<String>,
    tls_files: TlsFiles,
}

/// An AlertmanagerConfig that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// `namespace/name`.
    pub key: String,
    /// Why.
    pub why: Refusal,
}

/// Who brought what is wrong in a configuration without any selected object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Culprit {
    /// The Alertmanager, or the user's Secret.
    Alertmanager,
    /// The AlertmanagerConfig that is named as the base of everything.
    Base,
}

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmade {
    /// What is wrong.
    pub why: Refusal,
    /// Who brought it.
    pub of: Culprit,
}

impl From<Refusal> for Unmade {
    fn from(why: Refusal) -> Self {
        Self {
            why,
            of: Culprit::Alertmanager,
        }
    }
}

impl From<Unmade> for Refusal {
    fn from(unmade: Unmade) -> Self {
        unmade.why
    }
}

/// A fault of the base of everything.
fn of_base(why: Refusal) -> Unmade {
    Unmade {
        why,
        of: Culprit::Base,
    }
}

impl Configuration {
    /// Reads a configuration that a user wrote.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let parsed = texts::read(text);
        let parsed = parsed.map_err(|error| redact::without_quoted(&error.to_string()))?;
        let document = match parsed.value {
            Value::Object(document) => document,
            Value::Null => return Err("no route provided in config".to_owned()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(
                    "yaml: unmarshal errors:\n  line 1: the configuration must be a mapping"
                        .to_owned(),
                );
            }
        };
        root::check_names(&document)?;
        let checked = root::check(document.get("route"));
        checked.map_err(|why| format!("check AlertmanagerConfig root route failed: {why}"))?;
        Ok(Self::of(document))
    }

    /// The configuration that an Alertmanager's `alertmanagerConfiguration` names: an object and the defaults of all receivers.
    pub fn of_object(
        config: &AlertmanagerConfig,
        global: Option<&AlertmanagerGlobalConfig>,
        version: &Version,
        assets: &Assets,
    ) -> Result<Self, Unmade> {
        let scope = assets.within(&config.metadata.namespace);
        let checked = check_alertmanager_config(config, version, scope);
        checked.map_err(|unusable| of_base(unusable.to_string()))?;
        let tls_files = RefCell::default();
        let mut converter = Converter {
            version,
            scope,
            namespace: &config.metadata.namespace,
            name: &config.metadata.name,
            global: None,
            tls_files: &tls_files,
        };
        let mut document = Fields::new();
        if let Some(global) = global {
            check_global_config(global, version, scope)?;
            document.insert("global".to_owned(), converter.global(global)?);
            check_global_client(global, version, scope)?;
        }
        converter.global = document.get("global").and_then(Value::as_object);
        let parts = converter.parts(&config.spec).map_err(of_base)?;
        append(&mut document, "inhibit_rules", parts.inhibit_rules);
        append(&mut document, "receivers", parts.receivers);
        append(
            &mut document,
            "mute_time_intervals",
            parts.mute_time_intervals,
        );
        if let Some(route) = parts.route {
            document.insert("route".to_owned(), route);
        }
        let mut made = Self::of(document);
        made.tls_files = tls_files.take();
        made.sanitize(version).map_err(of_base)?;
        root::check(made.document.get("route")).map_err(of_base)?;
        Ok(made)
    }

    /// Names files of templates by the keys that hold them.
    pub fn add_templates(&mut self, templates: &[SecretOrConfigMap]) {
        let keys = templates
            .iter()
            .flat_map(|one| [&one.config_map, &one.secret])
            .flatten()
            .map(|one| json!(format!("{TEMPLATES}/{}", one.key)));
        append(&mut self.document, "templates", keys.collect());
    }

    fn of(mut document: Fields) -> Self {
        let templates = document.entry("templates").or_insert_with(|| json!([]));
        if templates.is_null() {
            *templates = json!([]);
        }
        Self {
            document,
            warnings: Vec::new(),
            tls_files: TlsFiles::new(),
        }
    }

    /// Adds objects in the order of their keys, their routes before those of the base. Those that can't be added are returned.
    pub fn add(
        &mut self,
        configs: &BTreeMap<String, AlertmanagerConfig>,
        enforcement: Enforcement,
        version: &Version,
        assets: &Assets,
    ) -> Result<Vec<LeftOut>, Refusal> {
        let global = self.document.get("global").and_then(Value::as_object);
        let global = global.cloned();
        let mut routes = Vec::new();
        let mut left_out = Vec::new();
        for (key, config) in configs {
            let tls_files = RefCell::default();
            let converter = Converter {
                version,
                scope: assets.within(&config.metadata.namespace),
                namespace: &config.metadata.namespace,
                name: &config.metadata.name,
                global: global.as_ref(),
                tls_files: &tls_files,
            };
            let parts = converter.parts_within(config, enforcement);
            match parts {
                Ok(parts) => {
                    self.take(parts, &mut routes);
                    self.tls_files.extend(tls_files.take());
                }
                Err(why) => left_out.push(LeftOut {
                    key: key.clone(),
                    why,
                }),
            }
        }
        if !routes.is_empty()
            && let Some(root) = self
                .document
                .get_mut("route")
                .and_then(Value::as_object_mut)
        {
            let base = root.entry("routes").or_insert_with(|| json!([]));
            routes.extend(base.as_array().into_iter().flatten().cloned());
            *base = Value::Array(routes);
        }
        self.sanitize(version)?;
        Ok(left_out)
    }

    fn take(&mut self, parts: Parts, routes: &mut Vec<Value>) {
        append(&mut self.document, "inhibit_rules", parts.inhibit_rules);
        routes.extend(parts.route);
        append(&mut self.document, "receivers", parts.receivers);
        append(
            &mut self.document,
            "mute_time_intervals",
            parts.mute_time_intervals,
        );
    }

    fn sanitize(&mut self, version: &Version) -> Result<(), Refusal> {
        let mut document = Value::Object(std::mem::take(&mut self.document));
        let warnings = sanitize(Part::Document, &mut document, version);
        if let Value::Object(document) = document {
            self.document = document;
        }
        self.warnings.extend(warnings?);
        Ok(())
    }

    /// What a version doesn't know and was dropped.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The TLS material that the objects refer to.
    pub fn tls_files(&self) -> &TlsFiles {
        &self.tls_files
    }

    /// The configuration as YAML.
    pub fn text(&self) -> String {
        print::text(&self.document)
    }
}

impl Converter<'_> {
    /// What is added for an object, fit for the version. Without a route it still brings inhibit rules, and receivers and
    /// intervals, which routes of the user's own configuration may name.
    fn parts_within(
        self,
        config: &AlertmanagerConfig,
        enforcement: Enforcement,
    ) -> Result<Parts, Refusal> {
        let mut parts = self.parts(&config.spec)?;
        for rule in &mut parts.inhibit_rules {
            self.enforce_rule(enforcement, rule);
            sanitize(Part::InhibitRule, rule, self.version)?;
        }
        if let Some(route) = &mut parts.route {
            self.enforce_route(enforcement, route);
            sanitize(Part::Route, route, self.version)?;
        }
        for receiver in &mut parts.receivers {
            sanitize(Part::Receiver, receiver, self.version)?;
        }
        Ok(parts)
    }
}

fn append(document: &mut Fields, key: &str, items: Vec<Value>) {
    if items.is_empty() {
        return;
    }
    let list = document.entry(key).or_insert_with(|| json!([]));
    if list.is_null() {
        *list = json!([]);
    }
    if let Some(list) = list.as_array_mut() {
        list.extend(items);
    }
}
