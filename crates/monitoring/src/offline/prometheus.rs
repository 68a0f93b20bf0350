//! Configurations of Prometheus and its agents, and the rule files of whoever has some.

use std::collections::BTreeMap;

use super::made::config_map;
use super::texts::With;
use super::{Placed, World, path_of};
use crate::api::common::{LabelSelector, ObjectReference};
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::kinds::ObjectMeta;
use crate::api::workload::{WebHttpConfig, WebTlsConfig};
use crate::api::{Prometheus, PrometheusAgent, PrometheusRule};
use crate::config::prometheus::{
    Additional, DEFAULT_VERSION, Generated, Options, Selected, agent_configuration, enforced_label,
    server_configuration, uneven_shards,
};
use crate::config::version::Version;
use crate::operator::scraping::reader;
use crate::operator::workload::Workload as _;
use crate::preflight;
use crate::preflight::web::Server;
use crate::prometheus::decide::selects_no_jobs;
use crate::promql;
use crate::rules::{Format, PROMETHEUS_CONFIG_MAPS, Reader, config_map_names, file_name, pack};
use crate::selection::{Check, Refusal, Wanted, check_common, check_server};
use crate::workload::{
    AgentInput, Secrets, ServerInput, Settings, agent_daemon_set, agent_service,
    agent_stateful_set, prometheus_service, server_stateful_set, shard_names,
};

/// What is to be known of a server without any selector of jobs.
const USERS: &str = "without any selector of jobs the operator leaves the configuration to the user, unless it is started with --disable-unmanaged-prometheus-configuration";

/// A workload that selects rules.
pub(super) struct Ruler<'a> {
    pub(super) at: usize,
    pub(super) owner: String,
    pub(super) metadata: &'a ObjectMeta,
    /// What the names of ConfigMaps begin with.
    pub(super) prefix: &'a str,
    pub(super) namespaces: Option<&'a LabelSelector>,
    pub(super) rules: Option<&'a LabelSelector>,
    pub(super) label: Option<&'a str>,
    pub(super) excluded: &'a [ObjectReference],
    pub(super) reader: Reader<'a>,
}

