//! The StatefulSet of one shard of an agent, or its DaemonSet.

use serde_json::json;

use super::MODE;
use super::member::Member;
use crate::api::PrometheusAgent;
use crate::config::assets::Assets;
use crate::config::prometheus::{Generator, Options};
use crate::workload::image::Image;
use crate::workload::metadata::{Owner, Texts, of_workload, texts};
use crate::workload::pod::Container;
use crate::workload::service;
use crate::workload::stateful_set::{StatefulSetSpec, Template, finished};
use crate::workload::{Built, Secrets, Settings, WorkloadError};

/// What the workload of an agent is made of.
#[derive(Debug, Clone, Copy)]
pub struct AgentInput<'a> {
    /// Name of the StatefulSet, as [`super::shard_name`] gives it; a DaemonSet has that of shard 0.
    pub name: &'a str,
    /// The object.
    pub agent: &'a PrometheusAgent,
    /// The operator's settings.
    pub settings: &'a Settings,
    /// What the configuration's generator is told.
    pub options: Options,
    /// The shard, from 0; a DaemonSet has none.
    pub shard: i32,
    /// How many Secrets its pods mount.
    pub secrets: Secrets,
    /// Digest of what it is made of; a DaemonSet carries none.
    pub input_hash: &'a str,
}

impl<'a> AgentInput<'a> {
    fn member(self, assets: &'a Assets, shard: Option<i32>) -> Result<Member<'a>, WorkloadError> {
        let generator = Generator::new(
            &self.agent.spec.common,
            &self.agent.metadata,
            assets,
            Options {
                daemon_set: shard.is_none(),
                ..self.options
            },
        )
        .map_err(|error| WorkloadError(error.to_string()))?;
        Ok(Member {
            generator,
            settings: self.settings,
            prefix: "prom-agent",
            program: "prometheus-agent",
            shard,
        })
    }
}

/// The StatefulSet of a shard.
pub fn agent_stateful_set(input: AgentInput<'_>) -> Result<Built, WorkloadError> {
    let assets = Assets::default();
    let member = input.member(&assets, Some(input.shard))?;
    let common = member.generator.common;
    let made = member.agent_template(input.secrets);
    let (selector, template) = made.map_err(|error| error.within("make StatefulSet spec"))?;
    let metadata = of_workload(
        Owner::of(input.agent),
        input.name,
        input.settings,
        &texts([(MODE, "agent")]),
        &selector,
        Some(input.input_hash),
    );
    let volume = member.volume_name();
    let spec = StatefulSetSpec {
        service_name: common.service_name.as_deref().unwrap_or(service::AGENT),
        replicas: Some(member.replicas()),
        pod_management_policy: common.pod_management_policy.as_deref(),
        update_strategy: common.update_strategy.as_ref(),
        min_ready_seconds: common.min_ready_seconds,
        selector: &selector,
        template: template.into_value(input.settings, "prometheus-agent"),
        storage: Some(member.storage(&volume)),
        claim_retention: common.persistent_volume_claim_retention_policy.as_ref(),
    };
    Ok(Built {
        object: finished("StatefulSet", &metadata, &spec.into_value())?,
        warnings: member.generator.take_warnings(),
    })
}

/// The DaemonSet of an agent that runs on every node.
pub fn agent_daemon_set(input: AgentInput<'_>) -> Result<Built, WorkloadError> {
    let assets = Assets::default();
    let member = input.member(&assets, None)?;
    let made = member.agent_template(input.secrets);
    let (selector, template) = made.map_err(|error| error.within("make DaemonSet spec"))?;
    let metadata = of_workload(
        Owner::of(input.agent),
        input.name,
        input.settings,
        &texts([(MODE, "agent")]),
        &selector,
        None,
    );
    let spec = json!({
        "minReadySeconds": member.generator.common.min_ready_seconds,
        "selector": {"matchLabels": selector},
        "template": template.into_value(input.settings, "prometheus-agent"),
    });
    Ok(Built {
        object: finished("DaemonSet", &metadata, &spec)?,
        warnings: member.generator.take_warnings(),
    })
}

impl Member<'_> {
    fn agent_template(&self, secrets: Secrets) -> Result<(Texts, Template), WorkloadError> {
        let common = self.generator.common;
        let version = format!("v{}", self.version());
        let image = Image {
            verbatim: common.image.as_deref(),
            base: &self.settings.prometheus_image,
            version: &version,
            ..Image::default()
        };
        let image = image.reference()?;
        let mut arguments = self.agent_arguments();
        let mut volumes = self.volumes(secrets)?;
        if self.shard.is_none() {
            self.web_config(&mut volumes, &mut arguments, true)?;
        } else if self.has_web_config() {
            self.web_config(&mut volumes, &mut arguments, false)?;
        } else if common.web.is_some() {
            self.generator.unsupported("web.config.file");
        }
        let container = Container {
            image,
            args: arguments.joined(&common.additional_args)?,
            ..self.main_container()
        };
        self.template(container, volumes, None)
    }
}
