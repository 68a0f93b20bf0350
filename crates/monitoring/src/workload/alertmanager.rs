//! The StatefulSet of an Alertmanager cluster (upstream's `pkg/alertmanager/statefulset.go`).

mod arguments;
mod volumes;

use serde_json::{Value, json};

use super::image::{Image, or};
use super::merge::merged;
use super::metadata::{self, DEFAULT_CONTAINER, Owner, Texts, VERSION, of_workload, texts};
use super::pod::{Container, EnvVar, Handler, Port, Probe};
use super::reloader::{ConfigFile, Reload, Reloader};
use super::settings::ALERTMANAGER_VERSION;
use super::stateful_set::{StatefulSetSpec, Template, finished, pod_of};
use super::storage::Storage;
use super::{Built, Settings, WorkloadError, service};
use crate::api::Alertmanager;
use crate::api::alertmanager::AlertmanagerSpec;
use crate::api::kinds::ObjectMeta;
use crate::config::version::{Since, Version};
use crate::config::yaml::filled;
use crate::path;

const CONFIG: &str = "/etc/alertmanager/config";
const CONFIG_FILE: &str = "/etc/alertmanager/config_out/alertmanager.env.yaml";
const STORAGE: &str = "/alertmanager";

/// The pods of a cluster.
struct Cluster<'a> {
    spec: &'a AlertmanagerSpec,
    metadata: &'a ObjectMeta,
    settings: &'a Settings,
    image: String,
    version: Version,
    tls_secrets: usize,
}

/// The StatefulSet, with defaults where the object says nothing.
pub fn alertmanager_stateful_set(
    alertmanager: &Alertmanager,
    settings: &Settings,
    tls_secrets: usize,
    input_hash: &str,
) -> Result<Built, WorkloadError> {
    let mut alertmanager = alertmanager.clone();
    fill_in(&mut alertmanager.spec);
    let spec = &alertmanager.spec;
    let cluster = Cluster::new(&alertmanager, settings, tls_secrets)?;
    let name = cluster.prefixed();
    let volume = cluster.volume_name();
    let storage = Storage::new(spec.storage.as_ref(), &volume);
    let metadata = of_workload(
        Owner::of(&alertmanager),
        &name,
        settings,
        &Texts::new(),
        &cluster.selector(),
        Some(input_hash),
    );
    let spec = cluster.spec(Some(storage))?;
    Ok(Built {
        object: finished("StatefulSet", &metadata, &spec)?,
        warnings: Vec::new(),
    })
}

/// The spec of the StatefulSet without storage, from an object that says everything.
pub fn alertmanager_spec(
    alertmanager: &Alertmanager,
    settings: &Settings,
    tls_secrets: usize,
) -> Result<Value, WorkloadError> {
    let cluster = Cluster::new(alertmanager, settings, tls_secrets)?;
    let spec = cluster.spec(None)?;
    let mut whole = finished("StatefulSet", &json!({}), &spec)?;
    Ok(whole.get_mut("spec").map(Value::take).unwrap_or_default())
}

/// Labels of the pods of an Alertmanager.
pub fn alertmanager_selector(name: &str) -> Texts {
    let mut labels = metadata::selecting("alertmanager", name);
    labels.insert("alertmanager".to_owned(), name.to_owned());
    labels
}

/// What the definition's defaults say, for objects that were stored under one without.
fn fill_in(spec: &mut AlertmanagerSpec) {
    if filled(&spec.port_name).is_none() {
        spec.port_name = Some("web".to_owned());
    }
    if filled(&spec.retention).is_none() {
        spec.retention = Some("120h".to_owned());
    }
    spec.replicas = Some(spec.replicas.unwrap_or(1).max(0));
    request_memory(&mut spec.resources);
}

/// Asks for 200 MiB unless the user asks for some memory.
pub(super) fn request_memory(resources: &mut Option<Value>) {
    let resources = resources.get_or_insert_with(|| json!({}));
    if !resources.get("requests").is_some_and(Value::is_object)
        && let Some(resources) = resources.as_object_mut()
    {
        resources.insert("requests".to_owned(), json!({}));
    }
    if let Some(requests) = resources.get_mut("requests").and_then(Value::as_object_mut) {
        let memory = requests.entry("memory");
        memory.or_insert_with(|| json!("200Mi"));
    }
}