impl World<'_> {
    pub(super) fn prometheuses(&mut self) {
        for Placed { at, object } in self.of_kind::<_, _>("Prometheus") {
            let prometheus: Prometheus = object;
            self.teller = Some(at);
            let common = &prometheus.spec.common;
            let options = options().of_server(&prometheus.spec);
            let owner = format!("Prometheus {}", prometheus.key());
            let Some(version) = self.version(at, common.version.as_deref(), DEFAULT_VERSION) else {
                continue;
            };
            let mut selected = self.selected(at, &prometheus.metadata, common, &version, options);
            let features = common.enable_features.iter().map(String::as_str);
            let prefix = prometheus.prefixed();
            let maps = self.rule_files(&Ruler {
                at,
                owner: owner.clone(),
                metadata: &prometheus.metadata,
                prefix: &prefix,
                namespaces: prometheus.spec.rule_namespace_selector.as_ref(),
                rules: prometheus.spec.rule_selector.as_ref(),
                label: common.enforced_namespace_label.as_deref(),
                excluded: &common.excluded_from_enforcement,
                reader: Reader {
                    format: Format::Prometheus,
                    version: &version,
                    options: promql::Options::of_features(features),
                },
            });
            selected.rule_config_maps = config_map_names(&prefix, maps, PROMETHEUS_CONFIG_MAPS);
            let check = Check {
                common,
                version: &version,
                scope: self.assets.within(&prometheus.metadata.namespace),
            };
            let checked = check_common(check).and_then(|()| check_server(&prometheus.spec, check));
            if let Err(refusal) = checked {
                self.refuse(at, refusal);
                continue;
            }
            if selects_no_jobs(common) {
                self.warn(at, "spec", [USERS.to_owned()]);
            }
            self.warn(at, "spec.shards", uneven_shards(common, options));
            let none = (Selected::default(), Additional::default());
            let head = server_configuration(&prometheus, &none.0, &none.1, &self.assets, options);
            let with = With {
                at,
                metadata: &prometheus.metadata,
                common,
                version: &version,
                head: &head.map(|made| made.text).unwrap_or_default(),
            };
            let additional = self.of_server(&prometheus, &with);
            let made =
                server_configuration(&prometheus, &selected, &additional, &self.assets, options);
            // Of the jobs it is told where their objects stand.
            let alone = Selected {
                rule_config_maps: selected.rule_config_maps.clone(),
                ..Selected::default()
            };
            let alone =
                server_configuration(&prometheus, &alone, &additional, &self.assets, options);
            self.warn(
                at,
                "spec",
                alone.map(|made| made.warnings).unwrap_or_default(),
            );
            let secrets = match made {
                Ok(made) => {
                    let secrets = self.secrets(at, &prometheus, &made);
                    self.configuration((at, &owner), common, &version, made);
                    self.web((at, &owner), (Server::Prometheus, &version), of_web(common));
                    secrets
                }
                Err(error) => {
                    self.problem(at, "spec", error.to_string());
                    continue;
                }
            };
            if common.service_name.is_none() {
                let service = prometheus_service(&prometheus, &Settings::default());
                self.goes_with(at, [service]);
            }
            self.server_sets(at, &prometheus, &selected.rule_config_maps, secrets);
        }
    }

    /// What runs the pods of a server.
    fn server_sets(
        &mut self,
        at: usize,
        prometheus: &Prometheus,
        rule_config_maps: &[String],
        secrets: Secrets,
    ) {
        let owner = format!("Prometheus {}", prometheus.key());
        let common = &prometheus.spec.common;
        let names = shard_names(Prometheus::PREFIX, &prometheus.metadata.name, common);
        for (shard, name) in (0..).zip(&names) {
            let made = server_stateful_set(ServerInput {
                name,
                prometheus,
                settings: &Settings::default(),
                options: options(),
                shard,
                rule_config_maps,
                secrets,
                input_hash: "",
            });
            self.workload(at, &owner, made);
        }
    }

    /// A configuration, and what Prometheus would say of it.
    fn configuration(
        &mut self,
        (at, owner): (usize, &str),
        common: &CommonPrometheusFields,
        version: &Version,
        made: Generated,
    ) {
        if let Err(fault) = reader(common, version).text(&made.text) {
            let fault = preflight::in_the_workloads_words(fault);
            let text = format!("Prometheus {version} would refuse the configuration: {fault}");
            self.refuse(at, text);
        }
        self.file(owner, "prometheus.yaml", made.text);
    }

    pub(super) fn agents(&mut self) {
        for Placed { at, object } in self.of_kind::<_, _>("PrometheusAgent") {
            let agent: PrometheusAgent = object;
            self.teller = Some(at);
            let common = &agent.spec.common;
            let owner = format!("PrometheusAgent {}", agent.key());
            let Some(version) = self.version(at, common.version.as_deref(), DEFAULT_VERSION) else {
                continue;
            };
            // Shards of agents are never retained.
            let options = Options {
                retention_policies: false,
                daemon_set: agent.spec.is_on_every_node(),
                ..options()
            };
            let selected = self.selected(at, &agent.metadata, common, &version, options);
            let checked = check_common(Check {
                common,
                version: &version,
                scope: self.assets.within(&agent.metadata.namespace),
            });
            if let Err(refusal) = checked {
                self.refuse(at, refusal);
                continue;
            }
            self.warn(at, "spec.shards", uneven_shards(common, options));
            let none = (Selected::default(), Additional::default());
            let head = agent_configuration(&agent, &none.0, &none.1, &self.assets, options);
            let with = With {
                at,
                metadata: &agent.metadata,
                common,
                version: &version,
                head: &head.map(|made| made.text).unwrap_or_default(),
            };
            let additional = self.of_agent(&agent, &with);
            let made = agent_configuration(&agent, &selected, &additional, &self.assets, options);
            let alone = Selected::default();
            let alone = agent_configuration(&agent, &alone, &additional, &self.assets, options);
            self.warn(
                at,
                "spec",
                alone.map(|made| made.warnings).unwrap_or_default(),
            );
            let made = match made {
                Ok(made) => made,
                Err(error) => {
                    self.problem(at, "spec", error.to_string());
                    continue;
                }
            };
            let secrets = self.secrets(at, &agent, &made);
            if common.service_name.is_none() {
                self.goes_with(at, [agent_service(&agent, &Settings::default())]);
            }
            self.configuration((at, &owner), common, &version, made);
            self.web((at, &owner), (Server::Prometheus, &version), of_web(common));
            let names = shard_names(PrometheusAgent::PREFIX, &agent.metadata.name, common);
            for (shard, name) in (0..).zip(&names) {
                let input = AgentInput {
                    name,
                    agent: &agent,
                    settings: &Settings::default(),
                    options,
                    shard,
                    secrets,
                    input_hash: "",
                };
                if options.daemon_set {
                    self.workload(at, &owner, agent_daemon_set(input));
                    break;
                }
                self.workload(at, &owner, agent_stateful_set(input));
            }
        }
    }

    pub(super) fn refuse(&mut self, at: usize, refusal: Refusal) {
        let path = self
            .objects
            .get(at)
            .map_or_else(String::new, |object| path_of(object, &refusal));
        self.problem(at, &path, refusal);
    }

    pub(super) fn version(
        &mut self,
        at: usize,
        given: Option<&str>,
        default: &str,
    ) -> Option<Version> {
        let given = given.filter(|version| !version.is_empty());
        match Version::parse(given.unwrap_or(default)) {
            Ok(version) => Some(version),
            Err(error) => {
                self.problem(at, "spec.version", error.to_string());
                None
            }
        }
    }

    /// Writes the rule files of a workload; how many ConfigMaps hold them.
    pub(super) fn rule_files(&mut self, ruler: &Ruler) -> usize {
        let own = &ruler.metadata.namespace;
        let wanted = match Wanted::new(own, ruler.namespaces, ruler.rules) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.problem(ruler.at, "spec.ruleSelector", error);
                return 0;
            }
        };
        let all = self.of_kind::<_, _>("PrometheusRule");
        let mut files = BTreeMap::new();
        for Placed { at, object } in self.wanted(&wanted, all) {
            let rule: PrometheusRule = object;
            let name = file_name(&rule.metadata);
            let label = enforced_label(
                ruler.label,
                ruler.excluded,
                "PrometheusRule",
                &rule.metadata,
            );
            match ruler.reader.file_of(rule, label) {
                Ok(file) => {
                    self.warn(at, "spec.groups", file.warnings);
                    files.insert(name, file.text);
                }
                Err(problems) => {
                    for text in problems {
                        self.refuse(at, text);
                    }
                }
            }
        }
        let parts = pack(files, String::len);
        let count = parts.len();
        let named = config_map_names(ruler.prefix, count, 0);
        for (name, files) in named.iter().zip(&parts) {
            self.goes_with(ruler.at, [config_map(own, name, files)]);
        }
        for (name, text) in parts.into_iter().flatten() {
            self.file(&ruler.owner, &name, text);
        }
        count
    }
}

/// What it serves with.
fn of_web(common: &CommonPrometheusFields) -> (Option<&WebTlsConfig>, Option<&WebHttpConfig>) {
    let web = common.web.as_ref();
    web.map_or((None, None), |web| {
        (web.tls_config.as_ref(), web.http_config.as_ref())
    })
}

/// What a cluster of today can do.
fn options() -> Options {
    Options {
        endpoint_slice_supported: true,
        pod_topology_labels: true,
        topology_sharding: true,
        retention_policies: true,
        ..Options::default()
    }
}
