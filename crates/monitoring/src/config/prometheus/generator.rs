//! What all parts of the generator share: the object, the version, options, scrape classes and warnings.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::api::common::ObjectReference;
use crate::api::common_prometheus::{CommonPrometheusFields, ScrapeClass};
use crate::api::kinds::ObjectMeta;
use crate::config::assets::{Assets, Scope};
use crate::config::version::{Since, Version};
use crate::config::yaml::{IntoNode, Mapping};

/// What the generator is told besides objects.
#[allow(clippy::struct_excessive_bools, reason = "switches, each of its own")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// The cluster serves `EndpointSlice`s.
    pub endpoint_slice_supported: bool,
    /// The agent runs on every node.
    pub daemon_set: bool,
    /// Shards may be spread by zone.
    pub topology_sharding: bool,
    /// Shards may be retained: every job drops targets of shards that are gone.
    pub retention_policies: bool,
    /// Shards that are no longer wanted are retained: jobs that needn't be shared drop their targets too.
    pub retains_shards: bool,
    /// Pods carry their zone as a label (Kubernetes 1.35).
    pub pod_topology_labels: bool,
    /// TLS material is written into the document.
    pub inline_tls: bool,
    /// Nothing is left out for the sake of an old version.
    pub bypass_version_check: bool,
}

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl ConfigError {
    /// Puts what was being done before the text.
    #[must_use]
    pub fn within(self, what: &str) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

/// A configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The document.
    pub text: String,
    /// What was left out and why, in order.
    pub warnings: Vec<String>,
    /// TLS material that the document names, by file name.
    pub tls_files: BTreeMap<String, String>,
}

/// Makes parts of the configuration of one Prometheus or PrometheusAgent.
pub struct Generator<'a> {
    /// The fields both kinds have.
    pub common: &'a CommonPrometheusFields,
    /// Metadata of the object.
    pub metadata: &'a ObjectMeta,
    /// The version that will read the configuration.
    pub version: Version,
    /// Options.
    pub options: Options,
    /// What references resolve to.
    pub assets: &'a Assets,
    classes: BTreeMap<&'a str, &'a ScrapeClass>,
    default_class: Option<&'a ScrapeClass>,
    no_class: ScrapeClass,
    warnings: RefCell<Vec<String>>,
    tls_files: RefCell<BTreeMap<String, String>>,
}

impl<'a> Generator<'a> {
    /// A generator for an object. The scrape classes must have been validated.
    pub fn new(
        common: &'a CommonPrometheusFields,
        metadata: &'a ObjectMeta,
        assets: &'a Assets,
        options: Options,
    ) -> Result<Self, ConfigError> {
        let text = common.version.as_deref().filter(|text| !text.is_empty());
        let text = text.unwrap_or(super::DEFAULT_VERSION);
        let version = Version::parse(text)
            .map_err(|error| ConfigError(format!("failed to parse Prometheus version: {error}")))?;
        if ![2, 3].contains(&version.major) {
            return Err(ConfigError(format!(
                "unsupported Prometheus version {text:?}"
            )));
        }
        let mut defaults = common
            .scrape_classes
            .iter()
            .filter(|class| class.default == Some(true));
        let default_class = defaults.next();
        if defaults.next().is_some() {
            return Err(ConfigError(
                "failed to parse scrape classes: multiple default scrape classes defined"
                    .to_owned(),
            ));
        }
        Ok(Self {
            common,
            metadata,
            version,
            options,
            assets,
            classes: common
                .scrape_classes
                .iter()
                .map(|class| (class.name.as_str(), class))
                .collect(),
            default_class,
            no_class: ScrapeClass::default(),
            warnings: RefCell::default(),
            tls_files: RefCell::default(),
        })
    }

    /// Whether the version knows what came with `since`.
    pub fn supports(&self, since: Since) -> bool {
        self.options.bypass_version_check || self.version.at_least(since)
    }

    /// Appends a key that came with `since`, or warns.
    pub fn put_since(&self, out: &mut Mapping, since: Since, key: &str, value: impl IntoNode) {
        if self.supports(since) {
            out.put(key, value);
        } else {
            self.unsupported(key);
        }
    }

    /// Appends a key that came with `since` if there is a value.
    pub fn put_some_since(
        &self,
        out: &mut Mapping,
        since: Since,
        key: &str,
        value: Option<impl IntoNode>,
    ) {
        if let Some(value) = value {
            self.put_since(out, since, key, value);
        }
    }

    /// Notes that a field is left out because the version doesn't know it.
    pub fn unsupported(&self, key: &str) {
        self.warn(format!(
            "ignoring {key:?} not supported by Prometheus {}",
            self.version
        ));
    }

    /// Notes something the user should know.
    pub fn warn(&self, text: String) {
        self.warnings.borrow_mut().push(text);
    }

    /// Takes what was noted.
    pub fn take_warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    /// Takes the TLS material that was named so far, by file name.
    pub fn take_tls_files(&self) -> BTreeMap<String, String> {
        self.tls_files.take()
    }

    /// Notes TLS material that the document names.
    pub(super) fn tls_file(&self, name: String, content: String) {
        self.tls_files.borrow_mut().insert(name, content);
    }

    /// The document with everything that was noted on the way.
    pub(super) fn generated(&self, text: String) -> Generated {
        Generated {
            text,
            warnings: self.take_warnings(),
            tls_files: self.tls_files.take(),
        }
    }

    /// The assets of the namespace of the object itself.
    pub fn own_scope(&self) -> Scope<'a> {
        let metadata = self.metadata;
        self.assets.within(&metadata.namespace)
    }

    /// The scrape class of that name, else the default one, else one that says nothing.
    pub fn class(&self, name: Option<&String>) -> &ScrapeClass {
        name.and_then(|name| self.classes.get(name.as_str()).copied())
            .or(self.default_class)
            .unwrap_or(&self.no_class)
    }

    /// The number of shards.
    pub fn shards(&self) -> i32 {
        self.common.shards.unwrap_or(1).max(1)
    }

    /// The label that is set to the namespace of an object, unless the object is spared.
    pub fn enforced_label(&self, kind: &str, metadata: &ObjectMeta) -> Option<&str> {
        let label = self.common.enforced_namespace_label.as_deref();
        enforced_label(
            label,
            &self.common.excluded_from_enforcement,
            kind,
            metadata,
        )
    }
}

/// A workload's label for namespaces, unless an object is spared.
pub fn enforced_label<'a>(
    label: Option<&'a str>,
    excluded: &[ObjectReference],
    kind: &str,
    metadata: &ObjectMeta,
) -> Option<&'a str> {
    let label = label.filter(|label| !label.is_empty())?;
    let mut excluded = excluded.iter();
    (!excluded.any(|reference| spares(reference, kind, metadata))).then_some(label)
}

fn spares(reference: &ObjectReference, kind: &str, metadata: &ObjectMeta) -> bool {
    let group = reference.group.as_deref().unwrap_or_default();
    let name = reference.name.as_deref().unwrap_or_default();
    let of_kind = match reference.resource.as_str() {
        "prometheusrules" => "PrometheusRule",
        "servicemonitors" => "ServiceMonitor",
        "podmonitors" => "PodMonitor",
        "probes" => "Probe",
        "scrapeconfigs" => "ScrapeConfig",
        _ => return false,
    };
    group == crate::api::GROUP
        && of_kind == kind
        && !reference.namespace.is_empty()
        && reference.namespace == metadata.namespace
        && (name.is_empty() || name == metadata.name)
}