impl<'a> Cluster<'a> {
    fn new(
        alertmanager: &'a Alertmanager,
        settings: &'a Settings,
        tls_secrets: usize,
    ) -> Result<Self, WorkloadError> {
        let spec = &alertmanager.spec;
        let version = or(spec.version.as_deref(), ALERTMANAGER_VERSION);
        let image = Image {
            verbatim: spec.image.as_deref(),
            base: or(spec.base_image.as_deref(), &settings.alertmanager_image),
            version,
            tag: spec.tag.as_deref(),
            sha: spec.sha.as_deref(),
        };
        let image = image.reference();
        let image = image.map_err(|error| error.within("failed to build image path"))?;
        let version = Version::parse(version).map_err(|error| {
            WorkloadError(format!("failed to parse alertmanager version: {error}"))
        })?;
        Ok(Self {
            spec,
            metadata: &alertmanager.metadata,
            settings,
            image,
            version,
            tls_secrets,
        })
    }

    fn since(&self, since: Since) -> bool {
        self.version.at_least(since)
    }

    fn prefixed(&self) -> String {
        format!("alertmanager-{}", self.metadata.name)
    }

    fn volume_name(&self) -> String {
        format!("{}-db", self.prefixed())
    }

    fn route_prefix(&self) -> &str {
        filled(&self.spec.route_prefix).unwrap_or("/")
    }

    fn service_name(&self) -> &str {
        let own = self.spec.service_name.as_deref();
        own.unwrap_or(service::ALERTMANAGER)
    }

    fn listen_local(&self) -> bool {
        self.spec.listen_local == Some(true)
    }

    fn port_name(&self) -> &str {
        self.spec.port_name.as_deref().unwrap_or_default()
    }

    fn https(&self) -> bool {
        let web = self.spec.web.as_ref();
        self.since((0, 22, 0)) && web.is_some_and(|web| web.tls_config.is_some())
    }

    fn selector(&self) -> Texts {
        let mut labels = alertmanager_selector(&self.metadata.name);
        metadata::add(&mut labels, &self.settings.labels);
        labels
    }

    fn spec(&self, storage: Option<Storage<'_>>) -> Result<Value, WorkloadError> {
        let spec = self.spec;
        let selector = self.selector();
        let mut template = self.template(&selector)?;
        if let Some(storage) = storage {
            let pod = &mut template.pod;
            pod.image_pull_secrets.clone_from(&spec.image_pull_secrets);
            pod.volumes.extend(storage.volume());
            pod.volumes.extend_from_slice(&spec.volumes);
        }
        let retention = spec.persistent_volume_claim_retention_policy.as_ref();
        let spec = StatefulSetSpec {
            service_name: self.service_name(),
            replicas: spec.replicas,
            pod_management_policy: spec.pod_management_policy.as_deref(),
            update_strategy: spec.update_strategy.as_ref(),
            min_ready_seconds: spec.min_ready_seconds,
            selector: &selector,
            template: template.into_value(self.settings, "alertmanager"),
            storage,
            claim_retention: retention.filter(|_| storage.is_some()),
        };
        Ok(spec.into_value())
    }

