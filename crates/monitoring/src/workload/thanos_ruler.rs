//! The StatefulSet of a Thanos Ruler (upstream's `pkg/thanos/statefulset.go`).

mod arguments;

use serde_json::{Value, json};

use super::alertmanager::request_memory;
use super::image::{Image, or};
use super::merge::merged;
use super::metadata::{self, DEFAULT_CONTAINER, Owner, Texts, VERSION, of_workload};
use super::names::volume_of;
use super::pod::{Container, EnvVar, Port, mount, read_only, rules_volume, tls_assets};
use super::reloader::{Reload, Reloader};
use super::settings::{THANOS_IMAGE, THANOS_VERSION};
use super::stateful_set::{StatefulSetSpec, Template, finished, pod_of};
use super::storage::Storage;
use super::web::{Mounted, THANOS_RULER_WEB_CONFIG, WebConfig};
use super::{Built, Settings, WorkloadError, service};
use crate::api::ThanosRuler;
use crate::api::common::SecretKeySelector;
use crate::api::kinds::ObjectMeta;
use crate::api::thanos_ruler::ThanosRulerSpec;
use crate::config::version::{Since, Version};
use crate::path;

const RULES: &str = "/etc/thanos/rules";
const CONFIG: &str = "/etc/thanos/config";
const STORAGE: &str = "/thanos/data";

/// What the StatefulSet is made of.
#[derive(Debug, Clone, Copy)]
pub struct ThanosRulerInput<'a> {
    /// The object.
    pub ruler: &'a ThanosRuler,
    /// The operator's settings.
    pub settings: &'a Settings,
    /// Names of the `ConfigMaps` with rules.
    pub rule_config_maps: &'a [String],
    /// How many Secrets hold the TLS assets.
    pub tls_secrets: usize,
    /// Digest of what it is made of.
    pub input_hash: &'a str,
}

/// The pods of a ruler.
struct Ruler<'a> {
    spec: &'a ThanosRulerSpec,
    metadata: &'a ObjectMeta,
    settings: &'a Settings,
    rules: &'a [String],
    tls_secrets: usize,
    version: Version,
}

/// What is mounted for the reloader, with the web configuration it is told of.
struct ReloaderPart {
    mounts: Vec<Value>,
    web_config: Option<String>,
}

/// Labels of the pods of a ruler, whatever labels the user gives them.
pub fn thanos_ruler_selector(name: &str) -> Texts {
    let mut labels = metadata::selecting("thanos-ruler", name);
    labels.insert("thanos-ruler".to_owned(), name.to_owned());
    labels
}

/// The StatefulSet.
pub fn thanos_ruler_stateful_set(input: ThanosRulerInput<'_>) -> Result<Built, WorkloadError> {
    let mut object = input.ruler.clone();
    request_memory(&mut object.spec.resources);
    let spec = &object.spec;
    if spec.query_config.is_none() && spec.query_endpoints.is_empty() {
        return Err(WorkloadError(format!(
            "{}: thanos ruler requires query config or at least one query endpoint to be specified",
            object.metadata.name
        )));
    }
    let version = or(spec.version.as_deref(), THANOS_VERSION);
    let ruler = Ruler {
        spec,
        metadata: &object.metadata,
        settings: input.settings,
        rules: input.rule_config_maps,
        tls_secrets: input.tls_secrets,
        version: Version::parse(version).map_err(|error| {
            WorkloadError(format!(
                "failed to parse Thanos Ruler version {version:?}: {error}"
            ))
        })?,
    };
    let selector = ruler.selector();
    let volume = ruler.volume_name();
    let storage = ruler.storage(&volume);
    let mut template = ruler.template(&selector, storage)?;
    let pod = &mut template.pod;
    pod.volumes.extend(storage.volume());
    pod.volumes.extend_from_slice(&spec.volumes);
    let metadata = of_workload(
        Owner::of(&object),
        &ruler.prefixed(),
        input.settings,
        &Texts::new(),
        &selector,
        Some(input.input_hash),
    );
    let spec = StatefulSetSpec {
        service_name: spec
            .service_name
            .as_deref()
            .unwrap_or(service::THANOS_RULER),
        replicas: spec.replicas,
        pod_management_policy: spec.pod_management_policy.as_deref(),
        update_strategy: spec.update_strategy.as_ref(),
        min_ready_seconds: spec.min_ready_seconds,
        selector: &selector,
        template: template.into_value(input.settings, "thanos-ruler"),
        storage: Some(storage),
        claim_retention: None,
    };
    Ok(Built {
        object: finished("StatefulSet", &metadata, &spec.into_value())?,
        warnings: Vec::new(),
    })
}

