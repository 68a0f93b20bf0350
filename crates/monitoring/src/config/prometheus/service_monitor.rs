//! The jobs of a ServiceMonitor.

use machinery::int_or_string::IntOrString;

use super::generator::Generator;
use super::histograms::Limits;
use super::kubernetes::Discovery;
use super::relabel::{Rules, sanitized};
use super::scrape_class::attach_node;
use crate::api::ServiceMonitor;
use crate::api::service_monitor::{Endpoint, ServiceMonitorSpec};
use crate::config::yaml::{Mapping, filled, natural};

impl Generator<'_> {
    /// The job of one endpoint.
    pub(super) fn service_monitor_job(
        &self,
        monitor: &ServiceMonitor,
        endpoint: &Endpoint,
        index: usize,
    ) -> Mapping {
        let (metadata, spec) = (&monitor.metadata, &monitor.spec);
        let class = self.class(spec.scrape_class.as_ref());
        let scope = self.assets.within(&metadata.namespace);
        let role = self.endpoints_role(
            spec.service_discovery_role
                .as_ref()
                .or(self.common.service_discovery_role.as_ref()),
        );
        let mut job = self.job_of(
            format!(
                "serviceMonitor/{}/{}/{index}",
                metadata.namespace, metadata.name
            ),
            endpoint.honor_labels,
            endpoint.honor_timestamps,
            endpoint.track_timestamps_staleness,
        );
        let attach = self.attach(
            attach_node(spec.attach_metadata.as_ref(), class),
            (2, 37, 0),
        );
        let by_role = spec.selector_mechanism.as_deref() == Some("RoleSelector");
        self.kubernetes_discovery(
            &mut job,
            Discovery {
                role,
                namespaces: self.namespaces(spec.namespace_selector.as_ref(), &metadata.namespace),
                attach,
                selectors: by_role.then(|| (vec![role, "service"], &spec.selector)),
            },
        );
        job.put_some("scrape_interval", filled(&endpoint.interval));
        job.put_some("scrape_timeout", filled(&endpoint.scrape_timeout));
        job.put_some("metrics_path", filled(&endpoint.path));
        if !endpoint.params.is_empty() {
            job.put("params", natural(&endpoint.params));
        }
        job.put_some(
            "scheme",
            endpoint.scheme.as_ref().map(|scheme| scheme.to_lowercase()),
        );
        self.put_some_since(
            &mut job,
            (2, 26, 0),
            "follow_redirects",
            endpoint.follow_redirects,
        );
        self.put_some_since(&mut job, (2, 35, 0), "enable_http2", endpoint.enable_http2);
        self.proxy(&mut job, scope, &endpoint.proxy);
        self.oauth2(&mut job, scope, endpoint.oauth2.as_ref());
        self.tls_or_class(&mut job, scope, endpoint.tls_config.as_ref(), class);
        job.put_some("bearer_token_file", filled(&endpoint.bearer_token_file));
        self.bearer_token(&mut job, scope, endpoint.bearer_token_secret.as_ref());
        self.basic_auth(&mut job, scope, endpoint.basic_auth.as_ref());
        self.authorization_or_class(&mut job, scope, endpoint.authorization.as_ref(), class);

        let mut rules = self.service_monitor_rules(spec, endpoint, role, by_role);
        self.own_rules(
            &mut rules,
            (monitor.kind.as_str(), metadata),
            class,
            &endpoint.relabelings,
        );
        self.shard_by(&mut rules, "__address__");
        job.put("relabel_configs", rules);
        self.limits(&mut job, limits(spec));
        self.native_histograms(&mut job, &spec.native_histograms);
        self.scrape_protocols(&mut job, &spec.scrape_protocols);
        self.fallback_protocol(&mut job, spec.fallback_scrape_protocol.as_ref(), class);
        self.body_size_limit(&mut job, spec.body_size_limit.as_ref());
        self.metric_rules(
            &mut job,
            (monitor.kind.as_str(), metadata),
            class,
            &endpoint.metric_relabelings,
        );
        job
    }

    fn service_monitor_rules(
        &self,
        spec: &ServiceMonitorSpec,
        endpoint: &Endpoint,
        role: &str,
        by_role: bool,
    ) -> Rules {
        let mut rules = Rules::of_job();
        if !by_role {
            rules.selector("service", &spec.selector);
        }
        let port = filled(&endpoint.port);
        let prefix = if role == "endpointslice" {
            "endpointslice"
        } else {
            "endpoint"
        };
        match (port, &endpoint.target_port) {
            (Some(port), _) => {
                rules.filter(
                    "keep",
                    [format!("__meta_kubernetes_{prefix}_port_name")],
                    port,
                );
            }
            (None, Some(target)) => rules.container_port(target),
            (None, None) => {}
        }
        let target = |what: &str| format!("__meta_kubernetes_{prefix}_address_target_{what}");
        for (kind, label) in [("Node", "node"), ("Pod", "pod")] {
            rules.0.push(
                Mapping::new()
                    .with("source_labels", [target("kind"), target("name")])
                    .with("separator", ";")
                    .with("regex", format!("{kind};(.*)"))
                    .with("replacement", "${1}")
                    .with("target_label", label),
            );
        }
        rules.copy("__meta_kubernetes_namespace", "namespace");
        rules.copy("__meta_kubernetes_service_name", "service");
        rules.copy("__meta_kubernetes_pod_name", "pod");
        rules.copy("__meta_kubernetes_pod_container_name", "container");
        if endpoint.filter_running != Some(false) {
            rules.only_running();
        }
        rules.labels_of("service", &spec.target_labels);
        rules.labels_of("pod", &spec.pod_target_labels);
        rules.labels_of("pod", &self.common.pod_target_labels);
        rules.0.push(
            Mapping::new()
                .with("source_labels", ["__meta_kubernetes_service_name"])
                .with("target_label", "job")
                .with("replacement", "${1}"),
        );
        if let Some(label) = filled(&spec.job_label) {
            rules.copy_filled(
                &format!("__meta_kubernetes_service_label_{}", sanitized(label)),
                "job",
            );
        }
        rules.endpoint(port, endpoint.target_port.as_ref());
        rules
    }
}

