//! The StatefulSet of one shard of a server.

use serde_json::Value;

use super::MODE;
use super::member::{Member, Probes};
use super::volumes::Volumes;
use crate::api::Prometheus;
use crate::config::assets::Assets;
use crate::config::prometheus::{Generator, Options};
use crate::workload::image::{Image, or};
use crate::workload::merge::merged;
use crate::workload::metadata::{Owner, Texts, of_workload, texts};
use crate::workload::pod::{Container, EnvVar, Port};
use crate::workload::service;
use crate::workload::stateful_set::{StatefulSetSpec, Template, finished, port_name};
use crate::workload::{Built, Secrets, Settings, WorkloadError};

/// What the StatefulSet of a shard is made of.
#[derive(Debug, Clone, Copy)]
pub struct ServerInput<'a> {
    /// Name of the StatefulSet, as [`super::shard_name`] gives it.
    pub name: &'a str,
    /// The object.
    pub prometheus: &'a Prometheus,
    /// The operator's settings.
    pub settings: &'a Settings,
    /// What the configuration's generator is told.
    pub options: Options,
    /// The shard, from 0.
    pub shard: i32,
    /// Names of the `ConfigMaps` with rules.
    pub rule_config_maps: &'a [String],
    /// How many Secrets its pods mount.
    pub secrets: Secrets,
    /// Digest of what it is made of.
    pub input_hash: &'a str,
}

/// The StatefulSet of a shard.
pub fn server_stateful_set(input: ServerInput<'_>) -> Result<Built, WorkloadError> {
    let assets = Assets::default();
    let prometheus = input.prometheus;
    let generator = Generator::new(
        &prometheus.spec.common,
        &prometheus.metadata,
        &assets,
        Options {
            daemon_set: false,
            ..input.options
        },
    )
    .map_err(|error| WorkloadError(error.to_string()))?;
    let member = Member {
        generator,
        settings: input.settings,
        prefix: "prometheus",
        program: "prometheus",
        shard: Some(input.shard),
    };
    let made = member.server_template(&input);
    let (selector, template) = made.map_err(|error| error.within("make StatefulSet spec"))?;
    let common = member.generator.common;
    let metadata = of_workload(
        Owner::of(prometheus),
        input.name,
        input.settings,
        &texts([(MODE, "server")]),
        &selector,
        Some(input.input_hash),
    );
    let volume = member.volume_name();
    let spec = StatefulSetSpec {
        service_name: common
            .service_name
            .as_deref()
            .unwrap_or(service::PROMETHEUS),
        replicas: Some(member.replicas()),
        pod_management_policy: common.pod_management_policy.as_deref(),
        update_strategy: common.update_strategy.as_ref(),
        min_ready_seconds: common.min_ready_seconds,
        selector: &selector,
        template: template.into_value(input.settings, "prometheus"),
        storage: Some(member.storage(&volume)),
        claim_retention: common.persistent_volume_claim_retention_policy.as_ref(),
    };
    Ok(Built {
        object: finished("StatefulSet", &metadata, &spec.into_value())?,
        warnings: member.generator.take_warnings(),
    })
}

impl Member<'_> {
    fn server_template(&self, input: &ServerInput<'_>) -> Result<(Texts, Template), WorkloadError> {
        let spec = &input.prometheus.spec;
        let common = self.generator.common;
        let version = format!("v{}", self.version());
        let image = Image {
            verbatim: common.image.as_deref(),
            base: or(spec.base_image.as_deref(), &self.settings.prometheus_image),
            version: &version,
            tag: spec.tag.as_deref(),
            sha: spec.sha.as_deref(),
        };
        let image = image.reference()?;
        let mut arguments = self.server_arguments(spec);
        let mut volumes = self.volumes(input.secrets)?;
        self.server_volumes(
            &mut volumes,
            spec.query_log_file.as_deref(),
            input.rule_config_maps,
        )?;
        if self.has_web_config() {
            self.web_config(&mut volumes, &mut arguments, false)?;
        } else if common.web.is_some() {
            self.generator.unsupported("web.config.file");
        }
        let compaction = self.compaction(spec)?;
        let sidecar = match &spec.thanos {
            Some(thanos) => Some(self.sidecar(thanos, compaction)?),
            None => None,
        };
        self.compact(&mut arguments, spec, compaction);
        Self::watch_rules(&mut volumes, input.rule_config_maps)?;

        let go_gc = common.runtime.as_ref().and_then(|runtime| runtime.go_gc);
        let go_gc = go_gc.filter(|_| !self.generator.supports((2, 53, 0)));
        let container = Container {
            image,
            args: arguments.joined(&common.additional_args)?,
            env: go_gc
                .map(|percent| EnvVar::text("GOGC", percent))
                .into_iter()
                .collect(),
            ..self.main_container()
        };
        let sidecar = sidecar.map(|sidecar| {
            volumes.main.volumes.extend(sidecar.volume);
            sidecar.container
        });
        self.template(container, volumes, sidecar)
    }

    /// The main container without image, arguments and mounts.
    pub(super) fn main_container(&self) -> Container {
        let common = self.generator.common;
        let Probes {
            startup,
            readiness,
            liveness,
        } = self.probes();
        let port = Port::new(port_name(common.port_name.as_deref()), 9090, "TCP");
        Container {
            name: "prometheus".to_owned(),
            image_pull_policy: common.image_pull_policy.clone(),
            ports: if self.listen_local() {
                Vec::new()
            } else {
                vec![port]
            },
            startup_probe: Some(startup),
            readiness_probe: Some(readiness),
            liveness_probe: Some(liveness),
            resources: common.resources.clone(),
            ..Container::default()
        }
    }

    /// The labels that select the pods, and the pods.
    pub(super) fn template(
        &self,
        main: Container,
        volumes: Volumes,
        sidecar: Option<Value>,
    ) -> Result<(Texts, Template), WorkloadError> {
        let common = self.generator.common;
        let more = if self.program == "prometheus" {
            texts([("prometheus", &self.generator.metadata.name)])
        } else {
            texts([])
        };
        let selector = self.selector(&more);
        let (labels, annotations) = self.pod_metadata(&selector);
        let Volumes {
            main: mounted,
            reloader: mounts,
            watched,
            reloader_web_config,
        } = volumes;
        let init = self.init_reloader(mounts.clone(), watched.clone());
        let reloader = self.reloader(mounts, watched, reloader_web_config);
        let main = Container {
            volume_mounts: mounted.mounts,
            ..main
        };
        let mut containers = vec![main.into_value(), reloader.sidecar(self.settings)];
        containers.extend(sidecar);
        let mut pod = self.pod(&selector);
        pod.init_containers = merged(vec![init.init(self.settings)], &common.init_containers)
            .map_err(|error| error.within("failed to merge init containers spec"))?;
        pod.containers = merged(containers, &common.containers)
            .map_err(|error| error.within("failed to merge containers spec"))?;
        pod.volumes = mounted.volumes;
        if self.shard.is_some() {
            let name = self.volume_name();
            pod.volumes.extend(self.storage(&name).volume());
        }
        pod.volumes.extend_from_slice(&common.volumes);
        Ok((
            selector,
            Template {
                labels,
                annotations,
                pod,
            },
        ))
    }
}