impl Ruler<'_> {
    fn since(&self, since: Since) -> bool {
        self.version.at_least(since)
    }

    fn prefixed(&self) -> String {
        format!("thanos-ruler-{}", self.metadata.name)
    }

    fn volume_name(&self) -> String {
        format!("{}-data", self.prefixed())
    }

    fn storage<'n>(&'n self, name: &'n str) -> Storage<'n> {
        Storage::new(self.spec.storage.as_ref(), name)
    }

    fn listen_local(&self) -> bool {
        self.spec.listen_local == Some(true)
    }

    /// Labels of the pods that selectors name: the user's too.
    fn selector(&self) -> Texts {
        let own = self.spec.pod_metadata.as_ref();
        let mut labels = own.map(|own| own.labels.clone()).unwrap_or_default();
        metadata::add(&mut labels, &self.settings.labels);
        metadata::add(&mut labels, &thanos_ruler_selector(&self.metadata.name));
        labels
    }

    fn template(&self, selector: &Texts, storage: Storage<'_>) -> Result<Template, WorkloadError> {
        let spec = self.spec;
        let mut labels = selector.clone();
        labels.insert(VERSION.to_owned(), self.version.to_string());
        let own = spec.pod_metadata.as_ref();
        let mut annotations = own.map(|own| own.annotations.clone()).unwrap_or_default();
        annotations.insert(DEFAULT_CONTAINER.to_owned(), "thanos-ruler".to_owned());

        let image = Image {
            verbatim: spec.image.as_deref(),
            base: or(Some(&self.settings.thanos_image), THANOS_IMAGE),
            version: or(spec.version.as_deref(), THANOS_VERSION),
            ..Image::default()
        };
        let image = image.reference();
        let image = image.map_err(|error| error.within("failed to build image path"))?;
        let mut mounted = Mounted::default();
        let arguments = self.arguments(&mut mounted);
        let mut args = vec!["rule".to_owned()];
        args.extend(arguments.joined(&spec.additional_args)?);
        mounted
            .volumes
            .push(tls_assets(&self.prefixed(), self.tls_secrets));
        mounted
            .mounts
            .push(read_only("tls-assets", "/etc/thanos/certs"));
        let part = self.reloader_part(&mut mounted)?;
        if let Some(file) = part.as_ref().and_then(|part| part.web_config.as_ref()) {
            args.push(format!("--http.config={file}"));
        }
        mounted.mounts.push(mount(storage.mounted_name(), STORAGE));
        for name in self.rules {
            let volume = volume_of(name)?;
            mounted.volumes.push(rules_volume(&volume, name));
            mounted
                .mounts
                .push(read_only(&volume, &format!("{RULES}/{name}")));
        }
        mounted.mounts.extend_from_slice(&spec.volume_mounts);
        let main = Container {
            name: "thanos-ruler".to_owned(),
            image,
            image_pull_policy: spec.image_pull_policy.clone(),
            args,
            env: vec![EnvVar::pod_name()],
            ports: self.ports(),
            volume_mounts: mounted.mounts,
            resources: spec.resources.clone(),
            ..Container::default()
        };
        let mut containers = vec![main.into_value()];
        containers.extend(part.map(|part| self.reloader(part).sidecar(self.settings)));

        let mut pod = pod_of!(spec);
        pod.termination_grace_period_seconds = spec.termination_grace_period_seconds.unwrap_or(120);
        pod.topology_spread_constraints
            .clone_from(&spec.topology_spread_constraints);
        pod.containers = merged(containers, &spec.containers)
            .map_err(|error| error.within("failed to merge containers spec"))?;
        pod.init_containers.clone_from(&spec.init_containers);
        pod.volumes = mounted.volumes;
        Ok(Template {
            labels,
            annotations,
            pod,
        })
    }

    fn ports(&self) -> Vec<Port> {
        let mut ports = vec![Port::new("grpc", 10901, "TCP")];
        if !self.listen_local() {
            let name = self.spec.port_name.as_deref().unwrap_or_default();
            ports.push(Port::new(name, 10902, "TCP"));
        }
        ports
    }

    /// Mounts the web configuration and what the reloader sees; without rules there is no reloader.
    fn reloader_part(&self, to: &mut Mounted) -> Result<Option<ReloaderPart>, WorkloadError> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        let mut part = ReloaderPart {
            mounts: Vec::new(),
            web_config: None,
        };
        for name in self.rules {
            let volume = volume_of(name)?;
            part.mounts.push(mount(&volume, &format!("{RULES}/{name}")));
        }
        if self.since((0, 21, 0)) {
            let web = self.spec.web.as_ref();
            let secret = format!("{}-web-config", self.prefixed());
            let config = WebConfig::new(
                THANOS_RULER_WEB_CONFIG,
                &secret,
                web.and_then(|web| web.tls_config.as_ref()),
                web.and_then(|web| web.http_config.as_ref()),
            )?;
            let mounted = config.mounted()?;
            part.web_config = Some(config.path());
            part.mounts.extend_from_slice(&mounted.mounts);
            to.volumes.extend(mounted.volumes);
            to.mounts.extend(mounted.mounts);
        }
        Ok(Some(part))
    }

    fn reloader(&self, part: ReloaderPart) -> Reloader {
        let web = self.spec.web.as_ref();
        let tls = web.is_some_and(|web| web.tls_config.is_some());
        let scheme = if tls && self.since((0, 21, 0)) {
            "https"
        } else {
            "http"
        };
        let host = format!("{}:10902", self.settings.local_host);
        let prefix = self.spec.route_prefix.as_deref().unwrap_or_default();
        let path = path::clean(&format!("{prefix}/-/reload"));
        Reloader {
            reload: Reload::Url(path::url(scheme, &host, &path)),
            web_config_file: part.web_config,
            listen_local: self.listen_local(),
            watched: self
                .rules
                .iter()
                .map(|name| format!("{RULES}/{name}"))
                .collect(),
            log_level: self.spec.log_level.clone(),
            log_format: self.spec.log_format.clone(),
            mounts: part.mounts,
            env: vec![EnvVar::text("SHARD", -1)],
            ..Reloader::default()
        }
    }
}

/// One key of a Secret as a file in a folder of its own; the path of the file.
fn mount_key(to: &mut Mounted, volume: &str, key: &SecretKeySelector) -> String {
    let folder = format!("{CONFIG}/{volume}");
    to.volumes.push(json!({
        "name": volume,
        "secret": {"secretName": key.name, "items": [{"key": key.key, "path": key.key}]},
    }));
    to.mounts.push(read_only(volume, &folder));
    path::clean(&format!("{folder}/{}", key.key))
}