    fn template(&self, selector: &Texts) -> Result<Template, WorkloadError> {
        let spec = self.spec;
        let mut labels = texts([(VERSION, &self.version.to_string())]);
        let mut annotations = Texts::new();
        if let Some(own) = &spec.pod_metadata {
            metadata::add(&mut labels, &own.labels);
            metadata::add(&mut annotations, &own.annotations);
        }
        metadata::add(&mut labels, selector);
        annotations.insert(DEFAULT_CONTAINER.to_owned(), "alertmanager".to_owned());

        let volumes = self.volumes()?;
        let arguments = self.arguments(&volumes);
        let (liveness_probe, readiness_probe) = self.probes();
        let main = Container {
            name: "alertmanager".to_owned(),
            image: self.image.clone(),
            image_pull_policy: spec.image_pull_policy.clone(),
            args: arguments.joined(&spec.additional_args)?,
            env: self.env(),
            ports: self.ports(),
            volume_mounts: volumes.main.mounts,
            liveness_probe,
            readiness_probe,
            resources: spec.resources.clone(),
            ..Container::default()
        };
        let (init, sidecar) = self.reloaders(volumes.reloader, volumes.watched, volumes.web_config);

        let mut pod = pod_of!(spec);
        // The StatefulSet adds them, as upstream's does.
        pod.image_pull_secrets.clear();
        pod.automount_service_account_token = spec.automount_service_account_token;
        pod.termination_grace_period_seconds = spec.termination_grace_period_seconds.unwrap_or(120);
        pod.topology_spread_constraints
            .clone_from(&spec.topology_spread_constraints);
        if spec.host_network == Some(true) {
            pod.on_host_network();
        }
        let containers = vec![main.into_value(), sidecar.sidecar(self.settings)];
        pod.containers = merged(containers, &spec.containers)
            .map_err(|error| error.within("failed to merge containers spec"))?;
        pod.init_containers = merged(vec![init.init(self.settings)], &spec.init_containers)
            .map_err(|error| error.within("failed to merge init containers spec"))?;
        pod.volumes = volumes.main.volumes;
        Ok(Template {
            labels,
            annotations,
            pod,
        })
    }

    fn env(&self) -> Vec<EnvVar> {
        let mut env = vec![EnvVar::field("POD_IP", "status.podIP")];
        // Older versions don't need it, and would be rolled for nothing.
        if self.since((0, 30, 0)) {
            env.push(EnvVar::pod_name());
        }
        env
    }

    fn ports(&self) -> Vec<Port> {
        let mut ports = Vec::new();
        if !self.listen_local() {
            ports.push(Port::new(self.port_name(), 9093, "TCP"));
        }
        ports.push(Port::new("mesh-tcp", 9094, "TCP"));
        ports.push(Port::new("mesh-udp", 9094, "UDP"));
        ports
    }

    /// Liveness and readiness; none if only the loopback address is listened on.
    fn probes(&self) -> (Option<Probe>, Option<Probe>) {
        if self.listen_local() {
            return (None, None);
        }
        let handler = |page: &str| {
            let path = path::clean(&format!("{}{page}", self.route_prefix()));
            Handler::http(&path, self.port_name(), self.https())
        };
        let liveness = Probe {
            handler: handler("/-/healthy"),
            timeout_seconds: 3,
            failure_threshold: 10,
            ..Probe::default()
        };
        let readiness = Probe {
            handler: handler("/-/ready"),
            initial_delay_seconds: 3,
            timeout_seconds: 3,
            period_seconds: 5,
            failure_threshold: 10,
        };
        (Some(liveness), Some(readiness))
    }

    /// The reloaders of the init container and of the sidecar.
    fn reloaders(
        &self,
        mounts: Vec<Value>,
        watched: Vec<String>,
        web_config_file: Option<String>,
    ) -> (Reloader, Reloader) {
        let init = Reloader {
            pull_policy: self.spec.image_pull_policy.clone(),
            config: Some(ConfigFile {
                folder: CONFIG,
                name: "alertmanager.yaml.gz",
                written: CONFIG_FILE,
            }),
            watched,
            log_level: self.spec.log_level.clone(),
            log_format: self.spec.log_format.clone(),
            mounts,
            env: vec![EnvVar::text("SHARD", -1)],
            ..Reloader::default()
        };
        let scheme = if self.https() { "https" } else { "http" };
        let host = format!("{}:9093", self.settings.local_host);
        let path = path::clean(&format!("{}/-/reload", self.route_prefix()));
        let sidecar = Reloader {
            reload: Reload::Url(path::url(scheme, &host, &path)),
            listen_local: self.listen_local(),
            web_config_file,
            ..init.clone()
        };
        (init, sidecar)
    }
}