impl Rules {
    /// Keeps a container port by its name or number.
    pub(super) fn container_port(&mut self, port: &IntOrString) {
        match port {
            IntOrString::String(name) if !name.is_empty() => {
                self.filter(
                    "keep",
                    ["__meta_kubernetes_pod_container_port_name"],
                    name.as_str(),
                );
            }
            IntOrString::Int(number) if *number != 0 => {
                self.filter(
                    "keep",
                    ["__meta_kubernetes_pod_container_port_number"],
                    *number,
                );
            }
            IntOrString::String(_) | IntOrString::Int(_) => {}
        }
    }

    /// Labels of the object that become labels of the target.
    pub(super) fn labels_of(&mut self, role: &str, labels: &[String]) {
        for label in labels {
            let label = sanitized(label);
            self.copy_filled(&format!("__meta_kubernetes_{role}_label_{label}"), &label);
        }
    }

    /// The `endpoint` label: the port, else the target port.
    pub(super) fn endpoint(&mut self, port: Option<&str>, target: Option<&IntOrString>) {
        if let Some(port) = port {
            self.set("endpoint", port);
        } else if let Some(target) = target
            .map(ToString::to_string)
            .filter(|target| !target.is_empty())
        {
            self.set("endpoint", &target);
        }
    }
}

fn limits(spec: &ServiceMonitorSpec) -> Limits {
    Limits {
        sample: spec.sample_limit,
        target: spec.target_limit,
        label: spec.label_limit,
        label_name_length: spec.label_name_length_limit,
        label_value_length: spec.label_value_length_limit,
        keep_dropped_targets: spec.keep_dropped_targets,
    }
}
